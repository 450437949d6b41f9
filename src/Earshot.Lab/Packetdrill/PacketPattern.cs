using System.Collections.Generic;

namespace Earshot.Lab.Packetdrill;

/// <summary>A packet as a script writes it.</summary>
internal sealed record PacketPattern
{
    public IpPattern Ip { get; init; } = new();

    public ushort? SourcePort { get; init; }

    public ushort? DestinationPort { get; init; }

    public TcpPattern? Tcp { get; init; }

    public IcmpPattern? Icmp { get; init; }
}

/// <summary>What is said of the IP header; null is not checked, and the usual value when sent.</summary>
internal sealed record IpPattern
{
    public int? Ecn { get; init; }

    public int? TypeOfService { get; init; }

    public int? TimeToLive { get; init; }

    public int? FlowLabel { get; init; }
}

/// <summary>A TCP segment.</summary>
internal sealed record TcpPattern
{
    /// <summary>The flags as in the header, the three bits of the ACE field included.</summary>
    public int Flags { get; init; }

    public uint Sequence { get; init; }

    public int Length { get; init; }

    public uint? Acknowledgment { get; init; }

    public ushort? Window { get; init; }

    public ushort Urgent { get; init; }

    /// <summary>The options in order; null: not checked.</summary>
    public IReadOnlyList<OptionPattern>? Options { get; init; } = [];

    public bool Has(int flag) => (Flags & flag) != 0;
}

/// <summary>The flags of a TCP header.</summary>
internal static class Flag
{
    public const int Fin = 0x01;
    public const int Syn = 0x02;
    public const int Rst = 0x04;
    public const int Psh = 0x08;
    public const int Ack = 0x10;
    public const int Urg = 0x20;
    public const int Ece = 0x40;
    public const int Cwr = 0x80;
    public const int Ae = 0x100;
}

/// <summary>The kinds of TCP options.</summary>
internal enum OptionKind
{
    End = 0,
    Nop = 1,
    Mss = 2,
    WindowScale = 3,
    SackPermitted = 4,
    Sack = 5,
    Timestamp = 8,
    Md5 = 19,
    FastOpen = 34,
    FastOpenExperimental = 254,
}

/// <summary>A TCP option.</summary>
internal sealed record OptionPattern(OptionKind Kind)
{
    /// <summary>MSS, shift, or TSval.</summary>
    public uint Number { get; init; }

    /// <summary>TSecr.</summary>
    public uint Echo { get; init; }

    /// <summary>The ranges of a SACK.</summary>
    public IReadOnlyList<(uint Left, uint Right)> Ranges { get; init; } = [];

    /// <summary>A Fast Open cookie, a digest.</summary>
    public byte[] Bytes { get; init; } = [];
}

/// <summary>An ICMP message and the segment that it quotes.</summary>
internal sealed record IcmpPattern
{
    public required string Type { get; init; }

    public string? Code { get; init; }

    public int? Mtu { get; init; }

    /// <summary>The first sequence number of the quoted segment; null: nothing is said of it.</summary>
    public uint? Sequence { get; init; }

    public int Length { get; init; }
}
