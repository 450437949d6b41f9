using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Lab.Experiments;

/// <summary>Compares the packets of two runs, connection by connection: numbers, headers, options and times.</summary>
internal static class ComparePackets
{
    // A time stamp counts milliseconds, and a packet is stamped a little before it is captured. What a cookie hides in
    // its time stamp is up to 63 less.
    private const long ClockSlack = 4;
    private const long CookieSlack = 68;
    private const string CookiesSent = "TcpExtSyncookiesSent";

    /// <summary>Adds what differs.</summary>
    public static void Runs(RunResult left, RunResult right, TimerGranularity granularity, List<Difference> found)
    {
        List<Timed>[] l = ByConnection(left);
        List<Timed>[] r = ByConnection(right);
        bool cookies = left.Samples.Concat(right.Samples).Any(s => s.Counters.ContainsKey(CookiesSent));
        for (int connection = 0; connection < Math.Max(l.Length, r.Length); connection++)
        {
            List<Timed> lp = connection < l.Length ? l[connection] : [];
            List<Timed> rp = connection < r.Length ? r[connection] : [];
            Connection(connection + 1, lp, rp, granularity, cookies ? CookieSlack : ClockSlack, found);
        }
    }

    private static void Connection(
        int number,
        List<Timed> left,
        List<Timed> right,
        TimerGranularity granularity,
        long clockSlack,
        List<Difference> found)
    {
        for (int i = 0; i < Math.Max(left.Count, right.Count); i++)
        {
            string what = $"packet {i + 1} of connection {number}";
            Timed? lt = i < left.Count ? left[i] : null;
            Timed? rt = i < right.Count ? right[i] : null;
            TimeSpan at = lt?.Packet.Time ?? rt!.Value.Packet.Time; // One of the two lists is longer than i.
            if (lt is not { } a || rt is not { } b || !SameShape(a.Packet, b.Packet))
            {
                // From here on the two conversations are different ones; more lines would only repeat it.
                found.Add(new Difference(at, what, Text(lt?.Packet), Text(rt?.Packet)));
                return;
            }

            Headers(what, at, a.Packet, b.Packet, found);
            string? stamps = TimeStamps(left, right, i, clockSlack);
            if (stamps is not null)
            {
                found.Add(new Difference(at, $"time stamp of {what}", "as its clock says", stamps)
                {
                    IsTime = true,
                });
            }

            if (Judge(a, b, granularity) is { } wrong)
            {
                found.Add(new Difference(
                    at,
                    $"time of {what} ({Text(a.Packet)}) after the one before",
                    Say.Seconds(a.Gap),
                    $"{Say.Seconds(b.Gap)} ({wrong})")
                {
                    IsTime = true,
                });
            }
        }
    }

    // A packet has one cause: the packet before it, the call before it, or a timer that the connection's first packet
    // started. Where one of them explains it, it came at its time.
    private static string? Judge(Timed left, Timed right, TimerGranularity granularity)
    {
        string? wrong = granularity.Judge(left.Gap, right.Gap);
        bool explained = wrong is null
            || (left.SinceCall is { } lc && right.SinceCall is { } rc && granularity.Judge(lc, rc) is null)
            || (left.SinceCall is not null && granularity.Judge(left.SinceFirst, right.SinceFirst) is null);
        return explained ? null : wrong;
    }

    private static void Headers(
        string what, TimeSpan at, PacketRecord left, PacketRecord right, List<Difference> found)
    {
        if (left.Details.Length > 0 && right.Details.Length > 0 && left.Details != right.Details)
        {
            found.Add(new Difference(at, $"headers of {what} ({left.Flags})", left.Details, right.Details));
        }
    }

    // The value counts from the sender's first one, as its clock has gone on since; the echo is one that the other
    // side has sent, the same packet's on both sides.
    private static string? TimeStamps(List<Timed> left, List<Timed> right, int index, long slack)
    {
        PacketRecord l = left[index].Packet;
        PacketRecord r = right[index].Packet;
        if (l.TimeStamp is not { } lv || r.TimeStamp is not { } rv)
        {
            return null;
        }

        long lost = Drift(left, l, lv, out long passed);
        long drift = Drift(right, r, rv, out long counted);
        if (Math.Abs(lost - drift) > slack && passed != counted)
        {
            return $"{drift - lost} ms away from it";
        }

        uint le = l.TimeEcho!.Value; // The option has both numbers.
        uint re = r.TimeEcho!.Value;
        HashSet<int> ls = Senders(left, index, le);
        HashSet<int> rs = Senders(right, index, re);
        bool same = ls.Count == 0 && rs.Count == 0 ? (le == 0) == (re == 0) : ls.Overlaps(rs);
        return same ? null : "echoes the time stamp of another packet";
    }

    // What the clock went on by, less the time that passed. A peer of packets has the plan's clock: there both runs
    // count the same.
    private static long Drift(List<Timed> packets, PacketRecord packet, uint value, out long counted)
    {
        counted = 0;
        foreach (Timed first in packets)
        {
            if (first.Packet.FromClient == packet.FromClient && first.Packet.TimeStamp is { } start)
            {
                counted = (int)(value - start);
                return counted - (long)(packet.Time - first.Packet.Time).TotalMilliseconds;
            }
        }

        return 0;
    }

    private static HashSet<int> Senders(List<Timed> packets, int before, uint echo)
    {
        var found = new HashSet<int>();
        for (int i = 0; i < before; i++)
        {
            if (packets[i].Packet.FromClient != packets[before].Packet.FromClient
                && packets[i].Packet.TimeStamp == echo)
            {
                found.Add(i);
            }
        }

        return found;
    }

    /// <summary>The packets of each connection with the time since the packet that led to it: the one before on the
    /// connection, or for its first packet the one before of any connection.</summary>
    private static List<Timed>[] ByConnection(RunResult run)
    {
        var connections = new List<List<Timed>>();
        TimeSpan lastOfAny = TimeSpan.Zero;
        int call = -1;
        foreach (PacketRecord packet in run.Packets)
        {
            while (connections.Count < packet.Connection)
            {
                connections.Add([]);
            }

            while (call + 1 < run.Calls.Count && run.Calls[call + 1].At <= packet.Time)
            {
                call++;
            }

            List<Timed> own = connections[packet.Connection - 1];
            TimeSpan before = own.Count == 0 ? lastOfAny : own[^1].Packet.Time;
            TimeSpan first = own.Count == 0 ? lastOfAny : own[0].Packet.Time;
            own.Add(new Timed(
                packet,
                packet.Time - before,
                packet.Time - first,
                call < 0 ? null : packet.Time - run.Calls[call].At));
            lastOfAny = packet.Time;
        }

        return [.. connections];
    }

    private static bool SameShape(PacketRecord left, PacketRecord right) =>
        left.FromClient == right.FromClient && left.Flags == right.Flags && left.Length == right.Length
        && left.Seq == right.Seq && left.Ack == right.Ack;

    private static string Text(PacketRecord? packet) => packet is null
        ? "none"
        : $"{packet.Flags} from the {(packet.FromClient ? "client" : "server")}, "
            + $"seq {packet.Seq} ack {packet.Ack} length {packet.Length}";

    private readonly record struct Timed(
        PacketRecord Packet, TimeSpan Gap, TimeSpan SinceFirst, TimeSpan? SinceCall);
}
