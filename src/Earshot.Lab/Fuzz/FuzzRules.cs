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
        new("net.ipv4.tcp_congestion_control", "reno"),
    ];

    private static readonly HashSet<string> NotCompared = new(StringComparer.Ordinal)
    {
        // Segments that the kernel merges while a call works on their socket: D3.
        "TcpExtTCPBacklogCoalesce",

        // No counters: settings that /proc/net/snmp lists beside them.
        "TcpRtoAlgorithm", "TcpRtoMin", "TcpRtoMax", "TcpMaxConn",
    };

    /// <summary>The type of service that is compared: a connection that negotiated ECN does not mark its data yet,
    /// docs/deviations.md, D6.</summary>
    internal static int ComparedService(int service, int flags) =>
        (flags & Packetdrill.Flag.Syn) != 0 ? service : service & ~3;

    /// <summary>Whether a counter is compared.</summary>
    internal static bool IsCompared(string name) =>
        (name.StartsWith("Tcp", StringComparison.Ordinal) || name is "IcmpInErrors" or "Icmp6InErrors")
        && !NotCompared.Contains(name);
}
