using System;
using System.Collections.Generic;
using System.Text.RegularExpressions;

namespace Earshot.Monitor.Doctoring;

/// <summary>Reads what is needed of two kinds of YAML: Envoy's listeners and the sysctls of Kubernetes pods.</summary>
/// <remarks>Line by line, by indentation: the keys looked for are plain, and a whole YAML reader would be a package for
/// two of them.</remarks>
internal static partial class YamlFile
{
    /// <summary>What the file asks for; null when it is neither.</summary>
    public static ConfigFacts? Read(string text) =>
        text.Contains("apiVersion:", StringComparison.Ordinal) ? Kubernetes(text)
        : text.Contains("listeners:", StringComparison.Ordinal)
            || text.Contains("tcp_backlog_size", StringComparison.Ordinal)
            ? Envoy(text)
        : null;

    private static ConfigFacts Kubernetes(string text)
    {
        var sysctls = new List<(string, long, int)>();
        string? name = null;
        foreach ((string line, int number) in ConfigFile.Lines(text))
        {
            Match match = Pair().Match(line);
            string value = match.Groups[2].Value.Trim('"', '\'');
            switch (match.Groups[1].Value)
            {
                case "name":
                    name = value.StartsWith("net.", StringComparison.Ordinal) ? value : null;
                    break;
                case "value" when name is not null && ConfigFile.Number(value) is { } n:
                    sysctls.Add((name, n, number));
                    name = null;
                    break;
            }
        }

        return new ConfigFacts("Kubernetes manifest", [], sysctls);
    }

    private static ConfigFacts Envoy(string text)
    {
        var listeners = new List<AskedListener>();
        string address = "";
        foreach ((string line, int number) in ConfigFile.Lines(text))
        {
            Match match = Pair().Match(line);
            string value = match.Groups[2].Value.Trim('"', '\'');
            switch (match.Groups[1].Value)
            {
                case "clusters":
                    return new ConfigFacts("Envoy configuration", listeners, []);
                case "address" when value.Length > 0:
                    address = value;
                    break;
                case "port_value" when ConfigFile.Number(value) is { } port && address.Length > 0:
                    listeners.Add(new AskedListener(
                        "envoy", $"{address}:{port}", (int)port, null, null, true,
                        "Envoy's default, somaxconn of its namespace", number));
                    address = "";
                    break;
                case "tcp_backlog_size" when ConfigFile.Number(value) is { } asked && listeners.Count > 0:
                    listeners[^1] = listeners[^1] with { Asked = asked, IsDefault = false, Why = "tcp_backlog_size" };
                    break;
            }
        }

        return new ConfigFacts("Envoy configuration", listeners, []);
    }

    [GeneratedRegex(@"^-?\s*([\w.]+):\s*(.*)$")]
    private static partial Regex Pair();
}
