using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Text.RegularExpressions;

namespace Earshot.Lab.Packetdrill;

/// <summary>Reads a script: options, commands and timed events; calls and packets have their own files.</summary>
internal sealed partial class Parser
{
    private const int MaximumMtu = 65535;
    private const int MinimumMtu = 68;

    private readonly string _file;
    private readonly string _text;
    private readonly Lexer _lexer;

    public Parser(string file, string text, IReadOnlyDictionary<string, string>? definitions)
    {
        _file = file;
        _text = text;
        _lexer = new Lexer(file, text, definitions);
    }

    public Script Script()
    {
        ScriptOptions options = ReadOptions();
        List<CommandEvent> setUp = Commands();
        List<ScriptEvent> events = [];
        while (_lexer.NextCharacter() is not ('\0' or '`'))
        {
            events.Add(Event(events.Count == 0));
        }

        List<CommandEvent> cleanUp = Commands();
        Token end = _lexer.Next();
        if (end.Kind != TokenKind.End && cleanUp.Count > 0)
        {
            throw _lexer.Error(cleanUp[^1].Line, "a command between events needs a time");
        }

        return events.Count > 0
            ? new Script { File = _file, Options = options, SetUp = setUp, Events = events, CleanUp = cleanUp }
            : throw _lexer.Error(0, "the script has no events");
    }

    private ScriptOptions ReadOptions()
    {
        var options = new ScriptOptions { IpVersions = VersionsOfComment(), Counters = CountersOfComments() };
        while (_lexer.TryTake("--"))
        {
            int line = _lexer.Line;
            string[] parts = _lexer.RestOfLine().Split("//")[0].Trim().Split('=', 2);
            string value = parts.Length > 1 ? parts[1].Trim() : "";
            options = parts[0].Trim() switch
            {
                "ip_version" => options with { IpVersions = [Version(line, value)] },
                "local_ip" => options with { LocalIp = Address(line, value) },
                "remote_ip" => options with { RemoteIp = Address(line, value) },
                "mtu" => options with { Mtu = Whole(line, "--mtu", value, MinimumMtu, MaximumMtu) },
                "mss" => options with { Mss = Whole(line, "--mss", value, 1, MaximumMtu) },
                "tolerance_usecs" => options with
                {
                    Tolerance = TimeSpan.FromMicroseconds(Whole(line, "--tolerance_usecs", value, 0, 1_000_000_000)),
                },
                "tcp_ts_tick_usecs" => options with { TimestampTick = Tick(line, value) },
                "strict_segments" when parts.Length == 1 => options with { StrictSegments = true },
                _ => throw _lexer.Error(line, $"there is no option '--{string.Join('=', parts)}'"),
            };
        }

        return options;
    }

    private TimeSpan? Tick(int line, string value)
    {
        int tick = Whole(line, "--tcp_ts_tick_usecs", value, 0, 1_000_000);
        return tick == 0 ? null : TimeSpan.FromMicroseconds(tick);
    }

    // What the language has no option for stands in a comment: a script for two of the three.
    private IReadOnlyList<IpVersion> VersionsOfComment()
    {
        Match match = Regex.Match(_text, @"^//[ \t]*ip_versions:(.*)$", RegexOptions.Multiline);
        return match.Success
            ? [.. match.Groups[1].Value.Split([' ', ',', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries)
                .Select(word => Version(_text.AsSpan(0, match.Index).Count('\n') + 1, word))]
            : [IpVersion.IPv4, IpVersion.IPv6, IpVersion.IPv4Mapped];
    }

    // The same for counters: a comment names them as nstat does, each with the number that the events add to it.
    private List<CounterStep> CountersOfComments()
    {
        var steps = new List<CounterStep>();
        foreach (Match match in Regex.Matches(_text, @"^//[ \t]*counters:(.*)$", RegexOptions.Multiline))
        {
            int line = _text.AsSpan(0, match.Index).Count('\n') + 1;
            string[] words =
                match.Groups[1].Value.Split([' ', ',', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries);
            for (int i = 0; i < words.Length; i += 2)
            {
                steps.Add(i + 1 < words.Length
                    ? new CounterStep(line, words[i], Whole(line, words[i], words[i + 1], 0, int.MaxValue))
                    : throw _lexer.Error(line, $"the counter {words[i]} has no number"));
            }
        }

        return steps;
    }

    private IpVersion Version(int line, string text) => IpVersions.TryParse(text, out IpVersion version)
        ? version
        : throw _lexer.Error(line, $"the IP version is '{text}', not one of {IpVersions.Names}");

    private string Address(int line, string text) => IPAddress.TryParse(text, out IPAddress? address)
        ? address.ToString()
        : throw _lexer.Error(line, $"'{text}' is not an address");

    private int Whole(int line, string what, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n >= least && n <= most
            ? n
            : throw _lexer.Error(line, $"{what} is '{text}', not a whole number from {least} to {most}");

    private List<CommandEvent> Commands()
    {
        var commands = new List<CommandEvent>();
        while (_lexer.NextCharacter() == '`')
        {
            commands.Add(Command(default, _lexer.Next()));
        }

        return commands;
    }

    private CommandEvent Command(EventTime time, Token token) =>
        token.Text.TrimStart().StartsWith("tc ", StringComparison.Ordinal)
            ? new(token.Line, time, [], BucketCommand.Parse(_lexer, token))
            : new(token.Line, time, SysctlCommand.Parse(_lexer, token));

    private ScriptEvent Event(bool first)
    {
        int line = _lexer.Line;
        EventTime time = Time(out TimeSpan? blocksUntil);
        if (first && (time.Kind == TimeKind.Any || time.From != TimeSpan.Zero))
        {
            throw _lexer.Error(line, "the first event is at time 0");
        }

        bool packet = _lexer.StartsWith("<") || _lexer.StartsWith(">");
        if (_lexer.StartsWith(">"))
        {
            return NoBlocking(line, blocksUntil, Packet(line, time));
        }

        if (time.Kind == TimeKind.Any || time.From != time.To)
        {
            throw _lexer.Error(line, "only an outbound packet may have a range or '*' as its time");
        }

        if (packet)
        {
            return NoBlocking(line, blocksUntil, Packet(line, time));
        }

        switch (_lexer.Peek().Kind)
        {
            case TokenKind.Command:
                return NoBlocking(line, blocksUntil, Command(time, _lexer.Next()));
            case TokenKind.Code:
                Token code = _lexer.Next();
                return NoBlocking(line, blocksUntil, new CodeEvent(line, time, PythonCode.Parse(_file, code)));
            case TokenKind.Name:
                return Call(line, time, blocksUntil);
            default:
                Token found = _lexer.Peek();
                throw _lexer.Error(
                    found.Line, $"expected a packet ('<' or '>'), a call, a command or code, found {found.Describe()}");
        }
    }

    private ScriptEvent NoBlocking(int line, TimeSpan? blocksUntil, ScriptEvent happening) => blocksUntil is null
        ? happening
        : throw _lexer.Error(line, "only a call may block: '...' in the time does not go with this");

    private EventTime Time(out TimeSpan? blocksUntil)
    {
        blocksUntil = null;
        int line = _lexer.Line;
        if (_lexer.TryTake("*"))
        {
            return new EventTime(TimeKind.Any, default, default);
        }

        TimeKind kind = _lexer.TryTake("+") ? TimeKind.Relative : TimeKind.Absolute;
        TimeSpan from = _lexer.Seconds();
        TimeSpan to = from;
        if (_lexer.TryTake("~"))
        {
            if (_lexer.TryTake("+") != (kind == TimeKind.Relative))
            {
                throw _lexer.Error(line, "both ends of a range are absolute, or both relative ('+a~+b')");
            }

            to = _lexer.Seconds();
        }
        else if (_lexer.TryTake("..."))
        {
            blocksUntil = _lexer.Seconds();
        }

        return to >= from && (blocksUntil is not { } end || end >= from)
            ? new EventTime(kind, from, to)
            : throw _lexer.Error(line, "the end of a time is before its beginning");
    }
}

/// <summary>The names of the IP versions as the language writes them.</summary>
public static class IpVersions
{
    private static readonly (string Name, IpVersion Version)[] All =
    [
        ("ipv4", IpVersion.IPv4), ("ipv6", IpVersion.IPv6), ("ipv4-mapped-ipv6", IpVersion.IPv4Mapped),
    ];

    /// <summary>The names, for a message.</summary>
    public static string Names => string.Join(", ", All.Select(static a => a.Name));

    /// <summary>Reads a name.</summary>
    /// <returns>False when it is none.</returns>
    public static bool TryParse(string text, out IpVersion version)
    {
        int index = Array.FindIndex(All, a => a.Name == text);
        version = index >= 0 ? All[index].Version : default;
        return index >= 0;
    }

    /// <summary>The name of a version.</summary>
    public static string Name(this IpVersion version) => All[(int)version].Name;
}
