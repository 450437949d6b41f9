using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Lab.Fuzz;

/// <summary>What a random sequence starts from, and what of it is compared.</summary>
internal static class FuzzRules
{
    /// <summary>Set on both sides before a sequence begins: the host's own defaults are a machine's, not
    /// Linux's.</summary>
    internal static IReadOnlyList<SysctlStep> Beginning { get; } =
    [
        new("net.ipv4.tcp_congestion_control", "reno"),
    ];

    private static readonly HashSet<string> NotCompared = new(StringComparer.Ordinal)
    {
        // Segments that the kernel merges while a call works on their socket: D3.
        "TcpExtTCPBacklogCoalesce",

        // No counters: settings that /proc/net/snmp lists beside them.
        "TcpRtoAlgorithm", "TcpRtoMin", "TcpRtoMax", "TcpMaxConn",
    };

    /// <summary>The fields of a connection's own account that are compared.</summary>
    internal static IReadOnlyList<string> Fields { get; } = (
        "tcpi_state tcpi_ca_state tcpi_retransmits tcpi_probes tcpi_backoff tcpi_options "
        + "tcpi_snd_wscale tcpi_rcv_wscale tcpi_rto tcpi_snd_mss tcpi_rcv_mss tcpi_unacked tcpi_sacked "
        + "tcpi_lost tcpi_retrans tcpi_pmtu tcpi_rcv_ssthresh tcpi_rtt tcpi_rttvar tcpi_snd_ssthresh "
        + "tcpi_snd_cwnd tcpi_advmss tcpi_reordering tcpi_rcv_space tcpi_total_retrans tcpi_bytes_acked "
        + "tcpi_bytes_received tcpi_segs_out tcpi_segs_in tcpi_notsent_bytes tcpi_min_rtt "
        + "tcpi_data_segs_in tcpi_data_segs_out tcpi_delivered tcpi_delivered_ce tcpi_bytes_sent "
        + "tcpi_bytes_retrans tcpi_dsack_dups tcpi_reord_seen tcpi_rcv_ooopack tcpi_snd_wnd tcpi_rcv_wnd "
        + "tcpi_total_rto tcpi_total_rto_recoveries sk_rmem_alloc sk_rcvbuf sk_sndbuf").Split(' ');

    // Microseconds that a measured time may differ by, beside a part of it.
    private static readonly HashSet<string> Measured = new(StringComparer.Ordinal)
    {
        "tcpi_rto", "tcpi_rtt", "tcpi_rttvar", "tcpi_min_rtt",
    };

    /// <summary>Where the bytes of sent packets lie in pages (docs/deviations.md, D90): not compared
    /// themselves.</summary>
    internal static bool TellsOfPages(string counter) =>
        counter is "TcpExtTCPSackMerged" or "TcpExtTCPSackShifted" or "TcpExtTCPSackShiftFallback";

    // What hangs on the memory that sent packets take: the space to write, and whether header prediction finds memory
    // left.
    private static bool HangsOnMemory(Step step, Observation host, Observation stack)
    {
        const long space = 0x104;
        const string predicted = "TcpExtTCPHPHits";
        return ((host.Info.GetValueOrDefault("poll") ^ stack.Info.GetValueOrDefault("poll")) & space) != 0
            || (step is CallStep { Call: Call.Write } && host.Result != stack.Result)
            || host.Counters.GetValueOrDefault(predicted) != stack.Counters.GetValueOrDefault(predicted);
    }

    /// <summary>Whether two values of a field are the same, or as near as measured times can be.</summary>
    internal static bool IsLike(string field, long first, long second)
    {
        const long clock = 12_000;
        const int part = 10;
        return Measured.Contains(field)
            ? Math.Abs(first - second) <= clock + (Math.Max(first, second) / part) : first == second;
    }

    /// <summary>How many steps can be compared: the moment at which an unlocked send buffer grows is another, and what
    /// is written from then on too (docs/deviations.md, D111); the memory of packets of which SACK told a part is
    /// another (D90).</summary>
    /// <param name="sequence">The sequence.</param>
    /// <param name="host">What the host showed.</param>
    /// <param name="stack">What the stack showed.</param>
    /// <param name="most">The most that is asked for.</param>
    internal static int Comparable(
        Sequence sequence, IReadOnlyList<Observation> host, IReadOnlyList<Observation> stack, int most)
    {
        const string buffer = "sk_sndbuf";
        bool locked = false;
        for (int i = 0; i < most; i++)
        {
            locked |= sequence.Steps[i] is CallStep { Call: Call.SetOption, Option.Name: "SO_SNDBUF" };
            // While something is in flight its memory is a model: D112.
            bool merged = host[i].Info.GetValueOrDefault("SIOCOUTQ") > 0
                || host[i].Counters.Keys.Any(TellsOfPages) || stack[i].Counters.Keys.Any(TellsOfPages);
            if ((!locked && host[i].Info.GetValueOrDefault(buffer) != stack[i].Info.GetValueOrDefault(buffer))
                || (merged && HangsOnMemory(sequence.Steps[i], host[i], stack[i])))
            {
                return i;
            }
        }

        return most;
    }

    /// <summary>Whether a counter is compared.</summary>
    internal static bool IsCompared(string name) =>
        (name.StartsWith("Tcp", StringComparison.Ordinal) || name is "IcmpInErrors" or "Icmp6InErrors")
        && !NotCompared.Contains(name);
}
