using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Scans;

/// <summary>hping3's probes are answered byte for byte as the kernel answers them, random fields excepted.</summary>
[Collection(ScanBed.Collection)]
public sealed class HpingTests(ScanBed bed)
{
    private const int AtATime = 8;

    // hping3 waits a second for an answer and then says so.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private static readonly string[] Flags =
    [
        "", "-S", "-A", "-F", "-P", "-U", "-X", "-Y", "-R", "-S -A", "-S -F", "-S -R", "-F -P -U", "-S -X", "-S -Y",
        "-S -X -Y", "-S -A -X -Y", "-S -P", "-S -U", "-R -A", "-F -A", "-S -F -A", "-P -A -d 20", "-S -F -R -P -A -U",
    ];

    private static readonly string[] SynsAndOthers =
    [
        "-S --tcp-timestamp", "-S -d 100", "-S -o 4", "-S -o b8", "-S -o 03", "-S -b", "-S -w 0", "-S -w 65535",
        "-A -o b9", "-F -o ff", "-S -y", "-S -O 4", "-S -O 6", "-S -t 1",
    ];

    private static readonly string[] Datagrams =
        ["-2 -p 99", "-2 -p 99 -d 100", "-2 -p 99 -d 1200", "-2 -p 99 -o fe", "-2 -p 99 -b", "-2 -p 99 -y"];

    private static readonly string[] Messages =
    [
        "-1", "-1 -d 100", "-1 -d 1400", "-1 -y", "-1 -o ff", "-1 -K 5", "-1 -b", "-1 -C 0", "-1 -C 3 -K 3", "-1 -C 13",
        "-1 -C 13 -K 3", "-1 -C 15", "-1 -C 17", "-0 --ipproto 132 -d 20", "-0 --ipproto 200 -d 900",
        "-0 --ipproto 6 -d 10", "-0 --ipproto 17 -d 4", "-0 --ipproto 1 -d 3", "-0 --ipproto 4 -d 40",
        "-0 --ipproto 50 -d 40", "-0 --ipproto 0 -d 40",
    ];

    [SlowTheory(Needs = Needs.Tun, Tools = ScanBed.Tools)]
    [InlineData(ScanBed.OpenPort)]
    [InlineData(ScanBed.ClosedPort)]
    public async Task Segments_with_any_flags_are_answered_alike(int port) =>
        await CompareAsync([.. Flags.Select(flags => $"-p {port} -M 1000 -L 2000 {flags}")], 20_000 + port);

    [SlowTheory(Needs = Needs.Tun, Tools = ScanBed.Tools)]
    [InlineData(ScanBed.OpenPort)]
    [InlineData(ScanBed.ClosedPort)]
    public async Task SYNs_with_all_that_a_header_can_say_are_answered_alike(int port) =>
        await CompareAsync([.. SynsAndOthers.Select(other => $"-p {port} -M 1000 -L 2000 {other}")], 30_000 + port);

    [SlowFact(Needs = Needs.Tun, Tools = ScanBed.Tools)]
    public async Task Datagrams_to_a_closed_port_are_answered_alike() => await CompareAsync(Datagrams, 40_000);

    [SlowFact(Needs = Needs.Tun, Tools = ScanBed.Tools)]
    public async Task ICMP_and_unknown_protocols_are_answered_alike() => await CompareAsync(Messages, port: null);

    /// <summary>Sends each probe to both hosts.</summary>
    /// <param name="probes">hping3's options.</param>
    /// <param name="port">The first probe's own port, by which its answers are known; null when probes have
    /// none.</param>
    private async Task CompareAsync(string[] probes, int? port)
    {
        await bed.ReadyAsync();
        using ReplyCapture capture = await ReplyCapture.StartAsync(bed.Scanner);
        List<string> differences = [];
        int answered = 0;
        int atATime = port is null ? 1 : AtATime;
        for (int first = 0; first < probes.Length; first += atATime)
        {
            capture.Clear();
            int[] places = [.. Enumerable.Range(first, Math.Min(atATime, probes.Length - first))];
            await Task.WhenAll(places.SelectMany(place => (Task[])
                [
                    SendAsync(probes[place], port + place, ScanBed.IPv4.Linux),
                    SendAsync(probes[place], port + place, ScanBed.IPv4.Earshot),
                ]));
            foreach (int place in places)
            {
                List<string> linux = capture.From(ScanBed.IPv4.Linux, port + place);
                List<string> earshot = capture.From(ScanBed.IPv4.Earshot, port + place);
                answered += linux.Count > 0 ? 1 : 0;
                if (!linux.Distinct().SequenceEqual(earshot.Distinct()))
                {
                    differences.Add(
                        $"hping3 {probes[place]}:\n  Linux   {Shown(linux)}\n  Earshot {Shown(earshot)}");
                }
            }
        }

        Assert.True(answered > probes.Length / 4, "Linux answered nearly nothing: the test bed is broken");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    private async Task SendAsync(string probe, int? port, string address)
    {
        string from = port is null ? "" : $"-s {port} -k";
        await bed.ScanAsync($"hping3 -n -q -c 1 {from} {probe} {address}", Limit);
    }

    // A SYN-ACK that nobody answers comes again; once is enough.
    private static string Shown(List<string> replies) =>
        replies.Count == 0 ? "says nothing" : string.Join("\n          ", replies.Distinct());
}
