using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Tests.Incidents;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Reading;

/// <summary>Our numbers are iproute2's, and the listeners' drops are the namespace's.</summary>
public sealed class AgainstSsTests
{
    [RootFact("ip ss python3")]
    public Task Forty_random_states_are_as_ss_shows_them() => CompareAsync(40, 1);

    [SlowFact(Needs = Needs.Root, Tools = "ip ss python3")]
    public Task A_thousand_random_states_are_as_ss_shows_them() => CompareAsync(1000, 2);

    [RootFact("ip ss python3")]
    public async Task One_walk_finds_the_queued_connections_of_several_ports_and_no_others()
    {
        using var bed = new Bed();
        using NamespaceReader reader = Open(bed);
        for (int i = 0; i < 70; i++)
        {
            bed.Python("serve.py", $"never {7660 + i} 9");
        }

        for (int i = 0; i < 70; i++)
        {
            await bed.ListensAsync($"{7660 + i}");
        }

        foreach (int port in (int[])[7660, 7661, 7700, 7723, 7729])
        {
            bed.Python("connect.py", $"{port} {port % 7 + 1} 60");
            await bed.QueuesAsync($"{port}", port % 7 + 1);
        }

        Assert.Equal([7661, 7723], Ports(reader, 7661, 7723));
        Assert.Equal([7700], Ports(reader, 7700));
        Assert.Equal([], Ports(reader, 7662));
        Assert.Equal([7660, 7661, 7700, 7723, 7729], Ports(reader));
        Assert.Equal(
            [7660, 7661, 7700, 7723],
            Ports(reader, [.. Enumerable.Range(7660, DiagProtocol.MostPorts).Select(port => (ushort)port)]));
        Assert.Equal(7723 % 7 + 1, reader.Unaccepted(DiagProtocol.Inet, [7723])!.Count);
    }

    [RootFact("ip ss python3")]
    public async Task A_look_that_saves_misses_no_queue_no_drop_and_no_listener()
    {
        using var bed = new Bed();
        await bed.ServeAsync("never 7760 4");
        Process other = await bed.ServeAsync("echo 7761 40");
        using NamespaceReader reader = Open(bed);
        DateTimeOffset time = DateTimeOffset.UnixEpoch;
        NamespaceDelta Look() => reader.Read(withSynRecv: false, whole: false, time += TimeSpan.FromMilliseconds(1));
        for (int i = 0; i < 3; i++)
        {
            Look();
        }

        Assert.Equal(LookDepth.Nothing, reader.LastDepth);
        bed.Python("connect.py", "7760 3 60");
        await bed.QueuesAsync("7760", 3);
        Assert.Equal(3u, Assert.Single(Look().Changed).Queue);
        Assert.Equal(LookDepth.Queues, reader.LastDepth);

        bed.Python("connect.py", "7760 6 60");
        await bed.QueuesAsync("7760", 5);
        await Task.Delay(100);
        ListenerChange full = Look().Changed.Single();
        Assert.Equal(LookDepth.Everything, reader.LastDepth);
        Assert.Equal(5u, full.Queue);
        Assert.True(full.Drops > 0);

        await bed.ServeAsync("echo 7762 9");
        Assert.Equal(7762, Assert.Single(Look().Added).Port);
        other.Kill(entireProcessTree: true);
        await other.WaitForExitAsync();
        Assert.Single(Look().Gone.Concat(Look().Gone));
    }

    private static int[] Ports(NamespaceReader reader, params ushort[] ports) =>
        [.. reader.Unaccepted(DiagProtocol.Inet, ports)!.Select(row => (int)row.Port).Distinct().Order()];

    private static async Task CompareAsync(int states, int seed)
    {
        using var bed = new Bed();
        bed.Sysctl("net.ipv4.tcp_syncookies", 1);
        using Process process = Process.Start(new ProcessStartInfo(
            "ip", $"netns exec {bed.Name} {Bed.Interpreter} "
            + $"{System.IO.Path.Combine(AppContext.BaseDirectory, "Incidents", "states.py")} {seed}")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        using NamespaceReader reader = Open(bed);
        var seen = new Dictionary<ulong, (ListenerFacts Facts, ListenerChange Now)>();
        ulong gone = 0;
        for (int i = 0; i < states; i++)
        {
            await process.StandardInput.WriteLineAsync("next");
            await process.StandardInput.FlushAsync();
            Assert.Equal("ready", await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60)));
            NamespaceDelta delta = reader.Read(withSynRecv: false);
            gone += Apply(delta, seen);

            string[] ss = Lines(bed);
            string[] ours =
            [
                .. seen.Values.Select(one =>
                    $"{one.Now.Queue} {one.Now.Limit} {one.Facts.Name} d{one.Now.Drops}").Order(),
            ];
            Assert.True(ours.SequenceEqual(ss), $"state {i} of seed {seed}:\n{string.Join('\n', ours)}\nss:\n"
                + string.Join('\n', ss));
            Assert.Equal(
                delta.Counters![Names.ListenDrops],
                (long)(gone + seen.Values.Aggregate(0UL, (sum, one) => sum + one.Now.Drops!.Value)));
        }

        process.StandardInput.Close();
        await process.WaitForExitAsync();
    }

    // What a closed listener had dropped stays in the namespace's counter.
    private static ulong Apply(
        NamespaceDelta delta, Dictionary<ulong, (ListenerFacts Facts, ListenerChange Now)> seen)
    {
        ulong gone = 0;
        foreach (ulong cookie in delta.Gone)
        {
            gone += seen[cookie].Now.Drops ?? 0;
            seen.Remove(cookie);
        }

        foreach (ListenerFacts facts in delta.Added)
        {
            seen[facts.Cookie] = (facts, default);
        }

        foreach (ListenerChange change in delta.Changed)
        {
            seen[change.Cookie] = (seen[change.Cookie].Facts, change);
        }

        return gone;
    }

    private static string[] Lines(Bed bed) =>
    [
        .. Bed.Run("ip", $"netns exec {bed.Name} ss -lntmHO").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(words => $"{words[1]} {words[2]} {words[3]} "
                + Regex.Match(words[^1], @"d\d+(?=\))").Value).Order(),
    ];

    private static NamespaceReader Open(Bed bed)
    {
        NetNamespace space = NetNamespace.Discover(out _).First(one => one.Name == bed.Name);
        NamespaceReader? reader = NamespaceReader.TryOpen(space, out string problem);
        Assert.True(reader is not null, problem);
        return reader;
    }
}
