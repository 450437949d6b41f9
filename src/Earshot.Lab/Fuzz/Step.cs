using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Earshot.Lab.Fuzz;

/// <summary>One thing that a random sequence does to a host.</summary>
internal abstract record Step
{
    /// <summary>The step in the words of a script.</summary>
    public abstract string Text { get; }
}

/// <summary>The socket calls of a sequence; sockets are named by places, as a script names descriptors.</summary>
internal enum Call
{
    /// <summary>A stream socket of the sequence's family.</summary>
    Socket,

    /// <summary>To the wildcard address and a port.</summary>
    Bind,

    /// <summary>With a backlog.</summary>
    Listen,

    /// <summary>Into another place.</summary>
    Accept,

    /// <summary>So many bytes.</summary>
    Read,

    /// <summary>So many bytes.</summary>
    Write,

    /// <summary>One or both directions.</summary>
    Shutdown,

    /// <summary>A place becomes free.</summary>
    Close,

    /// <summary>An integer option: <see cref="CallStep.Option"/>.</summary>
    SetOption,

    /// <summary>An integer option read.</summary>
    GetOption,

    /// <summary>What poll() finds.</summary>
    Poll,

    /// <summary>connect() to AF_UNSPEC.</summary>
    Disconnect,

    /// <summary>connect() to a peer; only in sequences about connections.</summary>
    Connect,

    /// <summary>recv() of so many bytes with flags; only in sequences about connections.</summary>
    Receive,
}

/// <summary>An integer socket option by its numbers.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Level">The level.</param>
/// <param name="Number">The option's number.</param>
internal readonly record struct NamedOption(string Name, int Level, int Number);

/// <summary>A socket call.</summary>
/// <param name="Call">Which.</param>
/// <param name="Place">The socket.</param>
/// <param name="Value">Port, backlog, bytes, direction, option value, or the place of the new socket.</param>
/// <param name="Option">The option, for the two option calls.</param>
/// <param name="Flags">MSG_ flags of a write or a recv().</param>
internal sealed record CallStep(Call Call, int Place, int Value = 0, NamedOption Option = default, int Flags = 0) : Step
{
    /// <inheritdoc/>
    public override string Text => Call switch
    {
        Call.Socket => $"socket(...) = s{Place}",
        Call.Accept => $"accept(s{Place}) = s{Value}",
        Call.SetOption => $"setsockopt(s{Place}, {Option.Name}, {Value})",
        Call.GetOption => $"getsockopt(s{Place}, {Option.Name})",
        Call.Close or Call.Poll or Call.Disconnect => $"{Call.ToString().ToLowerInvariant()}(s{Place})",
        _ => $"{Call.ToString().ToLowerInvariant()}(s{Place}, {Value}{(Flags == 0 ? "" : $", 0x{Flags:x}")})",
    };
}

/// <summary>What a segment echoes in its timestamps option.</summary>
internal enum Echo
{
    /// <summary>No timestamps option.</summary>
    None,

    /// <summary>The host's last TSval.</summary>
    Live,

    /// <summary>Zero.</summary>
    Zero,

    /// <summary>One that the host has not sent yet.</summary>
    Future,

    /// <summary>One from long ago.</summary>
    Past,

    /// <summary>That of the host's SYN; only in sequences about connections.</summary>
    First,
}

/// <summary>What a segment's sequence number is counted from.</summary>
internal enum SeqBase
{
    /// <summary>The peer's initial number.</summary>
    Initial,

    /// <summary>What the host acknowledged last.</summary>
    Acknowledged,

    /// <summary>The right edge of the window that the host told.</summary>
    WindowEdge,
}

/// <summary>What a segment's acknowledgment is counted from.</summary>
internal enum AckBase
{
    /// <summary>The host's initial number.</summary>
    Initial,

    /// <summary>The highest that this peer has acknowledged.</summary>
    Acknowledged,

    /// <summary>The end of all that the host has sent.</summary>
    Sent,

    /// <summary>The end of one of the segments that the host has sent and this peer has not acknowledged:
    /// <see cref="SegmentStep.AckIndex"/>.</summary>
    Segment,
}

/// <summary>A segment from a peer.</summary>
internal sealed record SegmentStep : Step
{
    /// <summary>The peer: its port is 40000 and this.</summary>
    public required int Flow { get; init; }

    /// <summary>The host's port.</summary>
    public required int Port { get; init; }

    /// <summary>The flags as in the header.</summary>
    public required int Flags { get; init; }

    /// <summary>Sequence number, counted from the peer's initial one.</summary>
    public int Seq { get; init; }

    /// <summary>What <see cref="Seq"/> is counted from.</summary>
    public SeqBase SeqFrom { get; init; }

    /// <summary>Acknowledgment, counted from the host's initial number.</summary>
    public int Ack { get; init; }

    /// <summary>What <see cref="Ack"/> is counted from.</summary>
    public AckBase AckFrom { get; init; }

    /// <summary>Which of the segments that are not acknowledged, for <see cref="AckBase.Segment"/>.</summary>
    public int AckIndex { get; init; }

    /// <summary>What the SACK option tells: from the start of one to the end of another of the segments that are not
    /// acknowledged, counted from 0; ranges that reach beyond what was sent are left out.</summary>
    public IReadOnlyList<(int First, int Last)> Sacks { get; init; } = [];

    /// <summary>Whether the SACK option begins with what the host sent twice last.</summary>
    public bool IsDuplicate { get; init; }

    /// <summary>The urgent pointer.</summary>
    public ushort Urgent { get; init; }

    /// <summary>Bytes of data.</summary>
    public int Length { get; init; }

    /// <summary>The window field.</summary>
    public ushort Window { get; init; } = 20000;

    /// <summary>MSS option; 0: none.</summary>
    public ushort Mss { get; init; }

    /// <summary>Window scale option; -1: none.</summary>
    public int Scale { get; init; } = -1;

    /// <summary>Whether SACK is offered.</summary>
    public bool Sack { get; init; }

    /// <summary>The timestamps option's echo.</summary>
    public Echo Echo { get; init; }

    /// <summary>What is added to the peer's timestamp clock.</summary>
    public int ClockOffset { get; init; }

    /// <summary>Type of service.</summary>
    public byte Tos { get; init; }

    /// <summary>Whether the checksum is wrong.</summary>
    public bool IsBroken { get; init; }

    /// <inheritdoc/>
    public override string Text
    {
        get
        {
            Span<char> letters = stackalloc char[8];
            int count = 0;
            for (int i = 0; i < letters.Length; i++)
            {
                if ((Flags >> i & 1) != 0)
                {
                    letters[count++] = "FSRP.UEW"[i];
                }
            }

            string options = (Mss > 0 ? $" mss {Mss}" : "") + (Scale >= 0 ? $" wscale {Scale}" : "")
                + (Sack ? " sackOK" : "")
                + (Echo == Echo.None ? "" : $" TS {ClockOffset.ToString(CultureInfo.InvariantCulture)} ecr {Echo}");
            string seq = SeqFrom == SeqBase.Initial ? $"{Seq}:{Seq + Length}" : $"{SeqFrom}{Seq:+0;-0;+0}";
            string ack = AckFrom switch
            {
                AckBase.Initial => $"{Ack}",
                AckBase.Segment => $"{AckFrom}[{AckIndex}]{Ack:+0;-0;+0}",
                _ => $"{AckFrom}{Ack:+0;-0;+0}",
            };
            string sacks = (IsDuplicate ? " dsack" : "")
                + string.Concat(Sacks.Select(s => $" sack {s.First}-{s.Last}"));
            return $"< {40000 + Flow} > {Port} {(count == 0 ? "-" : letters[..count])} "
                + $"{seq}({Length}) ack {ack} win {Window}{options}{sacks}" + (Urgent == 0 ? "" : $" urg {Urgent}")
                + (Tos == 0 ? "" : $" tos {Tos}") + (IsBroken ? " bad checksum" : "");
        }
    }
}

/// <summary>An ICMP destination-unreachable that quotes the host's SYN-ACK to a peer.</summary>
/// <param name="Flow">The peer.</param>
/// <param name="Port">The host's port.</param>
/// <param name="Code">The code.</param>
/// <param name="Offset">What is added to the quoted sequence number.</param>
internal sealed record UnreachableStep(int Flow, int Port, int Code, int Offset) : Step
{
    /// <inheritdoc/>
    public override string Text => $"< icmp unreachable code {Code} for {Port} > {40000 + Flow}, seq {Offset}";
}

/// <summary>An ICMP error that quotes the oldest segment that the peer has not acknowledged.</summary>
/// <param name="Flow">The peer.</param>
/// <param name="Port">The host's port.</param>
/// <param name="Type">The type, as in IPv4.</param>
/// <param name="Code">The code.</param>
/// <param name="Mtu">What a frag-needed tells.</param>
/// <param name="Offset">What is added to the quoted sequence number.</param>
internal sealed record ErrorStep(int Flow, int Port, int Type, int Code, int Mtu, int Offset) : Step
{
    /// <inheritdoc/>
    public override string Text =>
        $"< icmp {Type} {Code}{(Mtu == 0 ? "" : $" mtu {Mtu}")} for {Port} > {40000 + Flow}, seq "
        + $"Acknowledged{Offset:+0;-0;+0}";
}

/// <summary>A sysctl is set.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">Its value.</param>
internal sealed record SysctlStep(string Name, string Value) : Step
{
    /// <inheritdoc/>
    public override string Text => $"sysctl {Name}={Value}";
}

/// <summary>Time passes.</summary>
/// <param name="Milliseconds">How much.</param>
internal sealed record WaitStep(int Milliseconds) : Step
{
    /// <inheritdoc/>
    public override string Text => $"wait {Milliseconds} ms";
}
