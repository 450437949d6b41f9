using System;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Wire;

namespace Earshot.Simulation.Scenarios;

/// <summary>Looks at every TCP segment that a host puts on its wire: it is sound, no longer than the link takes, never
/// skips a sequence number, never goes beyond the window that its receiver told, and acknowledges only what was
/// sent.</summary>
/// <param name="mayLose">Whether a host itself may lose what it sent before it comes to the wire: while a neighbour's
/// address is asked for.</param>
public sealed class FlowWatch(bool mayLose = false)
{
    private readonly Dictionary<FourTuple, Flow> _flows = [];

    /// <summary>Segments seen.</summary>
    public long Segments { get; private set; }

    /// <summary>Looks at a packet that a host sends.</summary>
    /// <param name="bytes">The IP packet.</param>
    /// <param name="info">What is left to the link.</param>
    /// <param name="mtu">What the link takes.</param>
    /// <exception cref="SimulationException">It breaks a rule.</exception>
    public void Look(ReadOnlySpan<byte> bytes, PacketInfo info, int mtu)
    {
        Demand(IpPacket.Parse(bytes, out IpPacket packet) == IpParseError.None, "a packet is not sound", default);
        if (packet.Protocol != IpPacket.ProtocolTcp || packet.IsFragment)
        {
            return;
        }

        bool left = (info.Flags & PacketFlags.ChecksumPartial) != 0;
        TcpParseError error = TcpSegment.Parse(packet, left, info.SegmentSize, out TcpSegment segment);
        Demand(error == TcpParseError.None, $"a segment is not sound: {error}", default);
        bool isPartial = info.SegmentSize != 0;
        Demand(isPartial || bytes.Length <= mtu, $"a packet of {bytes.Length} bytes on a link of {mtu}", segment.Tuple);
        Segments++;
        Follow(segment);
    }

    /// <summary>Finds whose segment a packet holds.</summary>
    /// <param name="bytes">The IP packet.</param>
    /// <param name="info">What is known of it.</param>
    /// <param name="isChecked">Whether its checksum need not be looked at.</param>
    /// <param name="seen">What is told of it.</param>
    /// <returns>Whether there is a sound one.</returns>
    internal static bool TryFind(ReadOnlySpan<byte> bytes, PacketInfo info, bool isChecked, out SeenSegment seen)
    {
        seen = default;
        isChecked |= (info.Flags & (PacketFlags.ChecksumGood | PacketFlags.ChecksumPartial)) != 0;
        if (IpPacket.Parse(bytes, out IpPacket packet) != IpParseError.None
            || packet.Protocol != IpPacket.ProtocolTcp || packet.IsFragment
            || TcpSegment.Parse(packet, isChecked, info.SegmentSize, out TcpSegment segment) != TcpParseError.None)
        {
            return false;
        }

        seen = new SeenSegment(
            segment.Tuple, segment.Seq, segment.EndSeq, segment.Has(TcpFlags.Ack) ? segment.Ack : null);
        return true;
    }

    private static void Demand(bool holds, string what, in FourTuple tuple)
    {
        if (!holds)
        {
            throw new SimulationException(tuple == default ? what : $"{what} ({tuple.Remote} to {tuple.Local})");
        }
    }

    private void Follow(in TcpSegment segment)
    {
        // A segment's tuple is as its receiver sees it.
        FourTuple there = segment.Tuple;
        var back = new FourTuple(there.Remote, there.Local);
        if (segment.Has(TcpFlags.Rst))
        {
            return;
        }

        Flow mine = Get(there);
        Flow its = Get(back);
        if (segment.Has(TcpFlags.Syn))
        {
            bool isNew = !mine.IsKnown || mine.First != segment.Seq;
            if (isNew)
            {
                mine.Begin(segment.Seq);
                if (!segment.Has(TcpFlags.Ack))
                {
                    its.IsKnown = false;
                }
            }

            // A Fast Open server may answer the window that is in the SYN, which nothing scales.
            mine.SynWindow = segment.WindowField;
            mine.Allowed = its.IsKnown ? Math.Max(mine.Allowed, 1 + its.SynWindow) : mine.Allowed;
            mine.Scale = TcpOptions.Parse(segment) is { HasWindowScale: true } options
                ? Math.Min((int)options.WindowScale, 14) : -1;
        }

        if (!mine.IsKnown)
        {
            return;
        }

        if (segment.Has(TcpFlags.Ack) && its.IsKnown)
        {
            int acknowledged = segment.Ack - its.First;
            Demand(
                acknowledged <= its.Sent || segment.Ack == its.LastEnd,
                $"{acknowledged} acknowledged of {its.Sent} that were sent", there);
            bool scales = !segment.Has(TcpFlags.Syn) && mine.Scale >= 0 && its.Scale >= 0;
            int window = segment.WindowField << (scales ? mine.Scale : 0);
            its.Allowed = Math.Max(its.Allowed, acknowledged + window);
        }

        int start = segment.Seq - mine.First;
        int end = start + segment.SegmentLength;
        Demand(
            mayLose || start <= mine.Sent,
            $"a segment begins at {start}, and only {mine.Sent} were sent before", there);
        if (segment.PayloadLength > 0 && !segment.Has(TcpFlags.Syn) && its.IsKnown)
        {
            int last = end - (segment.Has(TcpFlags.Fin) ? 1 : 0);
            Demand(last <= mine.Allowed, $"data up to {last} beyond the window's end {mine.Allowed}", there);
        }

        mine.Sent = Math.Max(mine.Sent, end);
    }

    private Flow Get(in FourTuple tuple)
    {
        if (!_flows.TryGetValue(tuple, out Flow? flow))
        {
            _flows.Add(tuple, flow = new Flow());
        }

        return flow;
    }

    private sealed class Flow
    {
        internal bool IsKnown { get; set; }

        internal SeqNumber First { get; private set; }

        // The end of what was sent, and of what may be: from the SYN on.
        internal int Sent { get; set; }

        internal int Allowed { get; set; }

        internal int Scale { get; set; }

        internal int SynWindow { get; set; }

        // Where the connection before ended: a peer in TIME_WAIT acknowledges that, whatever begins anew.
        internal SeqNumber? LastEnd { get; private set; }

        internal void Begin(SeqNumber first)
        {
            LastEnd = IsKnown ? First + Sent : null;
            IsKnown = true;
            First = first;
            Sent = 0;
            Allowed = 0;
            Scale = -1;
        }
    }
}
