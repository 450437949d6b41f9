using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using Earshot.Benchmarks.Native;
using Earshot.Benchmarks.Workloads;
using Earshot.Core;

namespace Earshot.Benchmarks.Peers;

/// <summary>Runs our workloads and the peers' in turn, round after round, and tells the ratios of each round.</summary>
/// <remarks>Only figures of one round are compared: a shared machine's speed drifts from minute to minute.</remarks>
internal sealed class PeersRunner
{
    private const int Done = 0;
    private const int Missed = 1;
    private const int CannotRun = 3;

    private readonly PeersOptions _options;
    private readonly PeerPrograms? _peers;
    private readonly List<Measure> _measures = [];
    private readonly ListenScale _scale = new();
    private readonly ThirdAckGauge _thirdAck = new();
    private readonly Comparison _syn = new("SYN answered and queued", "floor", "ns", 1.5, false);
    private readonly Comparison _synWarm = new("The same, tables grown before", "floor", "ns", null, false);
    private readonly Comparison _cookie = new("SYN answered with a cookie", "floor", "ns", 5, false);
    private readonly Comparison _reset = new("Handshake and reset, both ends", "lwIP", "ns", 2, false);
    private readonly Comparison _close =
        new("Handshake and close, both ends, TIME_WAIT kept", "lwIP, pool of 64", "ns", 2, false);

    private readonly Comparison _bulk = new("Bulk, MTU 1500, checksums", "lwIP", "GB/s", 4, true);
    private readonly Comparison _bulkLarge = new("Bulk, MTU 65535, checksums", "lwIP, 64 KB", "GB/s", null, true);
    private readonly Comparison _bulkCut =
        new("Bulk, segmentation and checksums offloaded", "lwIP, 64 KB, no checksums", "GB/s", null, true);

    private readonly Comparison _ping = new("64 bytes to and fro", "lwIP", "million trips/s", 0.8, true);

    private PeersRunner(PeersOptions options, PeerPrograms? peers)
    {
        _options = options;
        _peers = peers;
    }

    private IEnumerable<Comparison> Comparisons =>
        [_syn, _synWarm, _cookie, _reset, _close, _bulk, _bulkLarge, _bulkCut, _ping];

    /// <summary>Runs everything and prints the report.</summary>
    /// <returns>0: every target is met; 1: one is not; 3: a peer's program is missing.</returns>
    internal static int Run(PeersOptions options)
    {
        PeerPrograms? peers = options.Directory is { } directory ? new PeerPrograms(directory, options.Core) : null;
        if (peers is not null && peers.Missing.ToArray() is { Length: > 0 } missing)
        {
            Console.Error.WriteLine(
                $"{options.Directory} lacks {string.Join(", ", missing)}: build them with bench/build-peers.sh");
            return CannotRun;
        }

        if (peers is null)
        {
            Console.Error.WriteLine("no peers given (--peers DIR): ours alone is run, and the ratios are to 1");
        }

        if (!ThreadClock.Pin(options.Core))
        {
            Console.Error.WriteLine($"this thread could not be pinned to core {options.Core}");
        }

        var runner = new PeersRunner(options, peers);

        // Before anything else: afterwards a part would go where others have left memory to the process.
        runner._measures.AddRange(IdleMemory.Run(runner.Scaled(100_000)));
        runner.WarmUp();
        runner._measures.AddRange(HalfOpenMemory.Run(options.HalfOpens));
        for (int round = 1; round <= options.Rounds; round++)
        {
            Console.Error.WriteLine($"round {round} of {options.Rounds}");
            runner.Round(first: round == 1);
        }

        runner._measures.AddRange(runner._scale.Measures);
        runner._measures.AddRange(runner._thirdAck.Measures);
        return runner.Report();
    }

    private int Scaled(int count) => _options.Quick ? Math.Max(1, count / 100) : count;

    // The compiler's tiers and its profile need some calls of each method, and a moment in between.
    private void WarmUp()
    {
        Console.Error.WriteLine("warming up");
        for (int i = 0; i < (_options.Quick ? 1 : 4); i++)
        {
            using (var flood = new SynFlood(Scaled(60_000)))
            {
                flood.Prepare();
                flood.Run();
                flood.Withdraw();
            }

            using (var flood = new SynFlood(Scaled(60_000)))
            {
                flood.Prepare(cookies: true);
                flood.Run();
            }

            using (var handshakes = new Handshakes())
            {
                for (int round = 0; round < Scaled(30); round++)
                {
                    handshakes.Prepare();
                    handshakes.Acknowledge();
                    handshakes.TakeAndReset();
                }
            }

            using (var reset = new Churn(reset: true))
            using (var close = new Churn(reset: false))
            {
                reset.Run(Scaled(20_000));
                close.Run(Scaled(20_000));
            }

            foreach ((int mtu, InterfaceOffload offload) in (ReadOnlySpan<(int, InterfaceOffload)>)[Plain, Large, Cut])
            {
                using var bulk = new Bulk(mtu, offload);
                bulk.Run(Scaled(200) * (1L << 20));
            }

            using (var ping = new Ping())
            {
                ping.Run(Scaled(60_000));
            }

            Thread.Sleep(_options.Quick ? 0 : 300);
        }
    }

    private static (int Mtu, InterfaceOffload Offload) Plain => (1500, InterfaceOffload.None);

    private static (int Mtu, InterfaceOffload Offload) Large => (65535, InterfaceOffload.None);

    private static (int Mtu, InterfaceOffload Offload) Cut =>
        (1500, InterfaceOffload.Checksum | InterfaceOffload.Segmentation);

    private void Round(bool first)
    {
        Syn(first);
        Cookies(first);
        _scale.Add(Scaled(1 << 16), Scaled(60_000), Scaled(1_000_000));
        _thirdAck.Add(Scaled(20));
        Connections(_reset, reset: true, first);
        Connections(_close, reset: false, first);
        Stream(_bulk, Plain, "lwip-std", 4000, first);
        Stream(_bulkLarge, Large, "lwip-64k", 8000, first);
        Stream(_bulkCut, Cut, "lwip-64knocsum", 8000, first);
        Trips(first);
    }

    private void Syn(bool first)
    {
        double floor = _peers?.FloorSyn() ?? 1;
        int count = Scaled(SynFlood.DefaultCount);
        using var flood = new SynFlood(count);
        var fresh = new List<double>();
        var warm = new List<double>();
        Gauge last = default;
        for (int i = 0; i < 3; i++)
        {
            flood.Prepare();
            fresh.Add(Gauge.Of(flood.Run).Nanoseconds / count);
            Demand(flood.Queued == count, "not every SYN is in the queue");
            flood.Withdraw();
            Demand(flood.Queued == 0, "not every request was withdrawn");
            last = Gauge.Of(flood.Run);
            warm.Add(last.Nanoseconds / count);
            Demand(flood.Queued == count && flood.Answered == 2L * count, "not every SYN was answered again");
        }

        _syn.Add(Statistics.Median(fresh), floor);
        _synWarm.Add(Statistics.Median(warm), floor);
        if (first)
        {
            _measures.Add(new Measure(
                "Of the time per SYN, the harness's copy", Gauge.Of(flood.RunHarness).Nanoseconds / count, "ns", null));
            _measures.Add(new Measure("Bytes allocated per SYN, tables grown", last.Allocated / (double)count, "B", 0));
        }
    }

    private void Cookies(bool first)
    {
        double floor = _peers?.FloorCookie() ?? 1;
        int count = Scaled(SynFlood.DefaultCount);
        using var flood = new SynFlood(count);
        var times = new List<double>();
        Gauge last = default;
        for (int i = 0; i < 3; i++)
        {
            flood.Prepare(cookies: true);
            flood.Run();
            last = Gauge.Of(flood.Run);
            times.Add(last.Nanoseconds / count);
            Demand(flood.Queued == 0 && flood.Answered == 2L * count, "not every SYN was answered with a cookie");
        }

        _cookie.Add(Statistics.Median(times), floor);
        if (first)
        {
            _measures.Add(new Measure("Bytes allocated per cookie", last.Allocated / (double)count, "B", 0));
        }
    }

    private void Connections(Comparison comparison, bool reset, bool first)
    {
        const int Count = 300_000;
        const int Settled = 60_000;
        double peer = _peers?.LwipChurn(Scaled(Count), reset) ?? 1;
        using var churn = new Churn(reset);

        // As many as TIME_WAIT holds at a time, and some: from here on as many end as begin.
        churn.Run(Scaled(Settled));
        long packets = churn.Packets;
        Gauge gauge = Gauge.Of(() => churn.Run(Scaled(Count)));
        comparison.Add(gauge.Nanoseconds / Scaled(Count), peer);
        if (first)
        {
            string how = reset ? "reset" : "close";
            _measures.Add(new Measure(
                $"Packets per connection, {how}", (churn.Packets - packets) / (double)Scaled(Count), "", null));
            _measures.Add(new Measure(
                $"Bytes allocated per connection, {how}", gauge.Allocated / (double)Scaled(Count), "B", null));
        }
    }

    private void Stream(
        Comparison comparison, (int Mtu, InterfaceOffload Offload) link, string program, int mebibytes, bool first)
    {
        double peer = _peers?.LwipBulk(program, Scaled(mebibytes)) ?? 1;
        using var bulk = new Bulk(link.Mtu, link.Offload);
        bulk.Run(Scaled(mebibytes / 4) * (1L << 20));
        long packets = bulk.Packets;
        long bytes = Scaled(mebibytes) * (1L << 20);
        Gauge gauge = Gauge.Of(() => bulk.Run(bytes));
        comparison.Add(bytes / gauge.Nanoseconds, peer);
        if (first)
        {
            _measures.Add(new Measure(
                $"Bytes allocated per packet: {comparison.Work}",
                gauge.Allocated / (double)(bulk.Packets - packets), "B", 0));
        }
    }

    private void Trips(bool first)
    {
        int count = Scaled(1_000_000);
        double peer = _peers?.LwipPing(count) ?? 1;
        using var ping = new Ping();
        ping.Run(count / 4);
        Gauge gauge = Gauge.Of(() => ping.Run(count));
        _ping.Add(count * 1000.0 / gauge.Nanoseconds, peer);
        if (first)
        {
            _measures.Add(new Measure("Bytes allocated per round trip", gauge.Allocated / (double)count, "B", 0));
        }
    }

    private static void Demand(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException(what);
        }
    }

    private int Report()
    {
        var text = new StringBuilder();
        text.AppendLine(Machine.Describe(_options)).AppendLine().AppendLine(Comparison.Heading);
        foreach (Comparison comparison in Comparisons)
        {
            text.AppendLine(comparison.ToString());
        }

        text.AppendLine().AppendLine(Measure.Heading);
        foreach (Measure measure in _measures)
        {
            text.AppendLine(measure.ToString());
        }

        Console.Write(text);
        if (_options.Output is { } file)
        {
            File.WriteAllText(file, text.ToString());
        }

        bool met = _measures.All(m => m.IsMet) && (_peers is null || Comparisons.All(c => c.IsMet));
        return met || _options.Quick ? Done : Missed;
    }
}
