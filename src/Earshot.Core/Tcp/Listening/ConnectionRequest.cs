using System;
using System.Runtime.InteropServices;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Listening;

/// <summary>What a SYN asked for and was granted.</summary>
[Flags]
internal enum RequestFlags : byte
{
    None = 0,

    /// <summary>Timestamps are used.</summary>
    Timestamps = 1,

    /// <summary>Windows are scaled.</summary>
    WindowScale = 2,

    /// <summary>The third ACK came and met a full accept queue.</summary>
    Acked = 4,

    /// <summary>Its addresses are IPv6 and stand beside it.</summary>
    IPv6 = 8,

    /// <summary>ECN is used.</summary>
    Ecn = 16,

    /// <summary>Selective acknowledgments are used.</summary>
    Sack = 32,

    /// <summary>It was folded into a SYN cookie, and is in no queue.</summary>
    Cookie = 64,

    /// <summary>Its connection was made from the SYN, and is in the accept queue.</summary>
    FastOpen = 128,
}

/// <summary>Both addresses of a request over IPv6.</summary>
internal struct AddressPair
{
    internal InetAddress Local;
    internal InetAddress Remote;
}

/// <summary>A SYN answered, not yet a connection. Linux: struct tcp_request_sock.</summary>
/// <remarks>
/// It comes by the million, so it is 72 bytes in a slab, and 32 more over IPv6: with the index (at most 24 bytes an
/// entry) not more than 96 and 128.
/// Times are kept in 32 bits and completed from the present: a request lives 63 s, a microsecond counter wraps in 71
/// min.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = WireBytes)]
internal struct ConnectionRequest
{
    internal const int WireBytes = 72;

    private const byte MostTimeouts = 127;
    private const byte AccurateBit = 128;

    /// <summary>The timer that sends the SYN-ACK again; not armed where a sweep does it.</summary>
    internal TimerLink Timer;

    /// <summary>The peer's IPv4 address.</summary>
    internal uint RemoteAddress;

    /// <summary>Our IPv4 address; over IPv6 the place of both addresses in the table's slab.</summary>
    internal uint LocalAddress;

    internal ushort RemotePort;
    internal ushort LocalPort;

    /// <summary>The listener, by its number in the TCP layer's table.</summary>
    internal int Listener;

    /// <summary>The peer's initial sequence number.</summary>
    internal uint PeerIsn;

    /// <summary>Our own.</summary>
    internal uint Isn;

    /// <summary>TSval of the SYN.</summary>
    internal uint TsRecent;

    /// <summary>What is added to the clock to make TSval.</summary>
    internal uint TsOffset;

    /// <summary>When the first SYN-ACK left, in microseconds modulo 2^32.</summary>
    internal uint FirstSentMicroseconds;

    /// <summary>When the last SYN-ACK left, in milliseconds modulo 2^32.</summary>
    internal uint LastSentMilliseconds;

    /// <summary>When a segment outside the window was last answered, in jiffies modulo 2^32; 0: never.</summary>
    internal uint LastOutOfWindow;

    /// <summary>In a listener's own table: the next request of the bucket, plus one. (A sweep needs no other
    /// link.) Of a Fast Open connection: the bytes taken from its SYN. Of all others:
    /// <see cref="WindowClamp"/>.</summary>
    internal int NextInBucket;

    /// <summary>The window that the SYN-ACK offered, in units of 1: at most 64 KB on the wire, more inside.</summary>
    internal uint WindowBytes;

    /// <summary>The peer's MSS.</summary>
    internal ushort Mss;

    internal RequestFlags Flags;

    /// <summary>Window scales: the peer's in the low four bits, ours in the high ones.</summary>
    internal byte WindowScales;

    // Firings of the timer, and in the highest bit whether accurate ECN is spoken.
    private byte _timeouts;

    /// <summary>SYN-ACKs sent again, for whatever reason. Linux: num_retrans.</summary>
    internal byte Retransmissions;

    /// <summary>Type of service of the SYN.</summary>
    internal byte Tos;

    /// <summary>The interface that the SYN came by.</summary>
    internal byte Interface;

    /// <summary>Firings of the timer, up to 127. Linux: num_timeout.</summary>
    internal byte Timeouts
    {
        readonly get => (byte)(_timeouts & MostTimeouts);
        set => _timeouts = (byte)((_timeouts & AccurateBit) | value);
    }

    /// <summary>Whether the peer asked for accurate ECN and gets it (RFC 9768).</summary>
    internal bool HasAccurateEcn
    {
        readonly get => (_timeouts & AccurateBit) != 0;
        set => _timeouts = (byte)(Timeouts | (value ? AccurateBit : 0));
    }

    /// <summary>What bounds the windows of its connection, in bytes, as it was when the SYN came; not kept in a
    /// listener's own table. Linux: rsk_window_clamp.</summary>
    internal int WindowClamp
    {
        readonly get => NextInBucket;
        set => NextInBucket = value;
    }

    internal readonly SeqNumber ReceiveNext => new(PeerIsn + 1 + (Has(RequestFlags.FastOpen) ? (uint)NextInBucket : 0));

    internal readonly SeqNumber SendNext => new(Isn + 1);

    internal readonly byte PeerWindowScale => (byte)(WindowScales & 0xf);

    internal readonly byte OwnWindowScale => (byte)(WindowScales >> 4);

    internal readonly bool Has(RequestFlags flag) => (Flags & flag) != 0;
}
