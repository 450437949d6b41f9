using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Lab.Experiments;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Matrix.Rows;

/// <summary>Defaults of the listening side, and how the article's three experiments settle.</summary>
internal static class DefaultRows
{
    private const string Cookies = "net.ipv4.tcp_syncookies";

    internal static IEnumerable<MatrixRow> All =>
    [
        new("cookies", "tcp_syncookies at boot", profile => Boot(profile, Cookies, "net.inet.tcp.syncookies")),
        new("mode-2", "tcp_syncookies 2 answers the first SYN with a cookie", Mode2),
        new("max-syn-backlog", "tcp_max_syn_backlog at boot", profile => Boot(profile, "net.ipv4.tcp_max_syn_backlog")),
        new("experiments", "the article's experiments at 60 s", Experiments),
    ];

    private static string Boot(KernelProfile profile, params string[] names)
    {
        using var bench = new Bench(profile);
        foreach (string name in names)
        {
            if (bench.Stack.Sysctls.TryGet(name, out string value))
            {
                return value;
            }
        }

        return "-";
    }

    private static string Mode2(KernelProfile profile)
    {
        using var bench = new Bench(profile);
        if (!bench.Set(Cookies, 2))
        {
            return "-";
        }

        bench.Listen(5);
        bool answered = new BenchPeer(bench, 1000).Syn();
        return answered && bench.Count(TcpState.SynRecv) == 0 ? "yes" : "no";
    }

    private static string Experiments(KernelProfile profile)
    {
        var settled = new List<string>();
        foreach (string name in new[] { "backlog", "syn-backlog", "somaxconn" })
        {
            Plan plan = PlanCatalog.Load(name).LookingAt(TimeSpan.FromSeconds(60));
            SysctlSetting[] possible =
                [.. plan.Hosts[0].Sysctls.Where(sysctl => profile.Sysctls.ContainsKey(sysctl.Name))];
            if (possible.Length < plan.Hosts[0].Sysctls.Count)
            {
                settled.Add("-");
                continue;
            }

            RunResult run = new StackTarget(profile).Run(plan);
            string outcome = Lab.Experiments.Outcome.Of(run, run.Samples[0]);
            settled.Add(outcome.Split(' ')[0]);
        }

        return string.Join(" / ", settled);
    }
}
