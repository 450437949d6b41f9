using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Lab.Experiments;

/// <summary>Turns the packets of a plan of steps into records: TCP and the ICMP errors about it, IPv4 and
/// IPv6.</summary>
/// <remarks>A connection is a pair of ends; they are numbered in the order of their first packets, and who sends the
/// first packet is the client. A SYN with another number on a pair seen before is another connection.</remarks>
internal sealed class ConversationLog
{
    private const int TcpHeaderLength = 20;
    private const int ProtocolTcp = 6;
    private const int ProtocolIcmp = 1;
    private const int ProtocolIcmp6 = 58;
    private const int IcmpHeaderLength = 8;
    private const int QuotedLength = 8;
    private const int FlagSyn = 0x02;
    private const int FlagRst = 0x04;
    private const int FlagAck = 0x10;

    private readonly List<PacketRecord> _packets = [];
    private readonly Dictionary<(InetEndpoint Client, InetEndpoint Server), Talk> _talks = [];
    private int _count;

    /// <summary>The packets so far.</summary>
    public IReadOnlyList<PacketRecord> Packets => _packets;

    /// <summary>Takes one packet; what is neither TCP nor an ICMP error about TCP is left out.</summary>
    /// <param name="time">When it was sent.</param>
    /// <param name="packet">The packet from the IP header on; the end of the payload may be missing.</param>
    /// <param name="verdict">Why it was treated as it was, when known.</param>
    public void Add(TimeSpan time, ReadOnlySpan<byte> packet, string? verdict = null)
    {
        if (!WireText.TryFind(packet, out PacketPlace place))
        {
            return;
        }

        if (place.Protocol == ProtocolTcp && packet.Length >= place.Start + TcpHeaderLength)
        {
            AddSegment(time, packet, place, verdict);
        }
        else if (place.Protocol is ProtocolIcmp or ProtocolIcmp6
            && packet.Length >= place.Start + IcmpHeaderLength + QuotedLength)
        {
            AddIcmp(time, packet, place, verdict);
        }
    }

    private void AddSegment(TimeSpan time, ReadOnlySpan<byte> packet, in PacketPlace place, string? verdict)
    {
        ReadOnlySpan<byte> tcp = packet[place.Start..];
        var from = new InetEndpoint(place.From, BinaryPrimitives.ReadUInt16BigEndian(tcp));
        var to = new InetEndpoint(place.To, BinaryPrimitives.ReadUInt16BigEndian(tcp[2..]));
        uint seq = BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]);
        uint ack = BinaryPrimitives.ReadUInt32BigEndian(tcp[8..]);
        int flags = tcp[13];
        (Talk talk, bool fromClient) = Find(from, to, flags, seq);
        if (!fromClient && (flags & FlagSyn) != 0)
        {
            // A cookie or a request that came after another one has a number of its own.
            talk.ServerStart = seq;
        }

        uint? own = fromClient ? talk.ClientStart : talk.ServerStart;
        uint? other = fromClient ? talk.ServerStart : talk.ClientStart;
        string details = $"{WireText.Ip(packet)} {WireText.Tcp(tcp, out uint? value, out uint? echo)}";
        _packets.Add(new PacketRecord
        {
            Time = time,
            Connection = talk.Number,
            FromClient = fromClient,
            From = from.ToString(),
            To = to.ToString(),
            Flags = WireText.Flags(flags),
            Seq = Relative(seq, own, (flags & FlagRst) != 0),
            Ack = (flags & FlagAck) == 0 ? ack : Relative(ack, other, isZeroKept: false),
            Length = Math.Max(0, place.End - place.Start - ((tcp[12] >> 4) * 4)),
            Window = BinaryPrimitives.ReadUInt16BigEndian(tcp[14..]),
            Details = details,
            TimeStamp = value,
            TimeEcho = echo,
            Verdict = verdict,
            Bytes = packet.ToArray(),
        });
    }

    private void AddIcmp(TimeSpan time, ReadOnlySpan<byte> packet, in PacketPlace place, string? verdict)
    {
        ReadOnlySpan<byte> icmp = packet[place.Start..];
        if (!WireText.TryFind(icmp[IcmpHeaderLength..], out PacketPlace quoted) || quoted.Protocol != ProtocolTcp
            || icmp.Length < IcmpHeaderLength + quoted.Start + QuotedLength)
        {
            return;
        }

        ReadOnlySpan<byte> tcp = icmp[(IcmpHeaderLength + quoted.Start)..];
        var from = new InetEndpoint(quoted.From, BinaryPrimitives.ReadUInt16BigEndian(tcp));
        var to = new InetEndpoint(quoted.To, BinaryPrimitives.ReadUInt16BigEndian(tcp[2..]));
        uint seq = BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]);
        (Talk talk, bool clientIsQuoted) = Find(from, to, FlagAck, seq);
        uint? start = clientIsQuoted ? talk.ClientStart : talk.ServerStart;
        _packets.Add(new PacketRecord
        {
            Time = time,
            Connection = talk.Number,
            FromClient = !clientIsQuoted,
            From = place.From.ToString(),
            To = place.To.ToString(),
            Flags = $"ICMP {icmp[0]}/{icmp[1]}",
            Seq = Relative(seq, start, isZeroKept: false),
            Ack = 0,
            Length = place.End - place.Start,
            Window = 0,
            Details = WireText.Ip(packet),
            Verdict = verdict,
            Bytes = packet.ToArray(),
        });
    }

    private (Talk Talk, bool FromClient) Find(InetEndpoint from, InetEndpoint to, int flags, uint seq)
    {
        bool opens = (flags & (FlagSyn | FlagAck)) == FlagSyn;
        if (_talks.TryGetValue((from, to), out Talk? talk) && (!opens || talk.ClientStart == seq || !talk.IsOpen))
        {
            if (opens)
            {
                (talk.ClientStart, talk.IsOpen) = (seq, true);
            }

            return (talk, true);
        }

        // A SYN in the other direction on a living pair crosses the client's: it is the same connection.
        if (_talks.TryGetValue((to, from), out Talk? answered))
        {
            return (answered, false);
        }

        // The server may answer for the connection that was there before.
        talk = new Talk(++_count)
        {
            ClientStart = opens ? seq : null,
            ServerStart = talk?.ServerStart,
            IsOpen = opens,
        };
        _talks[(from, to)] = talk;
        return (talk, true);
    }

    // The RST for a segment without ACK has number 0, whatever the connection's own numbers are.
    private static long Relative(uint number, uint? start, bool isZeroKept) =>
        start is not { } s || (isZeroKept && number == 0) ? number : (uint)(number - s);

    private sealed class Talk(int number)
    {
        public int Number { get; } = number;

        public uint? ClientStart { get; set; }

        public uint? ServerStart { get; set; }

        public bool IsOpen { get; set; }
    }
}
