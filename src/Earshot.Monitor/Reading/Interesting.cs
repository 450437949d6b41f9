using System.Collections.Generic;
using System.Linq;

namespace Earshot.Monitor.Reading;

/// <summary>The counters that are worth remembering each second.</summary>
internal static class Interesting
{
    public static readonly IReadOnlyList<string> Counters =
    [
        Names.ListenOverflows, Names.ListenDrops, Names.SyncookiesSent, Names.SyncookiesRecv, Names.SyncookiesFailed,
        Names.ReqQFullDoCookies, Names.ReqQFullDrop, Names.DeferAcceptDrop, Names.EmbryonicRsts, Names.SynRetrans,
        Names.Timeouts, Names.MigrateSuccess, Names.MigrateFailure, Names.MinTtlDrop, Names.PassiveOpens,
        Names.AttemptFails, Names.EstabResets, Names.OutRsts, Names.RetransSegs,
    ];

    /// <summary>Those of the counters that the kernel has; one it lacks stays away rather than being 0.</summary>
    public static IReadOnlyDictionary<string, long> Of(IReadOnlyDictionary<string, long> counters) =>
        Counters.Where(counters.ContainsKey).ToDictionary(name => name, name => counters[name]);
}
