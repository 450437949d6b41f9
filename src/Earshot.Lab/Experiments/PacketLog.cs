using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Lab.Experiments;

/// <summary>Turns captured IPv4 packets into records: whose connection, which way, with relative numbers.</summary>
/// <remarks>The n-th connection is the n-th client, because the clients call connect() in order and a SYN leaves before
/// connect() returns or waits.</remarks>
internal sealed class PacketLog(int serverPort)
{
    private const int Ipv4HeaderLength = 20;
    private const int TcpHeaderLength = 20;
    private const int ProtocolTcp = 6;
    private const int FlagSyn = 0x02;
    private const int FlagRst = 0x04;
    private const int FlagAck = 0x10;

    private readonly List<PacketRecord> _packets = [];
    private readonly List<Trace> _connections = [];
    private readonly Dictionary<int, Trace> _byPort = [];
    private long? _zero;

    /// <summary>The packets so far.</summary>
    public IReadOnlyList<PacketRecord> Packets => _packets;

    /// <summary>What was seen of each connection, in the order of the first SYNs.</summary>
    public IReadOnlyList<Trace> Connections => _connections;

    /// <summary>The time of the first SYN, from which all times count; null before it.</summary>
    public long? Zero => _zero;

    /// <summary>The moment <paramref name="nanoseconds"/> counted from the first SYN.</summary>
    public TimeSpan Since(long nanoseconds) =>
        new((nanoseconds - (_zero ?? nanoseconds)) / TimeSpan.NanosecondsPerTick);

    /// <summary>Takes one packet; what is no TCP segment to or from the server's port is left out.</summary>
    /// <param name="nanoseconds">When it was sent, on any clock that counts nanoseconds.</param>
    /// <param name="packet">The packet from the IP header on; the end of the payload may be missing.</param>
    /// <param name="length">The packet's whole length.</param>
    /// <param name="verdict">Why it was treated as it was, when known.</param>
    public void Add(long nanoseconds, ReadOnlySpan<byte> packet, int length, string? verdict = null)
    {
        int start = packet.Length >= Ipv4HeaderLength ? (packet[0] & 0xf) * 4 : 0;
        if (start < Ipv4HeaderLength || packet[0] >> 4 != 4 || packet[9] != ProtocolTcp
            || packet.Length < start + TcpHeaderLength)
        {
            return;
        }

        ReadOnlySpan<byte> tcp = packet[start..];
        int sourcePort = BinaryPrimitives.ReadUInt16BigEndian(tcp);
        int destinationPort = BinaryPrimitives.ReadUInt16BigEndian(tcp[2..]);
        bool fromClient = destinationPort == serverPort;
        if (!fromClient && sourcePort != serverPort)
        {
            return;
        }

        uint seq = BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]);
        uint ack = BinaryPrimitives.ReadUInt32BigEndian(tcp[8..]);
        int flags = tcp[13];
        Trace? trace = Find(fromClient ? sourcePort : destinationPort, fromClient, flags, seq);
        if (trace is null)
        {
            return;
        }

        _zero ??= nanoseconds;
        TimeSpan time = Since(nanoseconds);
        trace.See(time, fromClient, flags, seq);
        string details = $"{WireText.Ip(packet)} {WireText.Tcp(tcp, out uint? value, out uint? echo)}";
        _packets.Add(new PacketRecord
        {
            Time = time,
            Connection = trace.Number,
            FromClient = fromClient,
            From = Endpoint(packet.Slice(12, 4), sourcePort),
            To = Endpoint(packet.Slice(16, 4), destinationPort),
            Flags = WireText.Flags(flags),
            Seq = Relative(seq, fromClient ? trace.ClientStart : trace.ServerStart),
            Ack = (flags & FlagAck) == 0 ? 0 : Relative(ack, fromClient ? trace.ServerStart : trace.ClientStart),
            Length = Math.Max(0, length - start - ((tcp[12] >> 4) * 4)),
            Window = BinaryPrimitives.ReadUInt16BigEndian(tcp[14..]),
            Details = details,
            TimeStamp = value,
            TimeEcho = echo,
            Verdict = verdict,
            Bytes = packet.ToArray(),
        });
    }

    // A SYN with another sequence number from a port seen before is another connection: the port was used again.
    private Trace? Find(int clientPort, bool fromClient, int flags, uint seq)
    {
        bool opens = fromClient && (flags & (FlagSyn | FlagAck)) == FlagSyn;
        if (_byPort.TryGetValue(clientPort, out Trace? trace) && (!opens || trace.ClientStart == seq))
        {
            return trace;
        }

        if (!opens)
        {
            return null;
        }

        trace = new Trace(_connections.Count + 1, clientPort, seq);
        _connections.Add(trace);
        _byPort[clientPort] = trace;
        return trace;
    }

    private static long Relative(uint number, uint? start) => start is { } s ? (uint)(number - s) : number;

    private static string Endpoint(ReadOnlySpan<byte> address, int port) => $"{InetAddress.Read(address)}:{port}";

    /// <summary>What was seen of one connection.</summary>
    internal sealed class Trace(int number, int clientPort, uint clientStart)
    {
        public int Number { get; } = number;

        public int ClientPort { get; } = clientPort;

        public uint ClientStart { get; } = clientStart;

        public uint? ServerStart { get; private set; }

        public TimeSpan FirstSyn { get; private set; }

        public TimeSpan LastSyn { get; private set; }

        public int Syns { get; private set; }

        public TimeSpan? FirstSynAck { get; private set; }

        public int SynAcks { get; private set; }

        /// <summary>When the server refused the connection with a RST.</summary>
        public TimeSpan? Refused { get; private set; }

        public void See(TimeSpan time, bool fromClient, int flags, uint seq)
        {
            if (fromClient && (flags & FlagSyn) != 0)
            {
                FirstSyn = Syns == 0 ? time : FirstSyn;
                LastSyn = time;
                Syns++;
            }
            else if (!fromClient && (flags & FlagSyn) != 0)
            {
                FirstSynAck ??= time;
                ServerStart ??= seq;
                SynAcks++;
            }
            else if (!fromClient && (flags & FlagRst) != 0)
            {
                Refused ??= time;
            }
        }
    }
}
