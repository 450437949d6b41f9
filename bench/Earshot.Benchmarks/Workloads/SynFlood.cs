using System;
using System.Buffers.Binary;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Sockets;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Benchmarks.Workloads;

/// <summary>SYNs from distinct clients, prepared before; the listener answers each and queues it.</summary>
/// <remarks>
/// The packets are those of the peers' probe: 20 bytes of options, sources 10.1.0.0 and on, 50 000 ports each.
/// </remarks>
internal sealed class SynFlood : IDisposable
{
    /// <summary>SYNs of one round, as many as the peers' probe makes.</summary>
    internal const int DefaultCount = 1 << 18;

    private const int BatchPackets = 64;
    private const int PacketLength = 60;
    private const int Stride = 64;
    private const uint FirstSource = 0x0a010000;
    private const int PortsPerSource = 50_000;
    private const long BatchTime = 20_000;

    private static readonly byte[] Options =
        [2, 4, 1460 >> 8, 1460 & 255, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];

    private readonly byte[] _packets;
    private readonly PacketBatch _batch = new(BatchPackets, 2 * PacketBatch.MaximumPacketLength);
    private readonly int _count;
    private readonly int _listeners;
    private NetworkStack? _stack;
    private Instant _now;

    /// <summary>Prepares the packets.</summary>
    /// <param name="count">SYNs of a run.</param>
    /// <param name="listeners">Listeners, on ports one after another, that they go to in turn.</param>
    internal SynFlood(int count = DefaultCount, int listeners = 1)
    {
        _count = count;
        _listeners = listeners;
        _packets = GC.AllocateUninitializedArray<byte>(count * Stride, pinned: true);
        for (int i = 0; i < count; i++)
        {
            Write(_packets.AsSpan(i * Stride, PacketLength), i, TcpFlags.Syn);
        }
    }

    /// <summary>Requests that the listeners hold.</summary>
    internal int Queued
    {
        get
        {
            var rows = new System.Collections.Generic.List<ListenerRow>();
            Stack.CopyListeners(rows);
            int queued = 0;
            foreach (ListenerRow row in rows)
            {
                queued += row.SynCount;
            }

            return queued;
        }
    }

    /// <summary>SYN-ACKs that came out.</summary>
    internal long Answered { get; private set; }

    private NetworkStack Stack => _stack ?? throw new InvalidOperationException("no stack yet: call Prepare");

    /// <summary>Makes a new stack with a listener whose queues hold them all.</summary>
    /// <param name="cookies">Whether each SYN is answered with a cookie instead and forgotten.</param>
    internal void Prepare(bool cookies = false)
    {
        _stack?.Dispose();
        _now = Instant.Zero;
        Answered = 0;
        _stack = new NetworkStack(
            new StackOptions
            {
                Profile = KernelProfile.Linux618,
                TransmitQueueLimit = 4096,
                Interfaces = [new InterfaceOptions { Addresses = [InterfaceAddress.Parse("10.0.0.2/8")] }],
            },
            _now);
        LinkedStacks.Require(_stack.Sysctls.Set("net.core.somaxconn", "100000000"));
        LinkedStacks.Require(_stack.Sysctls.Set("net.ipv4.tcp_max_syn_backlog", "100000000"));
        LinkedStacks.Require(_stack.Sysctls.Set("net.ipv4.tcp_syncookies", cookies ? "2" : "1"));
        SocketCalls calls = _stack.Calls;
        for (int i = 0; i < _listeners; i++)
        {
            int listener = LinkedStacks.Require(calls.Socket(2, 1, 0));
            LinkedStacks.Require(calls.Bind(listener, LinkedStacks.ServerEndpoint with { Port = PortOf(i) }));
            LinkedStacks.Require(calls.Listen(listener, 100_000_000));
        }
    }

    /// <summary>Lets SYNs of other clients in, written as they go.</summary>
    /// <param name="count">How many.</param>
    internal void Crowd(int count)
    {
        for (int i = 0; i < count;)
        {
            _batch.Clear();
            for (int end = Math.Min(i + BatchPackets, count); i < end; i++)
            {
                // Clients of a run have the first numbers.
                Write(_batch.Reserve()[..PacketLength], _count + i, TcpFlags.Syn);
                _batch.Commit(PacketLength);
            }

            Stack.OnPackets(_batch, _now);
            while (Stack.TryTransmit(out _))
            {
            }
        }
    }

    /// <summary>Lets every SYN in, and takes every SYN-ACK out.</summary>
    internal void Run()
    {
        NetworkStack stack = Stack;
        long checksum = 0;
        for (int i = 0; i < _count;)
        {
            _batch.Clear();
            for (int end = Math.Min(i + BatchPackets, _count); i < end; i++)
            {
                _batch.TryAdd(_packets.AsSpan(i * Stride, PacketLength));
            }

            stack.OnPackets(_batch, _now);
            while (stack.TryTransmit(out OutboundPacket packet))
            {
                Answered++;
                checksum += packet.Bytes[^1];
            }

            _now = new Instant(_now.Nanoseconds + BatchTime);
        }

        GC.KeepAlive(checksum);
    }

    /// <summary>What the harness itself costs: the copies into the batches, without a stack.</summary>
    internal void RunHarness()
    {
        for (int i = 0; i < _count;)
        {
            _batch.Clear();
            for (int end = Math.Min(i + BatchPackets, _count); i < end; i++)
            {
                _batch.TryAdd(_packets.AsSpan(i * Stride, PacketLength));
            }
        }
    }

    /// <summary>
    /// Takes every request away again by its client's RST: the tables stay as large as they have grown.
    /// </summary>
    internal void Withdraw()
    {
        for (int i = 0; i < _count;)
        {
            _batch.Clear();
            for (int end = Math.Min(i + BatchPackets, _count); i < end; i++)
            {
                Write(_batch.Reserve()[..PacketLength], i, TcpFlags.Rst);
                _batch.Commit(PacketLength);
            }

            Stack.OnPackets(_batch, _now);
            while (Stack.TryTransmit(out _))
            {
            }
        }
    }

    public void Dispose() => _stack?.Dispose();

    private ushort PortOf(int client) => (ushort)(LinkedStacks.ServerEndpoint.Port + (client % _listeners));

    private void Write(Span<byte> packet, int client, TcpFlags flags)
    {
        packet.Clear();
        var source = new InetAddress(FirstSource + (uint)(client / PortsPerSource));
        int port = 1024 + (client % PortsPerSource);
        IpPacket.WriteHeader(
            packet,
            new IpFields(source, LinkedStacks.ServerEndpoint.Address, IpPacket.ProtocolTcp, 0, 0, 64, false),
            PacketLength - IpPacket.MinimumHeaderLength);
        Span<byte> segment = packet[IpPacket.MinimumHeaderLength..];
        BinaryPrimitives.WriteUInt16BigEndian(segment, (ushort)port);
        BinaryPrimitives.WriteUInt16BigEndian(segment[2..], PortOf(client));
        bool reset = (flags & TcpFlags.Rst) != 0;
        BinaryPrimitives.WriteUInt32BigEndian(segment[4..], (uint)(reset ? port + 1 : port));
        segment[12] = 0xa0;
        segment[13] = (byte)flags;
        segment[14] = 0xff;
        segment[15] = 0xff;
        Options.CopyTo(segment[TcpSegment.MinimumHeaderLength..]);
        ulong sum = Checksum.PseudoHeader(
            source, LinkedStacks.ServerEndpoint.Address, IpPacket.ProtocolTcp, segment.Length);
        TcpFields.WriteChecksum(segment, Checksum.Finish(Checksum.Add(segment, sum)));
    }
}
