using System.Text.Json;
using System.Text.Json.Serialization;

namespace Earshot.Monitor.Reports;

/// <summary>How the monitor writes JSON: names in camel case, words for enumerations, null for what is not
/// known.</summary>
internal static class MonitorJson
{
    /// <summary>The version that documents carry; it grows when a name changes its meaning or goes.</summary>
    public const int SchemaVersion = 1;

    public static readonly JsonSerializerOptions Compact = Make(indented: false);

    public static readonly JsonSerializerOptions Indented = Make(indented: true);

    private static JsonSerializerOptions Make(bool indented) => new(JsonSerializerDefaults.Web)
    {
        WriteIndented = indented,
        RespectNullableAnnotations = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
    };
}
