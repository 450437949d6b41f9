using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Earshot.Tests;
using Xunit;
using Xunit.Abstractions;

namespace Earshot.Host.Tests.Scans;

/// <summary>nmap takes our stack for the kernel that the test runs on.</summary>
[Collection(ScanBed.Collection)]
public sealed class NmapTests(ScanBed bed, ITestOutputHelper output)
{
    // Chance and a busy machine may spoil a scan; a difference that is real comes every time.
    private const int Attempts = 3;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [SlowFact(Needs = Needs.Tun, Tools = ScanBed.Tools)]
    public async Task The_raw_fingerprints_are_equal()
    {
        const string Options = "-n -Pn --send-ip -O --osscan-guess -d -vv --max-os-tries 1 -p 80,81";
        List<string> differences = [];
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            (string linux, string earshot) = await BothAsync(Options, ScanBed.IPv4);
            SortedDictionary<string, string> expected = NmapText.Fingerprint(linux);
            Assert.True(expected.Count > 80, $"nmap gave no fingerprint of Linux:\n{linux}");
            differences = NmapText.Differences(expected, NmapText.Fingerprint(earshot));
            output.WriteLine($"attempt {attempt}: {expected.Count} fields, {differences.Count} differ");
            if (differences.Count == 0)
            {
                return;
            }
        }

        Assert.Empty(differences);
    }

    [SlowTheory(Needs = Needs.Tun, Tools = ScanBed.Tools)]
    [InlineData("-sS", false)]
    [InlineData("-sF", false)]
    [InlineData("-sN", false)]
    [InlineData("-sX", false)]
    [InlineData("-sA", false)]
    [InlineData("-sW", false)]
    [InlineData("-sM", false)]
    [InlineData("-sU", false)]
    [InlineData("-sS", true)]
    [InlineData("-sF", true)]
    [InlineData("-sN", true)]
    [InlineData("-sX", true)]
    [InlineData("-sA", true)]
    [InlineData("-sU", true)]
    public async Task Ports_are_in_the_same_states_for_the_same_reasons(string scan, bool ipv6)
    {
        string options = $"{(ipv6 ? "-6 " : "")}-n -Pn --send-ip {scan} -vv --reason -p 80,81,443";
        (string linux, string earshot) = await BothAsync(options, ipv6 ? ScanBed.IPv6 : ScanBed.IPv4);
        Assert.Equal(3, NmapText.Ports(linux).Length);
        Assert.Equal(NmapText.Ports(linux), NmapText.Ports(earshot));
    }

    private async Task<(string Linux, string Earshot)> BothAsync(
        string options, (string Linux, string Earshot) addresses)
    {
        await bed.ReadyAsync();
        Task<(int Code, string Text)> linux = bed.ScanAsync($"nmap {options} {addresses.Linux}", Limit);
        (int Code, string Text) earshot = await bed.ScanAsync($"nmap {options} {addresses.Earshot}", Limit);
        Assert.True(earshot.Code == 0 && (await linux).Code == 0, $"{earshot.Text}\n{(await linux).Text}");
        return ((await linux).Text, earshot.Text);
    }
}
