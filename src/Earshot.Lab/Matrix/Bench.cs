using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Matrix;

/// <summary>A stack at 10.0.0.1/24 that is asked through its front door alone: packets in, packets, counters and rows
/// out. The peers are made by hand; time is virtual.</summary>
internal sealed class Bench : IDisposable
{
    internal const ushort Port = 80;

    internal static readonly InetAddress Address = InetAddress.Parse("10.0.0.1");
    internal static readonly InetAddress PeerAddress = InetAddress.Parse("10.0.0.2");

    private const int AfInet = 2;
    private const int SockStream = 1;
    private const int MaxTurns = 1_000_000;

    private readonly PacketBatch _batch = new(1);
    private readonly byte[] _packet = new byte[2048];
    private readonly List<Seen> _sent = [];
    private Dictionary<string, long> _marked = [];
    private Instant _now = Instant.FromSeconds(1000);

    internal Bench(KernelProfile profile, ulong seed = 1)
    {
        Stack = new NetworkStack(
            new StackOptions
            {
                Profile = profile,
                Seed = Chance.Spread(seed),
                Interfaces = [new InterfaceOptions { Addresses = [InterfaceAddress.Parse("10.0.0.1/24")] }],
            },
            _now);
        Mark();
    }

    internal NetworkStack Stack { get; }

    /// <summary>Seconds since the bench's clock began; it starts at 1000.</summary>
    internal double Now => _now.Seconds;

    internal ListenerRow Listener
    {
        get
        {
            var rows = new List<ListenerRow>();
            Stack.CopyListeners(rows);
            return rows[^1];
        }
    }

    internal IReadOnlyList<SocketRow> Rows
    {
        get
        {
            var rows = new List<SocketRow>();
            Stack.CopySockets(rows);
            return rows;
        }
    }

    public void Dispose() => Stack.Dispose();

    internal int Count(TcpState state) => Rows.Count(row => row.State == state);

    internal int Socket() => Must(Stack.Calls.Socket(AfInet, SockStream, 0));

    internal int Listen(int backlog, ushort port = Port)
    {
        int fd = Socket();
        Must(Stack.Calls.Bind(fd, new InetEndpoint(InetAddress.Any, port)));
        Must(Stack.Calls.Listen(fd, backlog));
        return fd;
    }

    /// <summary>Sets a sysctl.</summary>
    /// <returns>False when the kernel has none of that name.</returns>
    internal bool Set(string name, long value) =>
        Stack.Sysctls.Set(name, value.ToString(CultureInfo.InvariantCulture)) == 0;

    internal bool Has(string sysctl) => Stack.Sysctls.TryGet(sysctl, out _);

    /// <summary>From now on counters are told from here.</summary>
    internal void Mark() => _marked = Counters();

    /// <summary>By how much a counter that the kernel has moved; 0 when it has none of that name.</summary>
    internal long Moved(string counter) =>
        Stack.Mib.TryGet(counter, out long value) ? value - _marked[counter] : 0;

    /// <summary>Those of the named counters that moved, as <c>ListenDrops+1</c>.</summary>
    internal string Moves(params string[] counters)
    {
        string[] moved =
        [
            .. counters.Where(name => Moved(name) != 0)
                .Select(name => $"{name.Replace("TcpExt", "", StringComparison.Ordinal)}+{Moved(name)}"),
        ];
        return moved.Length == 0 ? "nothing" : string.Join(' ', moved);
    }

    /// <summary>Hands a segment in and gives back what the stack sent at once.</summary>
    internal IReadOnlyList<Seen> Send(in TcpFields fields, ReadOnlySpan<byte> payload = default)
    {
        int header = fields.HeaderLength;
        IpPacket.WriteHeader(
            _packet,
            new IpFields(PeerAddress, Address, IpPacket.ProtocolTcp, 1, 0, 64, DontFragment: true),
            header + payload.Length);
        fields.WriteHeader(_packet.AsSpan(IpPacket.MinimumHeaderLength));
        payload.CopyTo(_packet.AsSpan(IpPacket.MinimumHeaderLength + header));
        return Send(_packet.AsSpan(0, IpPacket.MinimumHeaderLength + header + payload.Length));
    }

    /// <summary>Hands a packet in and gives back the segments that the stack sent at once.</summary>
    internal IReadOnlyList<Seen> Send(ReadOnlySpan<byte> packet)
    {
        Stack.OnTimer(_now);
        Collect();
        int before = _sent.Count;
        _batch.Clear();
        _batch.TryAdd(packet, 2, new PacketInfo(PacketFlags.ChecksumGood));
        Stack.OnPackets(_batch, _now);
        Collect();
        return _sent[before..];
    }

    /// <summary>Lets time pass, every timer at its moment, and gives back what was sent meanwhile.</summary>
    internal IReadOnlyList<Seen> Run(double seconds)
    {
        Collect();
        int before = _sent.Count;
        Instant end = new(_now.Nanoseconds + (long)Math.Round(seconds * 1e9));
        int turns = 0;
        while (Stack.NextTimer is { } next && next <= end)
        {
            Invariant.Check(++turns < MaxTurns, "an experiment comes to its end");
            _now = next;
            Stack.OnTimer(next);
            Collect();
        }

        _now = end;
        Stack.OnTimer(end);
        Collect();
        return _sent[before..];
    }

    /// <summary>What was sent since the last time this was asked.</summary>
    internal IReadOnlyList<Seen> Take()
    {
        Collect();
        Seen[] taken = [.. _sent];
        _sent.Clear();
        return taken;
    }

    internal static int Must(int result) => result >= 0
        ? result : throw new ExperimentFailedException($"a call that cannot fail here answered {Errno.Name(result)}");

    private Dictionary<string, long> Counters() =>
        Stack.Mib.All.ToDictionary(counter => counter.Key, counter => counter.Value, StringComparer.Ordinal);

    private void Collect()
    {
        while (Stack.TryTransmit(out OutboundPacket packet))
        {
            if (IpPacket.Parse(packet.Bytes, out IpPacket ip) == IpParseError.None
                && ip.Protocol == IpPacket.ProtocolTcp
                && TcpSegment.Parse(ip, checksumGood: true, 0, out TcpSegment segment) == TcpParseError.None)
            {
                _sent.Add(new Seen(
                    packet.Time.Seconds, segment.SourcePort, segment.DestinationPort, segment.Flags,
                    segment.Seq.Value, segment.Ack.Value, segment.WindowField, TcpOptions.Parse(segment),
                    segment.PayloadLength, ip.Ttl));
            }
        }
    }
}
