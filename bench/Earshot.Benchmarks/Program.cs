using System;
using System.Linq;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Earshot.Benchmarks.Peers;

namespace Earshot.Benchmarks;

internal static class Program
{
    private const int UsageError = 2;

    /// <summary>
    /// <c>peers</c>: whole workloads beside the peers'. <c>idle</c>: the memory of so many idle connections alone.
    /// <c>--dry</c>: every benchmark once, to see that all run. Anything else goes to BenchmarkDotNet, as
    /// <c>--filter *Syn*</c>.
    /// </summary>
    private static int Main(string[] args)
    {
        if (args is ["peers", .. string[] rest])
        {
            if (PeersOptions.Parse(rest) is { } options)
            {
                return PeersRunner.Run(options);
            }

            Console.Error.WriteLine(PeersOptions.Usage);
            return UsageError;
        }

        if (args is ["idle", .. string[] counts])
        {
            Measure[] measures = [.. IdleMemory.Run(counts.Length > 0 ? int.Parse(counts[0]) : 100_000)];
            Console.WriteLine(Measure.Heading);
            Array.ForEach(measures, Console.WriteLine);
            return measures.All(measure => measure.IsMet) ? 0 : 1;
        }

        bool dry = args.Contains("--dry");
        string[] others = [.. args.Where(argument => argument != "--dry")];

        // In this process: the benchmarks need no build of their own, and so neither a compiler nor packages.
        Job job = (dry ? Job.Dry : Job.ShortRun).WithToolchain(InProcessEmitToolchain.Instance);
        IConfig config = DefaultConfig.Instance.AddJob(job).WithOptions(ConfigOptions.JoinSummary);
        var summaries = BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly)
            .Run(others.Length == 0 ? ["--filter", "*"] : others, config).ToArray();
        return summaries.Length > 0 && summaries.All(summary => summary.Reports.All(report => report.Success)) ? 0 : 1;
    }
}
