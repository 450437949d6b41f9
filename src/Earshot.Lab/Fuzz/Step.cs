using System;
using System.Globalization;

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
internal sealed record CallStep(Call Call, int Place, int Value = 0, NamedOption Option = default) : Step
{
    /// <inheritdoc/>
    public override string Text => Call switch
    {
        Call.Socket => $"socket(...) = s{Place}",
        Call.Accept => $"accept(s{Place}) = s{Value}",
        Call.SetOption => $"setsockopt(s{Place}, {Option.Name}, {Value})",
        Call.GetOption => $"getsockopt(s{Place}, {Option.Name})",
        Call.Close or Call.Poll or Call.Disconnect => $"{Call.ToString().ToLowerInvariant()}(s{Place})",
        _ => $"{Call.ToString().ToLowerInvariant()}(s{Place}, {Value})",
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

    /// <summary>Acknowledgment, counted from the host's initial number.</summary>
    public int Ack { get; init; }

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
            return $"< {40000 + Flow} > {Port} {(count == 0 ? "-" : letters[..count])} "
                + $"{Seq}:{Seq + Length}({Length}) ack {Ack} win {Window}{options}"
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
