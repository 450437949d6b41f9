using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Packetdrill;

/// <summary>Over which protocol a script runs.</summary>
public enum IpVersion
{
    /// <summary>IPv4 sockets and packets.</summary>
    IPv4,

    /// <summary>IPv6 sockets and packets.</summary>
    IPv6,

    /// <summary>IPv6 sockets, IPv4 packets.</summary>
    IPv4Mapped,
}

/// <summary>A script: its options, a command before, the events, a command after.</summary>
public sealed record Script
{
    /// <summary>The file as the user named it.</summary>
    public required string File { get; init; }

    /// <summary>The lines <c>--option=value</c>.</summary>
    internal ScriptOptions Options { get; init; } = new();

    /// <summary>The commands before the first event.</summary>
    internal IReadOnlyList<CommandEvent> SetUp { get; init; } = [];

    /// <summary>The events, in order.</summary>
    internal IReadOnlyList<ScriptEvent> Events { get; init; } = [];

    /// <summary>The commands after the last event.</summary>
    internal IReadOnlyList<CommandEvent> CleanUp { get; init; } = [];

    /// <summary>The IP versions that the script may run over.</summary>
    public IReadOnlyList<IpVersion> IpVersions => Options.IpVersions;

    /// <summary>How long the script waits by its own times.</summary>
    public TimeSpan NominalLength
    {
        get
        {
            TimeSpan at = TimeSpan.Zero;
            foreach (ScriptEvent happening in Events)
            {
                at = happening.Time.Kind switch
                {
                    TimeKind.Absolute => happening.Time.From,
                    TimeKind.Relative => at + happening.Time.From,
                    _ => at,
                };
            }

            return Events.OfType<CallEvent>().Select(c => c.BlocksUntil ?? TimeSpan.Zero).Append(at).Max();
        }
    }

    /// <summary>Reads a script.</summary>
    /// <param name="file">The file's name for messages.</param>
    /// <param name="text">The script.</param>
    /// <param name="definitions">Words and what they stand for, as <c>-D NAME=VALUE</c> gives them.</param>
    /// <exception cref="ScriptException">It cannot be read; the message names the line.</exception>
    public static Script Parse(
        string file, string text, IReadOnlyDictionary<string, string>? definitions = null) =>
        new Parser(file, text, definitions).Script();
}

/// <summary>The options at the top of a script.</summary>
internal sealed record ScriptOptions
{
    public IReadOnlyList<IpVersion> IpVersions { get; init; } = [IpVersion.IPv4, IpVersion.IPv6, IpVersion.IPv4Mapped];

    public string? LocalIp { get; init; }

    public string? RemoteIp { get; init; }

    public int? Mtu { get; init; }

    public TimeSpan Tolerance { get; init; } = TimeSpan.FromMilliseconds(4);

    /// <summary>How long a tick of the timestamp clock is; null: time stamps are not compared.</summary>
    public TimeSpan? TimestampTick { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Inbound data longer than this is sent as several segments.</summary>
    public int? Mss { get; init; }

    public bool StrictSegments { get; init; }

    /// <summary>By how much counters grow from the first event to the last, as comments name them.</summary>
    public IReadOnlyList<CounterStep> Counters { get; init; } = [];
}

/// <summary>A counter by nstat's name and by how much it grows while the events run.</summary>
internal readonly record struct CounterStep(int Line, string Name, long By);

/// <summary>What a time counts from.</summary>
internal enum TimeKind
{
    /// <summary>From the first event.</summary>
    Absolute,

    /// <summary>From the end of the event before.</summary>
    Relative,

    /// <summary>Not checked.</summary>
    Any,
}

/// <summary>When an event happens; outbound packets may have a range.</summary>
internal readonly record struct EventTime(TimeKind Kind, TimeSpan From, TimeSpan To);

/// <summary>Something that happens at a time.</summary>
internal abstract record ScriptEvent(int Line, EventTime Time);

/// <summary>A socket call and what it must return.</summary>
/// <param name="Line">The line.</param>
/// <param name="Time">When it is made.</param>
/// <param name="BlocksUntil">When it must return if it blocks, by the same kind of time.</param>
/// <param name="Name">The call.</param>
/// <param name="Arguments">The arguments.</param>
/// <param name="Result">What it returns.</param>
/// <param name="Errno">The name of the errno.</param>
internal sealed record CallEvent(
    int Line,
    EventTime Time,
    TimeSpan? BlocksUntil,
    string Name,
    IReadOnlyList<Value> Arguments,
    Value Result,
    string? Errno) : ScriptEvent(Line, Time);

/// <summary>A packet, into the stack or out of it.</summary>
internal sealed record PacketEvent(int Line, EventTime Time, bool IsInbound, PacketPattern Packet)
    : ScriptEvent(Line, Time);

/// <summary>Code that is run.</summary>
internal sealed record CodeEvent(int Line, EventTime Time, PythonCode Code) : ScriptEvent(Line, Time);

/// <summary>A shell command; only sysctls and a token bucket before the device are understood.</summary>
internal sealed record CommandEvent(
    int Line, EventTime Time, IReadOnlyList<SysctlStep> Steps, TokenBucket? Bucket = null)
    : ScriptEvent(Line, Time);
