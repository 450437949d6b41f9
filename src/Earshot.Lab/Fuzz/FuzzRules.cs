using System;
using System.Collections.Generic;

namespace Earshot.Lab.Fuzz;

/// <summary>What a random sequence starts from, and what of it is compared.</summary>
internal static class FuzzRules
{
    /// <summary>Set on both sides before a sequence begins: the host's own defaults are a machine's, not
    /// Linux's.</summary>
    internal static IReadOnlyList<SysctlStep> Beginning { get; } =
    [
        // The stack tells of duplicates by no D-SACK and has Reno alone: docs/deviations.md, D2 and D3.
        new("net.ipv4.tcp_sack", "0"),
        new("net.ipv4.tcp_congestion_control", "reno"),
        new("net.ipv4.tcp_moderate_rcvbuf", "0"),
    ];

    private static readonly HashSet<string> NotCompared = new(StringComparer.Ordinal)
    {
        // Segments that the kernel merges in its memory, or for which it has none set aside: D3.
        "TcpExtTCPRcvCoalesce", "TcpExtTCPBacklogCoalesce", "TcpExtTCPHPHits",

        // Recovery by RACK and tail loss probes is not used yet: D2.
        "TcpExtTCPLossProbes", "TcpExtTCPLossProbeRecovery", "TcpExtTCPSlowStartRetrans",

        // No counters: settings that /proc/net/snmp lists beside them.
        "TcpRtoAlgorithm", "TcpRtoMin", "TcpRtoMax", "TcpMaxConn",
    };

    /// <summary>Whether the window of a segment is compared: that of a connection depends on the kernel's memory for
    /// what is unread, which the stack does not model: docs/deviations.md, D3.</summary>
    internal static bool ComparesWindow(int flags) => (flags & Packetdrill.Flag.Syn) != 0
        || (flags & (Packetdrill.Flag.Rst | Packetdrill.Flag.Ack)) == Packetdrill.Flag.Rst;

    /// <summary>The type of service that is compared: a connection that negotiated ECN does not mark its data yet,
    /// docs/deviations.md, D6.</summary>
    internal static int ComparedService(int service, int flags) =>
        (flags & Packetdrill.Flag.Syn) != 0 ? service : service & ~3;

    /// <summary>The flags of a segment that are compared: such a connection does not echo congestion either,
    /// D6.</summary>
    internal static int Compared(int flags) =>
        (flags & Packetdrill.Flag.Syn) != 0 ? flags : flags & ~Packetdrill.Flag.Ece;

    /// <summary>Whether a counter is compared.</summary>
    internal static bool IsCompared(string name) =>
        (name.StartsWith("Tcp", StringComparison.Ordinal) || name is "IcmpInErrors" or "Icmp6InErrors")
        && !NotCompared.Contains(name);
}
