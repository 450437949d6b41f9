using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using Earshot.Core.Time;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Packetdrill;

/// <content>Packets, in and out.</content>
internal sealed partial class ScriptRun
{
    /// <summary>The port that <c>...</c> binds to, and that connect() goes to.</summary>
    public const ushort DefaultPort = 8080;

    /// <summary>The remote port of inbound packets that name none.</summary>
    public const ushort DefaultRemotePort = 42000;

    private const int InboundTtl = 255;
    private const int NeighborMessages = 128;
    private static readonly TimeSpan LookLonger = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestAny = TimeSpan.FromSeconds(200);

    private readonly IPAddress _local;
    private readonly List<Flow> _flows = [new Flow(DefaultRemotePort, DefaultPort)];
    private readonly List<SeenSegment> _seen = [];
    private Flow Default => _flows[0];

    private bool IsSix => _version == IpVersion.IPv6;

    private Instant Send(PacketEvent happening)
    {
        PacketPattern packet = happening.Packet;
        Flow flow = packet is { SourcePort: { } remote, DestinationPort: { } local }
            ? FlowOf(remote, local)
            : Default;
        if (packet.Icmp is { } icmp)
        {
            return SendIcmp(happening, icmp, flow);
        }

        TcpPattern tcp = packet.Tcp!; // A packet is one or the other.
        flow.OnInbound(tcp);
        flow.ShareCookies(Default);
        OptionPattern[] options = [.. (tcp.Options ?? []).Select(flow.ToLive)];
        uint acknowledgment = tcp.Acknowledgment is { } ack ? flow.Live(ack) : 0;
        Envelope envelope = Envelope(packet.Ip);
        int piece = _script.Options.Mss is { } mss && tcp.Length > mss ? mss : Math.Max(tcp.Length, 1);
        Instant? first = null;
        for (int at = 0; at < tcp.Length || at == 0; at += piece)
        {
            int length = Math.Min(piece, tcp.Length - at);
            bool last = at + length >= tcp.Length;
            TcpPattern part = last ? tcp : tcp with { Flags = tcp.Flags & ~(Flag.Psh | Flag.Fin) };
            uint sequence = unchecked(tcp.Sequence + (uint)at);
            Instant taken = _target.Inject(SegmentBytes.Segment(
                envelope,
                flow.RemotePort,
                flow.LocalPort,
                part,
                sequence,
                acknowledgment,
                options,
                CallRunner.Pattern(unchecked(flow.Position(tcp) + (uint)at), length)));
            first ??= taken;
        }

        return first!.Value; // The loop runs at least once.
    }

    private Instant SendIcmp(PacketEvent happening, IcmpPattern icmp, Flow flow)
    {
        if (!IcmpNames.TryNumbers(icmp, IsSix, out int type, out int code))
        {
            throw new ScriptException(
                _script.File, happening.Line, $"{(IsSix ? "ICMPv6" : "ICMP")} has no such message");
        }

        var quoted = new TcpPattern { Flags = Flag.Ack };
        var from = new Envelope(_local, _remote, 0, 64, 0);
        byte[] segment = SegmentBytes.Segment(
            from, flow.LocalPort, flow.RemotePort, quoted, flow.Live(icmp.Sequence ?? 0), 0, [], new byte[icmp.Length]);
        const int mostQuoted = 548;
        ReadOnlySpan<byte> part = segment.AsSpan(0, Math.Min(segment.Length, mostQuoted));
        return _target.Inject(SegmentBytes.Message(Envelope(happening.Packet.Ip), type, code, icmp.Mtu ?? 0, part));
    }

    private Envelope Envelope(IpPattern ip) => new(
        _remote, _local, ip.TypeOfService ?? ip.Ecn ?? 0, ip.TimeToLive ?? InboundTtl, ip.FlowLabel ?? 0);

    private Flow FlowOf(ushort remote, ushort local)
    {
        Flow? flow = _flows.Find(f => f.RemotePort == remote && f.LocalPort == local);
        if (flow is null)
        {
            flow = new Flow(remote, local);
            _flows.Add(flow);
        }

        return flow;
    }

    /// <summary>Waits for the packet that a script expects and compares it.</summary>
    private void Expect(PacketEvent happening)
    {
        PacketPattern expected = happening.Packet;
        Flow flow = expected is { SourcePort: { } local, DestinationPort: { } remote }
            ? FlowOf(remote, local)
            : Default;
        EventTime time = happening.Time;
        TimeSpan tolerance = Tolerance(SinceBefore(time));
        Instant earliest = (time.Kind == TimeKind.Absolute ? _zero : _start) + time.From - tolerance;
        Instant latest = (time.Kind == TimeKind.Absolute ? _zero : _end) + time.To + tolerance;
        Instant until = time.Kind == TimeKind.Any
            ? _target.Now + LongestAny
            : (latest > _target.Now ? latest : _target.Now) + LookLonger;
        SeenSegment seen = Next(happening, flow, until)
            ?? throw new ScriptFailure(
                happening.Line,
                time.Kind == TimeKind.Any ? "the packet did not come" : "the packet did not come in time",
                PacketText.Write(expected),
                "nothing");
        _late = seen.Time - _zero - ScriptTime(time);
        flow.ShareCookies(Default);
        flow.OnOutbound(seen, expected.Tcp, _late);
        Default.ShareCookies(flow);
        Merge(happening, flow, seen, until);
        string? difference = PacketMatcher.Difference(expected, seen, flow, IsSix, StampTolerance(flow, seen))
            ?? PayloadDifference(flow, seen);
        bool isLate = difference is null && time.Kind != TimeKind.Any && seen.Time > latest;
        if (difference is null && time.Kind != TimeKind.Any && (seen.Time < earliest || seen.Time > latest))
        {
            difference = $"the packet came at the wrong time: {When(seen.Time - (Base(time) + time.From))} "
                + $"than expected (tolerance {Milliseconds(tolerance)})";
        }

        if (difference is not null)
        {
            throw new ScriptFailure(
                happening.Line, difference, PacketText.Write(expected), PacketText.Write(seen, expected, flow),
                isLate);
        }

        // A packet that left while the event before was still being done begins the next wait.
        Done(happening, seen.Time, seen.Time, seen.Time);
    }

    private Instant Base(EventTime time) => time.Kind == TimeKind.Absolute ? _zero : _start;

    private static string When(TimeSpan late) =>
        $"{Milliseconds(late.Duration())} {(late < TimeSpan.Zero ? "earlier" : "later")}";

    private static string Milliseconds(TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.###} ms");

    private long? StampTolerance(Flow flow, SeenSegment seen)
    {
        if (_script.Options.TimestampTick is not { } tick)
        {
            return null;
        }

        TimeSpan since = flow.FirstStamp == default ? TimeSpan.Zero : seen.Time - flow.FirstStamp;
        TimeSpan behind = (_late - flow.LateAtFirstStamp).Duration();
        return (long)Math.Ceiling((Tolerance(since) + behind) / tick) + 1;
    }

    /// <summary>The next packet of a connection, which stays in order among the others.</summary>
    private SeenSegment? Next(PacketEvent happening, Flow flow, Instant until)
    {
        while (true)
        {
            Collect();
            int index = _seen.FindIndex(s => IsFor(happening.Packet, flow, s));
            if (index >= 0)
            {
                SeenSegment seen = _seen[index];
                _seen.RemoveAt(index);
                return seen;
            }

            if (!_target.WaitForPacket(until))
            {
                return null;
            }
        }
    }

    private bool IsFor(PacketPattern expected, Flow flow, SeenSegment seen)
    {
        if (expected.Icmp is not null || !seen.IsTcp)
        {
            return expected.Icmp is not null && !seen.IsTcp;
        }

        if (seen.DestinationPort == flow.RemotePort && seen.SourcePort == flow.LocalPort)
        {
            return true;
        }

        // The stack opens a connection: the ports are those of its SYN.
        if (flow == Default && !flow.IsBegun && seen.Has(Flag.Syn) && !seen.Has(Flag.Ack)
            && !_flows.Exists(f => f.RemotePort == seen.DestinationPort && f.LocalPort == seen.SourcePort))
        {
            flow.Take(seen.DestinationPort, seen.SourcePort);
            return true;
        }

        return false;
    }

    // Packets of IPv6's own housekeeping and for other hosts are nobody's.
    private void Collect()
    {
        while (_target.TryTake(out SeenPacket packet))
        {
            if (SeenSegment.Read(packet) is { } seen && seen.Envelope.Destination.Equals(_remote)
                && (seen.IsTcp || (seen.IsIcmp && !(seen.IsSix && seen.IcmpType > NeighborMessages))))
            {
                _seen.Add(seen);
            }
        }
    }

    // Pieces of one write are one packet of the script, unless it is strict.
    private void Merge(PacketEvent happening, Flow flow, SeenSegment seen, Instant until)
    {
        int wanted = happening.Packet.Tcp?.Length ?? 0;
        while (!_script.Options.StrictSegments && seen.Payload.Length > 0 && seen.Payload.Length < wanted)
        {
            SeenSegment? more = Next(happening, flow, until);
            if (more is null || more.Sequence != unchecked(seen.Sequence + (uint)seen.Payload.Length)
                || more.Payload.Length == 0 || more.Fault is not null)
            {
                if (more is not null)
                {
                    _seen.Insert(0, more);
                }

                return;
            }

            flow.OnOutbound(more, null, _late);
            seen.Payload = [.. seen.Payload, .. more.Payload];
            seen.Flags |= more.Flags & (Flag.Fin | Flag.Psh);
        }
    }

    private string? PayloadDifference(Flow flow, SeenSegment seen)
    {
        if (!seen.IsTcp || !_calls.WritesPattern)
        {
            return null;
        }

        byte[] pattern = CallRunner.Pattern(
            unchecked(flow.ScriptSequence(seen) - (seen.Has(Flag.Syn) ? 0u : 1u)), seen.Payload.Length);
        return pattern.AsSpan().SequenceEqual(seen.Payload) ? null : "the payload is not what was written";
    }

    // What the stack sent and the script does not have is a difference too.
    private void Leftover()
    {
        Collect();
        SeenSegment? extra = _seen.Find(s => !s.IsTcp
            || _flows.Exists(f => f.RemotePort == s.DestinationPort && f.LocalPort == s.SourcePort));
        if (extra is not null)
        {
            Flow? flow = _flows.Find(f => f.RemotePort == extra.DestinationPort && f.LocalPort == extra.SourcePort);
            int line = _script.Events[^1].Line;
            throw new ScriptFailure(
                line, "a packet that the script does not expect", "nothing more", PacketText.Write(extra, null, flow));
        }
    }
}
