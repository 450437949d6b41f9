using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.RegularExpressions;

namespace Earshot.Monitor.Doctoring;

/// <summary>A listener that a configuration file asks for.</summary>
/// <param name="Server">The server, by its key of the catalog.</param>
/// <param name="Where">The address as the file has it, or a unix socket's path.</param>
/// <param name="Port">The port; null for a unix socket, or when the file does not say.</param>
/// <param name="Path">The unix socket's path; null for TCP.</param>
/// <param name="Asked">The backlog the server will ask for; null when it has no fixed default.</param>
/// <param name="IsDefault">Whether that is the server's default rather than the file's word.</param>
/// <param name="Why">Where the number comes from.</param>
/// <param name="Line">The line of the file, from 1.</param>
internal sealed record AskedListener(
    string Server, string Where, int? Port, string? Path, long? Asked, bool IsDefault, string Why, int Line);

/// <summary>What a configuration file says of listening.</summary>
/// <param name="Kind">What file it is, in words.</param>
/// <param name="Listeners">The listeners it asks for.</param>
/// <param name="Sysctls">The sysctls it sets, with their lines.</param>
internal sealed record ConfigFacts(
    string Kind, IReadOnlyList<AskedListener> Listeners, IReadOnlyList<(string Name, long Value, int Line)> Sysctls);

/// <summary>Reads configuration files of servers for what they ask of listen().</summary>
internal static partial class ConfigFile
{
    private const int NginxDefault = 511;

    /// <summary>Reads a file, whose kind shows in its name or else in its text.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="text">Its text.</param>
    /// <returns>Null when it is no kind that is known.</returns>
    public static ConfigFacts? Read(string path, string text)
    {
        string name = System.IO.Path.GetFileName(path).ToLowerInvariant();
        return name switch
        {
            _ when name.EndsWith(".socket", StringComparison.Ordinal) => Systemd(text),
            _ when name.Contains("redis", StringComparison.Ordinal)
                || name.Contains("valkey", StringComparison.Ordinal) => Redis(text),
            _ when name.Contains("haproxy", StringComparison.Ordinal) => HAProxyFile.Read(text),
            _ when name.Contains("postgresql", StringComparison.Ordinal) => Postgres(text),
            _ when name.EndsWith(".json", StringComparison.Ordinal) => KestrelFile.Read(text),
            _ when name.EndsWith(".yaml", StringComparison.Ordinal) || name.EndsWith(".yml", StringComparison.Ordinal)
                => YamlFile.Read(text),
            _ when name.Contains("nginx", StringComparison.Ordinal) || NginxServer().IsMatch(text) => Nginx(text),
            _ when Pool().IsMatch(text) => Php(text),
            _ when SysctlLine().IsMatch(text) => Sysctl(text),
            _ when text.Contains("tcp-backlog", StringComparison.Ordinal) => Redis(text),
            _ => null,
        };
    }

    /// <summary>The lines with their numbers, without comments and blank ones.</summary>
    internal static IEnumerable<(string Text, int Line)> Lines(string text, string comments = "#")
    {
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            int cut = line.IndexOfAny(comments.ToCharArray());
            string rest = (cut >= 0 ? line[..cut] : line).Trim();
            if (rest.Length > 0)
            {
                yield return (rest, number);
            }
        }
    }

    /// <summary>The port at the end of an address; null when there is none.</summary>
    internal static int? PortOf(string where) =>
        int.TryParse(where.AsSpan(where.LastIndexOf(':') + 1), CultureInfo.InvariantCulture, out int port)
            && port is > 0 and <= ushort.MaxValue ? port : null;

    internal static long? Number(string text) =>
        long.TryParse(text, CultureInfo.InvariantCulture, out long value) ? value : null;

    /// <summary>A backlog below 0 is the largest there is: the kernel takes it as unsigned.</summary>
    internal static long AsUnsigned(long backlog) => backlog < 0 ? uint.MaxValue : backlog;

    private static ConfigFacts Nginx(string text)
    {
        var listeners = new Dictionary<string, AskedListener>();
        foreach ((string line, int number) in Lines(text))
        {
            foreach (Match match in NginxListen().Matches(line))
            {
                string where = match.Groups[1].Value;
                bool unix = where.StartsWith("unix:", StringComparison.Ordinal);
                Match backlog = Backlog().Match(match.Groups[2].Value);
                long? asked = backlog.Success ? AsUnsigned(Number(backlog.Groups[1].Value) ?? NginxDefault) : null;
                var one = new AskedListener(
                    "nginx", where, unix ? null : PortOf(where) ?? 80, unix ? where[5..] : null, asked ?? NginxDefault,
                    asked is null, asked is null ? "nginx's default" : "backlog=", number);

                // One listen per address sets the key for all of them.
                if (!listeners.TryGetValue(where, out AskedListener? before) || before.IsDefault)
                {
                    listeners[where] = one;
                }
            }
        }

        return new ConfigFacts("nginx configuration", [.. listeners.Values], []);
    }

    private static ConfigFacts Redis(string text)
    {
        var values = new Dictionary<string, (string Value, int Line)>();
        foreach ((string line, int number) in Lines(text))
        {
            string[] words = line.Split((char[])[' ', '\t'], 2, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 2)
            {
                values[words[0].ToLowerInvariant()] = (words[1].Trim('"'), number);
            }
        }

        bool given = values.TryGetValue("tcp-backlog", out var backlog);
        long asked = given ? Number(backlog.Value) ?? 511 : 511;
        string why = given ? "tcp-backlog" : "Redis's default";
        var listeners = new List<AskedListener>();
        (string port, int at) = values.GetValueOrDefault("port", ("6379", given ? backlog.Line : 1));
        if (port != "0")
        {
            listeners.Add(new AskedListener(
                "redis-server", $"port {port}", (int?)Number(port), null, asked, !given, why, at));
        }

        if (values.TryGetValue("unixsocket", out var socket))
        {
            listeners.Add(new AskedListener(
                "redis-server", socket.Value, null, socket.Value, asked, !given, why, socket.Line));
        }

        return new ConfigFacts("Redis configuration", listeners, []);
    }

    private static ConfigFacts Postgres(string text)
    {
        var values = new Dictionary<string, (string Value, int Line)>();
        foreach ((string line, int number) in Lines(text))
        {
            string[] parts = line.Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts.Length == 2)
            {
                values[parts[0]] = (parts[1].Trim('\''), number);
            }
        }

        // PostgreSQL asks for twice MaxBackends, which is the sum of what may run.
        long Of(string name, long otherwise) => values.TryGetValue(name, out var found)
            ? Number(found.Value) ?? otherwise
            : otherwise;
        long backends = Of("max_connections", 100) + Of("autovacuum_max_workers", 3) + 1
            + Of("max_worker_processes", 8) + Of("max_wal_senders", 10);
        (string port, int at) = values.GetValueOrDefault("port", ("5432", 1));
        return new ConfigFacts(
            "PostgreSQL configuration",
            [
                new AskedListener(
                    "postgres", $"port {port}", (int?)Number(port), null, 2 * backends, true,
                    $"twice MaxBackends ({backends})", at),
            ],
            []);
    }

    private static ConfigFacts Systemd(string text)
    {
        var listens = new List<(string Where, int Line)>();
        long? backlog = null;
        foreach ((string line, int number) in Lines(text, "#;"))
        {
            string[] parts = line.Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts is ["ListenStream", { Length: > 0 } where])
            {
                listens.Add((where, number));
            }
            else if (parts is ["Backlog", var value])
            {
                backlog = Number(value);
            }
        }

        return new ConfigFacts(
            "systemd socket unit",
            [
                .. listens.Select(one => new AskedListener(
                    "systemd", one.Where, one.Where.StartsWith('/') ? null : PortOf(one.Where),
                    one.Where.StartsWith('/') ? one.Where : null, AsUnsigned(backlog ?? -1), backlog is null,
                    backlog is null ? "systemd's default" : "Backlog=", one.Line)),
            ],
            []);
    }

    private static ConfigFacts Php(string text)
    {
        (string Where, int Line)? listen = null;
        long? backlog = null;
        foreach ((string line, int number) in Lines(text, ";"))
        {
            string[] parts = line.Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts is ["listen", { Length: > 0 } where])
            {
                listen = (where, number);
            }
            else if (parts is ["listen.backlog", var value])
            {
                backlog = Number(value);
            }
        }

        return new ConfigFacts(
            "php-fpm pool",
            listen is not { } at
                ? []
                : [new AskedListener(
                    "php-fpm", at.Where, at.Where.StartsWith('/') ? null : PortOf(at.Where),
                    at.Where.StartsWith('/') ? at.Where : null, AsUnsigned(backlog ?? -1), backlog is null,
                    backlog is null ? "php-fpm's default on Linux" : "listen.backlog", at.Line)],
            []);
    }

    private static ConfigFacts Sysctl(string text)
    {
        var sysctls = new List<(string, long, int)>();
        foreach ((string line, int number) in Lines(text, "#;"))
        {
            string[] parts = line.Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts.Length == 2 && Number(parts[1]) is { } value)
            {
                sysctls.Add((parts[0].TrimStart('-').Replace('/', '.'), value, number));
            }
        }

        return new ConfigFacts("sysctl.d file", [], sysctls);
    }

    [GeneratedRegex(@"\blisten\s+([^\s;]+)([^;]*);")]
    private static partial Regex NginxListen();

    [GeneratedRegex(@"\bbacklog=(-?\d+)")]
    private static partial Regex Backlog();

    [GeneratedRegex(@"(?m)^\s*server\s*\{")]
    private static partial Regex NginxServer();

    [GeneratedRegex(@"(?m)^\s*listen\s*=")]
    private static partial Regex Pool();

    [GeneratedRegex(@"(?m)^-?(net|fs|vm|kernel)[./]\S+\s*=")]
    private static partial Regex SysctlLine();
}
