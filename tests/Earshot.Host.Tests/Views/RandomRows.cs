using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Wire;

namespace Earshot.Host.Tests.Views;

/// <summary>Sockets in every state, of both families, with values small and large.</summary>
internal sealed class RandomRows(int seed)
{
    private static readonly TcpState[] States =
        [.. Enum.GetValues<TcpState>().Where(state => state is not (TcpState.None or TcpState.Close))];

    private readonly Random _random = new(seed);

    /// <summary>So many rows, listeners first.</summary>
    public List<SocketRow> Take(int count) =>
        [.. Enumerable.Range(0, count).Select(_ => Row()).OrderBy(row => row.State == TcpState.Listen ? 0 : 1)];

    private SocketRow Row()
    {
        TcpState state = States[_random.Next(States.Length)];
        bool ipv6 = _random.Next(3) == 0;
        bool isListener = state == TcpState.Listen;
        bool isFull = state is not (TcpState.SynRecv or TcpState.TimeWait);
        SocketTimer timer = isListener ? SocketTimer.Off : state switch
        {
            TcpState.SynRecv => SocketTimer.On,
            TcpState.TimeWait => SocketTimer.TimeWait,
            _ => (SocketTimer)_random.Next(5),
        };
        return new SocketRow
        {
            State = state,
            IsIpv6 = ipv6,
            IsIpv6Only = ipv6 && _random.Next(2) == 0,
            Local = new InetEndpoint(Address(ipv6, isListener), (ushort)_random.Next(1, 65536)),
            Remote = isListener ? new InetEndpoint(ipv6 ? InetAddress.IPv6Any : InetAddress.Any, 0)
                : new InetEndpoint(Address(ipv6, false), (ushort)_random.Next(1, 65536)),
            ReceiveQueue = isFull ? Number() : 0,
            SendQueue = isListener || !isFull ? 0 : Number(),
            Backlog = isListener ? Number() : 0,
            Timer = timer,
            TimerRemaining = timer == SocketTimer.Off ? TimeSpan.Zero : Time(),
            Retransmits = _random.Next(6),
            SynAcksResent = _random.Next(6),
            Probes = isFull ? _random.Next(4) : 0,
            User = state is TcpState.TimeWait ? 0 : _random.Next(3) * 1000,
            Number = _random.NextInt64(1, 1L << 40),
            Detail = isFull ? Detail(isListener) : null,
        };
    }

    private SocketDetail Detail(bool isListener) => new()
    {
        Inode = Number(),
        References = _random.Next(1, 9),
        IsReadShut = _random.Next(4) == 0,
        IsWriteShut = _random.Next(4) == 0,
        QuickAcks = _random.Next(40),
        FastOpenLimit = isListener ? _random.Next(200) : 0,
        Memory = new SocketMemory
        {
            Received = Number(),
            ReceiveBuffer = Number(),
            SendBuffer = Number(),
            Reserved = Number(),
            Queued = Number(),
            Drops = Number(),
        },
        Info = isListener
            ? new TcpInfo { CongestionControl = "reno", CongestionWindow = 10, Unacknowledged = Number(), Sacked = 5 }
            : Info(),
    };

    private TcpInfo Info() => new()
    {
        CongestionControl = "reno",
        Options = (TcpInfoOptions)_random.Next(64),
        SendScale = _random.Next(15),
        ReceiveScale = _random.Next(15),
        Backoff = _random.Next(3),
        IsAppLimited = _random.Next(2) == 0,
        Rto = TimeSpan.FromMilliseconds(_random.Next(2) == 0 ? 204 : _random.Next(1, 120_000)),
        Ato = TimeSpan.FromMilliseconds(_random.Next(2) * 40),
        SendMss = _random.Next(48, 65496),
        ReceiveMss = _random.Next(2) * 536,
        AdvertisedMss = _random.Next(2) * 1448,
        PathMtu = _random.Next(2) * 1500,
        Unacknowledged = Number(),
        Sacked = _random.Next(3),
        Lost = _random.Next(3),
        Retransmitting = _random.Next(2),
        TotalRetransmissions = _random.Next(3),
        Reordering = _random.Next(3, 5),
        CongestionWindow = _random.Next(1, 1000),
        SlowStartThreshold = _random.Next(2) == 0 ? int.MaxValue : _random.Next(2, 100_000),
        Rtt = Microseconds(),
        RttVariation = Microseconds(),
        MinimumRtt = Microseconds(),
        ReceiveThreshold = Number(),
        ReceiveSpace = Number(),
        SinceDataSent = Time(),
        SinceDataReceived = Time(),
        SinceAckReceived = Time(),
        PacingRate = Number() * 1000,
        BytesSent = Number() * 1000,
        BytesRetransmitted = Number(),
        BytesAcked = Number() * 1000,
        BytesReceived = Number() * 1000,
        NotSentBytes = Number(),
        SegmentsOut = Number(),
        SegmentsIn = Number(),
        DataSegmentsOut = Number(),
        DataSegmentsIn = Number(),
        Delivered = Number(),
        OutOfOrderPackets = _random.Next(2),
        SendWindow = Number(),
    };

    private InetAddress Address(bool ipv6, bool mayBeAny) => (_random.Next(5), ipv6) switch
    {
        (0, _) when mayBeAny => ipv6 ? InetAddress.IPv6Any : InetAddress.Any,
        (1, true) => InetAddress.IPv6Loopback,
        (2, true) => new InetAddress((uint)_random.Next(1, int.MaxValue)),
        (3, true) => new InetAddress(0x20010db8_00000000, (ulong)_random.Next()),
        (_, true) => new InetAddress((ulong)_random.NextInt64() | (0x2UL << 60), (ulong)_random.NextInt64()),
        _ => new InetAddress((uint)_random.NextInt64(1, 1L << 32)),
    };

    private long Number() => _random.Next(3) switch
    {
        0 => 0,
        1 => _random.Next(1, 100),
        _ => _random.Next(),
    };

    private TimeSpan Time() => TimeSpan.FromMilliseconds(_random.Next(4) switch
    {
        0 => _random.Next(1, 1000),
        1 => _random.Next(1000, 10_000),
        2 => _random.Next(1, 120) * 1000,
        _ => _random.Next(1, 10_000_000),
    });

    private TimeSpan Microseconds() => TimeSpan.FromTicks(10 * (_random.Next(3) switch
    {
        0 => 0,
        1 => _random.Next(1, 100),
        _ => _random.Next(1, 100_000_000),
    }));
}
