using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;

namespace Earshot.Monitor.Doctoring;

/// <summary>Reads an appsettings.json for the endpoints of Kestrel, which asks for 512 unless the program says more: no
/// key of the file can.</summary>
internal static class KestrelFile
{
    private const long Default = 512;

    /// <summary>What the file asks for; null when it has no such endpoints.</summary>
    public static ConfigFacts? Read(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(
                text,
                new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            var urls = new List<string>();
            if (document.RootElement.TryGetProperty("Kestrel", out JsonElement kestrel)
                && kestrel.TryGetProperty("Endpoints", out JsonElement endpoints)
                && endpoints.ValueKind == JsonValueKind.Object)
            {
                urls.AddRange(endpoints.EnumerateObject().Select(one =>
                    one.Value.TryGetProperty("Url", out JsonElement url) ? url.GetString() : null).OfType<string>());
            }

            if (document.RootElement.TryGetProperty("Urls", out JsonElement list))
            {
                urls.AddRange((list.GetString() ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries));
            }

            return urls.Count == 0
                ? null
                : new ConfigFacts("Kestrel settings", [.. urls.Select(url => Of(url, text))], []);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static AskedListener Of(string url, string text)
    {
        int at = text.IndexOf(url, StringComparison.Ordinal);
        int line = 1 + (at < 0 ? 0 : text.AsSpan(0, at).Count('\n'));
        string? path = url.IndexOf("unix:", StringComparison.Ordinal) is >= 0 and var unix ? url[(unix + 5)..] : null;
        int? port = path is not null ? null
            : ConfigFile.PortOf(url.TrimEnd('/')) ?? (url.StartsWith("https", StringComparison.Ordinal) ? 443 : 80);
        return new AskedListener(
            "kestrel", Text.SafeText.Clean(url), port, path, Default, true, "Kestrel's default", line);
    }
}
