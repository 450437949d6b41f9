using System;
using System.Buffers.Binary;
using System.Net;
using Earshot.Lab.Experiments;

namespace Earshot.Lab.Targets;

/// <summary>A peer that exists only as packets: it sends what the plan says and answers nothing by itself.</summary>
/// <remarks>It keeps what a third ACK needs: its own next number, the next one of the other side, the other side's time
/// stamp. Its numbers depend on its name only, so two runs send the same bytes except for what they answer.</remarks>
internal sealed class RawPeer
{
    private const int FirstPort = 10_000;
    private const int TcpHeaderLength = 20;
    private const int FlagFin = 0x01;
    private const int FlagSyn = 0x02;

    private uint _start;
    private readonly uint _timeBase;
    private uint _next;
    private uint _received;
    private uint _echo;
    private bool _timeStamps;
    private byte[] _cookie = [];
    private byte[] _lastSent = [];
    private byte[] _lastSeen = [];

    /// <summary>Makes the peer of a number, with a local end of the server's family.</summary>
    /// <param name="number">Its number, from 0.</param>
    /// <param name="server">Where it sends.</param>
    public RawPeer(int number, IPEndPoint server)
    {
        Server = server;
        bool six = server.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        IPAddress address = six
            ? IPAddress.Parse($"fd00:20::{number + 1:x}")
            : new IPAddress([10, 20, (byte)(number / 250), (byte)((number % 250) + 1)]);
        Own = new IPEndPoint(address, FirstPort + number);
        _start = (uint)(1_000_000 * (number + 1));
        _timeBase = (uint)(100_000 * (number + 1));
        _next = _start;
    }

    /// <summary>Its end.</summary>
    public IPEndPoint Own { get; private set; }

    /// <summary>The server's end.</summary>
    public IPEndPoint Server { get; private set; }

    /// <summary>The packet that was sent last, to send it again.</summary>
    /// <exception cref="ExperimentFailedException">There is none.</exception>
    public ReadOnlySpan<byte> LastSent => _lastSent.Length > 0 ? _lastSent
        : throw new ExperimentFailedException($"{Own} has sent nothing that could be sent again");

    /// <summary>Builds a segment.</summary>
    /// <param name="words">What it is.</param>
    /// <param name="at">The plan's moment: the peer's clock.</param>
    public byte[] Build(RawWords words, TimeSpan at)
    {
        if (words.To is { } to)
        {
            Server = to;
        }

        if (words.SourcePort is { } port)
        {
            Own = new IPEndPoint(Own.Address, port);
        }

        bool isSyn = (words.Flags & FlagSyn) != 0;
        if (isSyn && words.IsNew)
        {
            _next = _start += 100_000;
        }

        uint seq = isSyn && words.Seq.IsRelative ? _start + (uint)words.Seq.Value : words.Seq.Over(_next);
        uint ack = words.Ack is { } given ? given.Over(_received) : words.HasAck ? _received : 0;
        uint clock = _timeBase + (uint)at.TotalMilliseconds;
        byte[] options = words.Options(
            isSyn, _timeStamps, words.TimeStamp.Over(clock), words.TimeEcho.Over(_echo), _cookie);
        byte[] segment = Segment(words, seq, ack, options);
        if (words.Seq is { IsRelative: true, Value: 0 } && (words.Flags & 0x04) == 0)
        {
            uint length = (uint)words.Length + (isSyn ? 1u : 0) + ((words.Flags & FlagFin) != 0 ? 1u : 0);
            _next = seq + length;
        }

        _lastSent = RawPackets.Ip(Own.Address, Server.Address, RawPackets.Tcp, segment, words);
        return _lastSent;
    }

    /// <summary>Builds an ICMP error about the last packet that the peer was sent, or a question.</summary>
    public byte[] BuildIcmp(RawWords words, int type, int code)
    {
        if (RawPackets.IsQuery(type, Server))
        {
            return _lastSent = RawPackets.Query(Own.Address, Server.Address, type, code, words);
        }

        if (_lastSeen.Length == 0)
        {
            throw new ExperimentFailedException($"{Own} was sent nothing that ICMP could quote");
        }

        return _lastSent = RawPackets.Icmp(Own.Address, Server.Address, type, code, _lastSeen, words);
    }

    /// <summary>Whether a packet is for this peer.</summary>
    public bool IsFor(in PacketPlace place, ReadOnlySpan<byte> packet) =>
        place.Protocol == RawPackets.Tcp && packet.Length >= place.Start + TcpHeaderLength
        && place.To.ToIPAddress().Equals(Own.Address)
        && BinaryPrimitives.ReadUInt16BigEndian(packet[(place.Start + 2)..]) == Own.Port;

    /// <summary>Sees a packet of the server.</summary>
    public void See(in PacketPlace place, ReadOnlySpan<byte> packet)
    {
        ReadOnlySpan<byte> tcp = packet[place.Start..];
        _lastSeen = packet.ToArray();
        int flags = tcp[13];
        uint seq = BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]);
        int length = place.End - place.Start - ((tcp[12] >> 4) * 4);
        _ = WireText.Tcp(tcp, out uint? value, out _);
        if ((flags & FlagSyn) != 0)
        {
            Server = new IPEndPoint(
                place.From.ToIPAddress(), BinaryPrimitives.ReadUInt16BigEndian(tcp));
            _timeStamps = value is not null;
            _cookie = WireText.FastOpenCookie(tcp) ?? _cookie;
            _received = seq + 1;
        }
        else if (seq == _received)
        {
            _received += (uint)length + ((flags & FlagFin) != 0 ? 1u : 0);
        }

        _echo = value ?? _echo;
    }

    private byte[] Segment(RawWords words, uint seq, uint ack, byte[] options)
    {
        var segment = new byte[TcpHeaderLength + options.Length + words.Length];
        BinaryPrimitives.WriteUInt16BigEndian(segment, (ushort)Own.Port);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), (ushort)Server.Port);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(4), seq);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(8), ack);
        segment[12] = (byte)((words.DataOffset ?? ((TcpHeaderLength + options.Length) / 4)) << 4);
        segment[13] = (byte)words.Flags;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(14), (ushort)words.Window);
        options.CopyTo(segment, TcpHeaderLength);
        return segment;
    }
}
