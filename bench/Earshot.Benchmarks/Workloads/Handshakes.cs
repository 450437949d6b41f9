using System;
using System.Buffers.Binary;
using Earshot.Core;
using Earshot.Core.Sockets;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Benchmarks.Workloads;

/// <summary>Handshakes in three parts, so that the third ACK can be measured alone.</summary>
internal sealed class Handshakes : IDisposable
{
    /// <summary>Handshakes at a time.</summary>
    internal const int Count = 2048;

    private const int BatchPackets = 64;
    private const int PacketLength = 60;
    private const uint Source = 0x0a010000;
    private const ushort FirstPort = 1024;
    private const uint PeerIsn = 5000;

    private static readonly byte[] SynOptions =
        [2, 4, 1460 >> 8, 1460 & 255, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];

    private readonly byte[] _acks = new byte[Count * PacketLength];
    private readonly PacketBatch _batch = new(BatchPackets, 2 * PacketBatch.MaximumPacketLength);
    private readonly NetworkStack _stack;
    private readonly int _listener;
    private Instant _now = Instant.FromSeconds(1);

    internal Handshakes()
    {
        _stack = new NetworkStack(
            new StackOptions
            {
                TransmitQueueLimit = 4096,
                Interfaces = [new InterfaceOptions { Addresses = [InterfaceAddress.Parse("10.0.0.2/8")] }],
            },
            _now);
        SocketCalls calls = _stack.Calls;
        _listener = LinkedStacks.Require(calls.Socket(2, 1, 0));
        LinkedStacks.Require(calls.SetOption(_listener, SocketOption.Linger, 0));
        LinkedStacks.Require(calls.Bind(_listener, LinkedStacks.ServerEndpoint));
        LinkedStacks.Require(calls.Listen(_listener, Count));
    }

    /// <summary>Lets the SYNs in and writes the ACKs of the SYN-ACKs.</summary>
    internal void Prepare()
    {
        Span<byte> syn = stackalloc byte[PacketLength];
        Span<byte> options = stackalloc byte[20];
        for (int i = 0; i < Count;)
        {
            _batch.Clear();
            for (int end = i + BatchPackets; i < end; i++)
            {
                Write(syn, FirstPort + i, PeerIsn, 0, TcpFlags.Syn, SynOptions);
                _batch.TryAdd(syn);
            }

            Give();
            while (_stack.TryTransmit(out OutboundPacket reply))
            {
                ReadOnlySpan<byte> segment = reply.Bytes[IpPacket.MinimumHeaderLength..];
                int port = BinaryPrimitives.ReadUInt16BigEndian(segment[2..]);
                uint isn = BinaryPrimitives.ReadUInt32BigEndian(segment[4..]);
                options.Fill(1);
                options[2] = 8;
                options[3] = 10;
                BinaryPrimitives.WriteUInt32BigEndian(options[4..], 1);
                segment.Slice(28, 4).CopyTo(options[8..]);
                Write(_acks.AsSpan((port - FirstPort) * PacketLength, PacketLength),
                    port, PeerIsn + 1, isn + 1, TcpFlags.Ack, options);
            }
        }
    }

    /// <summary>Lets the ACKs in.</summary>
    internal void Acknowledge()
    {
        for (int i = 0; i < Count;)
        {
            _batch.Clear();
            for (int end = i + BatchPackets; i < end; i++)
            {
                _batch.TryAdd(_acks.AsSpan(i * PacketLength, PacketLength));
            }

            Give();
        }
    }

    /// <summary>Accepts all connections and resets them.</summary>
    internal void TakeAndReset()
    {
        for (int i = 0; i < Count; i++)
        {
            LinkedStacks.Require(_stack.Calls.Close(LinkedStacks.Require(_stack.Calls.Accept(_listener, out _))));
            while (_stack.TryTransmit(out _))
            {
            }
        }

        while (_stack.TryTakeEvent(out _))
        {
        }
    }

    public void Dispose() => _stack.Dispose();

    private void Give()
    {
        _stack.OnPackets(_batch, _now);
        _now = new Instant(_now.Nanoseconds + 20_000);
    }

    private static void Write(
        Span<byte> packet, int port, uint seq, uint ack, TcpFlags flags, ReadOnlySpan<byte> options)
    {
        packet.Clear();
        var source = new InetAddress(Source);
        IpPacket.WriteHeader(
            packet,
            new IpFields(source, LinkedStacks.ServerEndpoint.Address, IpPacket.ProtocolTcp, 0, 0, 64, false),
            PacketLength - IpPacket.MinimumHeaderLength);
        Span<byte> segment = packet[IpPacket.MinimumHeaderLength..];
        BinaryPrimitives.WriteUInt16BigEndian(segment, (ushort)port);
        BinaryPrimitives.WriteUInt16BigEndian(segment[2..], LinkedStacks.ServerEndpoint.Port);
        BinaryPrimitives.WriteUInt32BigEndian(segment[4..], seq);
        BinaryPrimitives.WriteUInt32BigEndian(segment[8..], ack);
        segment[12] = 0xa0;
        segment[13] = (byte)flags;
        segment[14] = segment[15] = 0xff;
        options.CopyTo(segment[TcpSegment.MinimumHeaderLength..]);
        ulong sum = Checksum.PseudoHeader(
            source, LinkedStacks.ServerEndpoint.Address, IpPacket.ProtocolTcp, segment.Length);
        TcpFields.WriteChecksum(segment, Checksum.Finish(Checksum.Add(segment, sum)));
    }
}
