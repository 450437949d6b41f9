using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Profiles;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests;

/// <summary>A stack at 10.0.0.1/24 and 2001:db8::1/64 whose packets the test writes and reads; time is the
/// test's.</summary>
internal sealed class TestHost : IDisposable
{
    internal const ushort Port = 80;

    internal static readonly InetAddress Address = InetAddress.Parse("10.0.0.1");
    internal static readonly InetAddress PeerAddress = InetAddress.Parse("10.0.0.2");
    internal static readonly InetAddress Address6 = InetAddress.Parse("2001:db8::1");
    internal static readonly InetAddress PeerAddress6 = InetAddress.Parse("2001:db8::2");

    private readonly PacketBatch _batch = new(1);
    private readonly List<Packet> _sent = [];
    private long[] _counters;

    internal TestHost(KernelProfile? profile = null, ulong seed = 1, int descriptorLimit = 1024, int moreInterfaces = 0,
        int requestLimit = StackOptions.DefaultRequestLimit)
    {
        Now = Instant.FromSeconds(1000);
        Stack = new NetworkStack(
            new StackOptions
            {
                Profile = profile ?? KernelProfile.Linux618,
                Seed = Chance.Spread(seed),
                Interfaces =
                [
                    new InterfaceOptions
                    {
                        Addresses =
                            [InterfaceAddress.Parse("10.0.0.1/24"), InterfaceAddress.Parse("2001:db8::1/64")],
                    },
                    .. Enumerable.Range(0, moreInterfaces).Select(i => new InterfaceOptions { Name = $"t{i}" }),
                ],
                DescriptorLimit = descriptorLimit,
                RequestLimit = requestLimit,
            },
            Now);
        _counters = Stack.Mib.Snapshot();
    }

    internal NetworkStack Stack { get; }

    /// <summary>ICMPv6 packets sent, as bytes.</summary>
    internal List<byte[]> Icmp6 { get; } = [];

    internal Core.Sockets.SocketCalls Calls => Stack.Calls;

    internal Instant Now { get; private set; }

    /// <summary>The newest listener.</summary>
    internal ListenerRow Listener
    {
        get
        {
            var rows = new List<ListenerRow>();
            Stack.CopyListeners(rows);
            return rows[^1];
        }
    }

    internal static KernelProfile Profile(string name) =>
        KernelProfile.TryFind(name, out KernelProfile profile) ? profile : throw new ArgumentException(name);

    internal int Listen(int backlog = 5, ushort port = Port, InetAddress address = default)
    {
        int fd = Calls.Socket(address.IsIPv4 ? 2 : 10, 1, 0);
        Assert.Equal(0, Calls.Bind(fd, new InetEndpoint(address, port)));
        Assert.Equal(0, Calls.Listen(fd, backlog));
        return fd;
    }

    /// <summary>The options of a socket as TCP reads them.</summary>
    internal ref Core.Tcp.SocketOptions Options(int fd)
    {
        Assert.True(Calls.Descriptors.TryGet(fd, out Core.Sockets.Socket socket));
        return ref socket.ChangeOptions();
    }

    /// <summary>Segments that a socket dropped: SO_MEMINFO.</summary>
    internal int Drops(int fd)
    {
        const int DropsOffset = 32;
        byte[] memory = new byte[36];
        int length = memory.Length;
        Assert.Equal(0, Calls.GetSocketOption(fd, 1, 55, memory, ref length));
        return BitConverter.ToInt32(memory, DropsOffset);
    }

    /// <summary>TCP_INFO.</summary>
    internal byte[] Info(int fd)
    {
        byte[] info = new byte[280];
        int length = info.Length;
        Assert.Equal(0, Calls.GetSocketOption(fd, 6, 11, info, ref length));
        return info;
    }

    /// <summary>Sets a sysctl, which must exist.</summary>
    internal void Set(string name, int value) => Assert.Equal(0, Stack.Sysctls.Set(name, value.ToString()));

    /// <summary>Hands a packet in and gives back what the stack sent at once.</summary>
    internal Packet[] Send(Packet packet) => Send(packet.ToBytes());

    internal Packet[] Send(byte[] bytes, PacketInfo info = default)
    {
        Stack.OnTimer(Now);
        Collect();
        int before = _sent.Count;
        _batch.Clear();
        Assert.True(_batch.TryAdd(bytes, 2, info));
        Stack.OnPackets(_batch, Now);
        Collect();
        Stack.CheckInvariants();
        return [.. _sent.Skip(before)];
    }

    /// <summary>Lets time pass, every timer at its moment, and gives back what was sent meanwhile.</summary>
    internal Packet[] Run(double seconds)
    {
        Collect();
        int before = _sent.Count;
        Instant end = new(Now.Nanoseconds + (long)Math.Round(seconds * 1e9));
        while (Stack.NextTimer is { } next && next <= end)
        {
            Now = next;
            Stack.OnTimer(next);
            Collect();
            Stack.CheckInvariants();
        }

        Now = end;
        Stack.OnTimer(end);
        Collect();
        return [.. _sent.Skip(before)];
    }

    /// <summary>What was sent since the last time this was asked.</summary>
    internal Packet[] Take()
    {
        Collect();
        Packet[] sent = [.. _sent];
        _sent.Clear();
        return sent;
    }

    /// <summary>From now on counters are told from here.</summary>
    internal void Mark() => _counters = Stack.Mib.Snapshot();

    internal long Moved(Counter counter) => Stack.Mib[counter] - _counters[(int)counter];

    /// <summary>Asserts which TcpExt and which of a few Tcp counters moved, and by how much: "ListenDrops+1".</summary>
    internal void Moves(params string[] expected)
    {
        var moved = new List<string>();
        foreach (Counter counter in Enum.GetValues<Counter>())
        {
            string name = counter.ToString();
            bool watched = name.StartsWith("TcpExt", StringComparison.Ordinal)
                || counter is Counter.TcpAttemptFails or Counter.TcpEstabResets or Counter.TcpPassiveOpens
                    or Counter.TcpOutRsts or Counter.TcpRetransSegs or Counter.TcpInErrs or Counter.TcpCurrEstab
                    or Counter.TcpInCsumErrors;
            if (watched && Moved(counter) is not 0 and var by)
            {
                string shown = name.StartsWith("TcpExt", StringComparison.Ordinal) ? name[6..] : name[3..];
                moved.Add(by > 0 ? $"{shown}+{by}" : $"{shown}{by}");
            }
        }

        Assert.Equal(expected.Order(StringComparer.Ordinal), moved.Order(StringComparer.Ordinal));
    }

    /// <summary>The newest verdict about a peer, in words.</summary>
    internal string Why(Peer peer)
    {
        Assert.True(Stack.Ledger.TryFindLast(peer.HostPort, peer.Endpoint, out LedgerEntry entry));
        return Stack.Ledger.Explain(entry);
    }

    internal RuleId Rule(Peer peer)
    {
        Assert.True(Stack.Ledger.TryFindLast(peer.HostPort, peer.Endpoint, out LedgerEntry entry));
        return entry.Rule;
    }

    internal TcpState State(Peer peer)
    {
        var rows = new List<SocketRow>();
        Stack.CopySockets(rows);
        return rows.Where(row => row.Remote == peer.Endpoint).Select(row => row.State).SingleOrDefault();
    }

    internal SocketRow[] Rows()
    {
        var rows = new List<SocketRow>();
        Stack.CopySockets(rows);
        return [.. rows];
    }

    public void Dispose() => Stack.Dispose();

    private void Collect()
    {
        while (Stack.TryTransmit(out OutboundPacket packet))
        {
            byte[] bytes = packet.Bytes.ToArray();
            if (bytes[0] >> 4 == 6)
            {
                CollectIPv6(bytes, packet.Time);
                continue;
            }

            Assert.Equal(0xffff, Packet.Sum(bytes.AsSpan(0, 20), 0));
            if (bytes[9] == 6)
            {
                uint pseudo = Packet.Sum(bytes.AsSpan(12, 8), 6u + (uint)(bytes.Length - 20));
                Assert.Equal(0xffff, Packet.Sum(bytes.AsSpan(20), pseudo));
                _sent.Add(Packet.Read(bytes, packet.Time));
            }
        }
    }

    private void CollectIPv6(byte[] bytes, Instant time)
    {
        Assert.Equal(bytes.Length - 40, (bytes[4] << 8) | bytes[5]);
        uint pseudo = Packet.Sum(bytes.AsSpan(8, 32), bytes[6] + (uint)(bytes.Length - 40));
        Assert.Equal(0xffff, Packet.Sum(bytes.AsSpan(40), pseudo));
        if (bytes[6] == 6)
        {
            _sent.Add(Packet.Read(bytes, time));
        }
        else
        {
            Icmp6.Add(bytes);
        }
    }
}
