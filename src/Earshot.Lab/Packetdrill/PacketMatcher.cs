using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Lab.Packetdrill;

/// <summary>Compares a packet that was seen with the one that a script expects.</summary>
internal static class PacketMatcher
{
    private const int EcnMask = 3;

    /// <summary>What differs first, or null when nothing does.</summary>
    /// <param name="expected">The script's packet.</param>
    /// <param name="seen">The packet that was seen; of several merged into one, the first with all payload.</param>
    /// <param name="flow">The numbers of the connection; null for ICMP.</param>
    /// <param name="sixth">Whether IPv6 is expected.</param>
    /// <param name="stampTolerance">By how many ticks a time stamp may differ; null: it is not compared.</param>
    public static string? Difference(
        PacketPattern expected, SeenSegment seen, Flow? flow, bool sixth, long? stampTolerance)
    {
        if (seen.Fault is { } fault)
        {
            return fault;
        }

        if (seen.IsSix != sixth)
        {
            return $"expected IPv{(sixth ? 6 : 4)}, saw IPv{(seen.IsSix ? 6 : 4)}";
        }

        if (Ip(expected.Ip, seen.Envelope) is { } difference)
        {
            return difference;
        }

        return expected.Icmp is { } icmp ? Icmp(icmp, seen) : Tcp(expected.Tcp!, seen, flow!, stampTolerance);
    }

    private static string? Ip(IpPattern ip, in Envelope seen)
    {
        int tos = seen.TypeOfService;
        return ip.Ecn is { } ecn && ecn != (tos & EcnMask) ? "the ECN bits differ"
            : ip.TypeOfService is { } wanted && wanted != tos ? $"the TOS is 0x{tos:x2}, expected 0x{wanted:x2}"
            : ip.TimeToLive is { } ttl && ttl != seen.TimeToLive ? $"the TTL is {seen.TimeToLive}, expected {ttl}"
            : ip.FlowLabel is { } label && label != seen.FlowLabel ? "the flow label differs"
            : null;
    }

    private static string? Icmp(IcmpPattern icmp, SeenSegment seen)
    {
        if (!seen.IsIcmp || !IcmpNames.TryNumbers(icmp, seen.IsSix, out int type, out int code))
        {
            return "expected an ICMP message";
        }

        return seen.IcmpType != type || seen.IcmpCode != code ? "type or code of the ICMP message differ"
            : icmp.Mtu is { } mtu && mtu != seen.IcmpMtu ? $"the MTU is {seen.IcmpMtu}, expected {mtu}"
            : null;
    }

    private static string? Tcp(TcpPattern tcp, SeenSegment seen, Flow flow, long? stampTolerance)
    {
        if (tcp.Flags != seen.Flags)
        {
            return "the flags differ";
        }

        uint sequence = flow.ScriptSequence(seen);
        if (tcp.Sequence != sequence)
        {
            return $"the sequence number is {sequence}, expected {tcp.Sequence}";
        }

        if (tcp.Length != seen.Payload.Length)
        {
            return $"the segment carries {seen.Payload.Length} bytes, expected {tcp.Length}";
        }

        uint acknowledgment = tcp.Acknowledgment ?? 0;
        if (acknowledgment != seen.Acknowledgment)
        {
            return $"the acknowledgment number is {seen.Acknowledgment}, expected {acknowledgment}";
        }

        if (tcp.Window is { } window && window != seen.Window)
        {
            return $"the window is {seen.Window}, expected {window}";
        }

        if (tcp.Urgent != seen.Urgent)
        {
            return $"the urgent pointer is {seen.Urgent}, expected {tcp.Urgent}";
        }

        return tcp.Options is { } options ? Options(options, seen, flow, stampTolerance) : null;
    }

    private static string? Options(
        IReadOnlyList<OptionPattern> expected, SeenSegment seen, Flow flow, long? stampTolerance)
    {
        if (expected.Count == 0 && seen.Options.Count > 0)
        {
            return "options where none are expected";
        }

        // A script may write the padding at the end, or leave it out.
        OptionPattern[] wanted =
            [.. expected.Reverse().SkipWhile(static o => o.Kind == OptionKind.End).Reverse()];
        if (!wanted.Select(static o => o.Kind).SequenceEqual(seen.Options.Select(static o => o.Kind)))
        {
            return "the options, or their order, differ";
        }

        for (int i = 0; i < wanted.Length; i++)
        {
            if (!IsEqual(wanted[i], flow.ToScript(seen.Options[i]), stampTolerance))
            {
                return $"the option {PacketText.Options([flow.ToScript(seen.Options[i])])} differs, expected "
                    + PacketText.Options([wanted[i]]);
            }
        }

        return null;
    }

    private static bool IsEqual(OptionPattern expected, OptionPattern seen, long? stampTolerance)
    {
        if (expected.Kind == OptionKind.Timestamp)
        {
            long apart = Math.Abs((int)unchecked(seen.Number - expected.Number));
            return (stampTolerance is null || apart <= stampTolerance) && expected.Echo == seen.Echo;
        }

        return expected.Number == seen.Number && expected.Bytes.SequenceEqual(seen.Bytes)
            && expected.Ranges.SequenceEqual(seen.Ranges);
    }
}
