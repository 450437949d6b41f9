using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Earshot.Cli.Driving;

/// <summary>The driver's answers: one JSON object a line.</summary>
internal static class DriveReply
{
    // The names of lines and sockets stay readable: nothing here goes into a web page.
    private static readonly JsonSerializerOptions Options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>A command that worked; what it found is added to the object.</summary>
    internal static JsonObject Ok() => new() { ["ok"] = true };

    /// <summary>A command that worked and found one thing.</summary>
    internal static JsonObject Ok(string name, JsonNode? value) => new() { ["ok"] = true, [name] = value };

    /// <summary>A command that did not work.</summary>
    /// <param name="error">The errno's name.</param>
    /// <param name="text">What is wrong, for a reader; null for nothing more.</param>
    internal static JsonObject Failed(string error, string? text)
    {
        var reply = new JsonObject { ["ok"] = false, ["err"] = error };
        if (text is not null)
        {
            reply["text"] = text;
        }

        return reply;
    }

    /// <summary>The object in one line.</summary>
    internal static string ToLine(JsonObject reply) => reply.ToJsonString(Options);
}
