using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Monitor.Native;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Sampling;
using Earshot.Monitor.Tests.Incidents;
using Earshot.Tests;
using Xunit;
using Xunit.Abstractions;

namespace Earshot.Monitor.Tests.Reading;

/// <summary>What looking costs, in processor time, which a busy machine stretches little.</summary>
public sealed class CostTests(ITestOutputHelper output)
{
    private const int Rounds = 40;

    [SlowTheory(Needs = Needs.Root, Tools = "ip ss python3")]
    [InlineData(1, 0.002, 0.000022)]
    [InlineData(1000, 0.002, 0.00029)]
    [InlineData(10000, 0.006, 0.0027)]
    public async Task A_sample_each_second_costs_no_more_than_promised(int listeners, double share, double quietDump)
    {
        using var bed = new Bed();
        using Process process = await ManyAsync(bed, listeners, 0);
        using var monitor = new Inside(bed);
        for (int i = 0; i < Rounds; i++)
        {
            monitor.Sample();
        }

        TimeSpan before = monitor.Sampler.Cost;
        for (int i = 0; i < Rounds; i++)
        {
            monitor.Sample();
        }

        double cost = (monitor.Sampler.Cost - before).TotalSeconds / Rounds;
        long memory = Environment.WorkingSet / 1_000_000;

        // What others do on the machine makes the kernel's own part dearer too; the promise is for a quiet one.
        double dump = Dump(monitor.Reader), slower = Math.Max(1, dump / quietDump);
        output.WriteLine(
            $"{listeners} listeners: {cost * 100:0.000} % of a core at 1 s, the kernel's dump alone "
            + $"{dump * 100:0.000} %, {slower:0.0} times a quiet machine's; the test process has {memory} MB");
        Assert.True(cost <= share * slower, $"{cost * 100:0.000} % of a core, promised {share * slower * 100:0.000} %");
    }

    private static double Dump(NamespaceReader reader)
    {
        TimeSpan before = FileFacts.ThreadCpu();
        for (int i = 0; i < Rounds; i++)
        {
            reader.Diag.Dump(
                DiagProtocol.Inet, DiagProtocol.Tcp, DiagProtocol.Mask(TcpState.Listen), _ => { },
                extensions: DiagProtocol.WithDrops);
            Thread.Sleep(1);
        }

        return (FileFacts.ThreadCpu() - before).TotalSeconds / Rounds;
    }

    [SlowFact(Needs = Needs.Root, Tools = "ip ss python3")]
    public async Task Peaks_of_sixteen_listeners_every_10_ms_cost_no_more_than_a_hundredth()
    {
        using var bed = new Bed();
        using Process process = await ManyAsync(bed, 40, 0);
        using var monitor = new Inside(bed);
        monitor.Sample();
        NamespaceHistory space = monitor.Sampler.History.Namespaces.First(one => one.Namespace.Name == bed.Name);
        using var peaks = new PeakSampler();
        peaks.Choose([.. space.Listeners.Take(PeakSampler.MostTargets).Select(one => (monitor.Reader, one.Facts))]);
        await Task.Delay(2000);
        (TimeSpan cost, long rounds) = (peaks.Cost, peaks.Rounds);
        long start = Stopwatch.GetTimestamp();
        await Task.Delay(5000);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        double share = (peaks.Cost - cost).TotalSeconds / seconds, looks = (peaks.Rounds - rounds) / seconds;

        // Where the kernel's part alone is dearer than the promise, ours may be half of that again.
        double bare = Bare(
            monitor.Reader, [.. space.Listeners.Take(PeakSampler.MostTargets).Select(one => one.Facts)]);
        double limit = Math.Max(0.01, 1.5 * bare);
        output.WriteLine(
            $"16 listeners: {share * 100:0.00} % of a core, {looks:0} looks a second; the "
            + $"calls into the kernel alone {bare * 100:0.00} %");
        Assert.All(space.Listeners.Take(PeakSampler.MostTargets), one => Assert.NotNull(peaks.Take(one.Facts.Cookie)));
        Assert.True(share <= limit, $"{share * 100:0.00} % of a core, at most {limit * 100:0.00} %");
    }

    // The same questions a hundred times a second, and nothing done with the answers.
    private static double Bare(NamespaceReader reader, IReadOnlyList<ListenerFacts> listeners)
    {
        const int Looks = 300;
        byte[] requests = new byte[listeners.Count * DiagProtocol.RequestLength];
        int length = 0;
        foreach (ListenerFacts one in listeners)
        {
            length += DiagProtocol.WriteGet(
                requests.AsSpan(length), one.Family, one.RawAddress, one.Port, 1, one.Interface, one.Cookie,
                extensions: 0);
        }

        TimeSpan before = FileFacts.ThreadCpu();
        for (int i = 0; i < Looks; i++)
        {
            Assert.Equal(0, reader.Diag.Gets.Send(requests.AsSpan(0, length)));
            Assert.Equal(listeners.Count, reader.Diag.Gets.ReceiveMany());
            Thread.Sleep(PeakSampler.Period);
        }

        return (FileFacts.ThreadCpu() - before) / Looks / PeakSampler.Period;
    }

    [SlowFact(Needs = Needs.Root, Tools = "ip ss python3")]
    public async Task Ten_thousand_listeners_among_a_hundred_thousand_sockets_are_read_as_fast_as_ss_does()
    {
        using var bed = new Bed();
        var processes = new List<Process>();
        try
        {
            for (int i = 0; i < 6; i++)
            {
                processes.Add(await ManyAsync(bed, 1667, 8400));
            }

            using var monitor = new Inside(bed);
            monitor.Sample();
            double ours = Enumerable.Range(0, 7).Select(_ => Time(() => monitor.Sample())).Order().ElementAt(3);
            double ss = Enumerable.Range(0, 7).Select(_ => Time(
                () => Bed.Run("ip", $"netns exec {bed.Name} ss -lntH"))).Order().ElementAt(3);
            output.WriteLine($"10 000 listeners, 100 000 sockets: {ours * 1000:0.0} ms, ss -lnt {ss * 1000:0.0} ms");
            Assert.True(ours <= 1.5 * ss, $"{ours * 1000:0.0} ms, ss -lnt {ss * 1000:0.0} ms");
        }
        finally
        {
            foreach (Process process in processes)
            {
                process.StandardInput.Close();
                process.WaitForExit(30_000);
                process.Dispose();
            }
        }
    }

    [RootFact("ip ss python3")]
    public async Task Every_member_of_a_reuseport_group_is_reached()
    {
        using var bed = new Bed();
        for (int i = 0; i < 6; i++)
        {
            await bed.ServeAsync("reuse 7600 9");
        }

        using var monitor = new Inside(bed);
        monitor.Sample();
        var members = monitor.Sampler.History.Namespaces.First(one => one.Namespace.Name == bed.Name).Listeners
            .Where(one => one.Facts.Port == 7600).ToList();
        using var peaks = new PeakSampler();
        peaks.Choose([.. members.Select(one => (monitor.Reader, one.Facts))]);
        var reached = new HashSet<ulong>();
        for (int i = 0; i < 100 && reached.Count < 6; i++)
        {
            await Task.Delay(50);
            reached.UnionWith(members.Where(one => peaks.Take(one.Facts.Cookie) is not null)
                .Select(one => one.Facts.Cookie));
        }

        Assert.Equal(6, reached.Count);
    }

    private static double Time(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static async Task<Process> ManyAsync(Bed bed, int listeners, int connections)
    {
        string script = System.IO.Path.Combine(AppContext.BaseDirectory, "Incidents", "many.py");
        Process process = Process.Start(new ProcessStartInfo(
            "ip", $"netns exec {bed.Name} {Bed.Interpreter} {script} {listeners} {connections}")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("ready", await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(3)));
        return process;
    }

    // A sampler whose only namespace is the bed's: opened by a thread inside, asked from anywhere.
    private sealed class Inside : IDisposable
    {
        public Inside(Bed bed)
        {
            NetNamespace space = NetNamespace.Discover(out _).First(one => one.Name == bed.Name);
            Reader = NamespaceReader.TryOpen(space, out _)!;
            Sampler = NamespaceEntry.Run(
                space.Path, () =>
                {
                    var sampler = new HostSampler(new MonitorOptions { WithPeaks = false, WithProcesses = false });
                    sampler.Sample(DateTimeOffset.UtcNow);
                    return sampler;
                },
                out _)!;
        }

        public NamespaceReader Reader { get; }

        public HostSampler Sampler { get; }

        public void Sample()
        {
            Sampler.Sample(DateTimeOffset.UtcNow);
            Thread.Sleep(1);
        }

        public void Dispose()
        {
            Sampler.Dispose();
            Reader.Dispose();
        }
    }
}
