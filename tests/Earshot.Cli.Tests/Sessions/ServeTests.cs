using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Earshot.Tests;
using Xunit;

namespace Earshot.Cli.Tests.Sessions;

/// <summary><c>serve</c> on a TUN device in a network namespace of its own, asked by the kernel's own
/// programs.</summary>
public sealed partial class ServeTests : IAsyncLifetime
{
    private const int FileLength = 100_000_000;
    private const string Url = "http://10.77.0.2:8080";

    private readonly string _space = $"earshot-serve-{Environment.ProcessId}";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("earshot-serve-");

    public async Task InitializeAsync()
    {
        if (Host.Missing(Needs.Tun, null) is null)
        {
            await IpAsync($"netns add {_space}");
        }
    }

    public async Task DisposeAsync()
    {
        if (Host.Missing(Needs.Tun, null) is null)
        {
            await IpAsync($"netns del {_space}");
        }

        _folder.Delete(recursive: true);
    }

    [SlowTheory(Needs = Needs.Tun, Tools = "curl wrk tshark")]
    [InlineData("on")]
    [InlineData("off")]
    public async Task Curl_and_wrk_get_what_they_ask_for(string offload)
    {
        byte[] content = RandomNumberGenerator.GetBytes(FileLength);
        await File.WriteAllBytesAsync(Path.Combine(_folder.FullName, "big.bin"), content);
        string capture = Path.Combine(_folder.FullName, "out.pcapng");
        await using EarshotProcess serve = await ServeAsync($"--offload {offload} --root {_folder.FullName}");

        string got = Path.Combine(_folder.FullName, "got.bin");
        await CurlAsync($"{Url}/big.bin -o {got}");
        Assert.Equal(SHA256.HashData(content), SHA256.HashData(await File.ReadAllBytesAsync(got)));
        Assert.Contains("linux-6.18", (await CurlAsync($"{Url}/")).Out);
        CommandRun outside = await CurlAsync($"--path-as-is -o /dev/null -w %{{http_code}} {Url}/../../etc/passwd");
        Assert.Equal("404", outside.Out);

        CommandRun wrk = await EarshotProcess.RunProgramAsync("ip", $"netns exec {_space} wrk -t1 -c64 -d5s {Url}/");
        Assert.DoesNotContain("Socket errors", wrk.Out);
        Assert.DoesNotContain("Non-2xx", wrk.Out);
        int requests = int.Parse(RequestCount().Match(wrk.Out).Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.InRange(requests, 10_000 * 5 / 30, int.MaxValue);

        // Nothing is left behind once the clients have gone.
        await EarshotProcess.UntilAsync(
            async () => (await CommandRun.OfAsync($"netstat -nt --stack {_space}")).Out.Split('\n').Length == 3,
            "every connection is closed");
        Assert.Equal(0, await serve.TerminateAsync());

        string options = $"--offload {offload} --root {_folder.FullName} --pcap {capture}";
        await using (EarshotProcess again = await ServeAsync(options))
        {
            await CurlAsync($"-r 0-2999999 {Url}/big.bin -o {got}");
            Assert.Equal(content[..3_000_000], await File.ReadAllBytesAsync(got));
            Assert.Equal(0, await again.TerminateAsync());
        }

        await CheckCaptureAsync(capture);
    }

    [TunFact]
    public async Task A_device_that_exists_is_left_as_it_is()
    {
        await IpAsync($"-n {_space} tuntap add dev ear1 mode tun");
        await IpAsync($"-n {_space} addr add 10.77.1.1/24 dev ear1");
        await IpAsync($"-n {_space} link set ear1 up");
        await using EarshotProcess up = EarshotProcess.StartIn(
            _space, $"up --tun ear1 --address 10.77.1.2/24 --name {_space}");
        await EarshotProcess.UntilAsync(
            async () => (await CommandRun.OfAsync($"netstat -nt --stack {_space}")).ExitCode == 0, "it is up");
        Assert.Equal(0, await up.TerminateAsync());

        CommandRun shown = await EarshotProcess.RunProgramAsync("ip", $"-n {_space} addr show dev ear1");
        Assert.Equal(0, shown.ExitCode);
        Assert.Contains("10.77.1.1/24", shown.Out);
    }

    [TunFact]
    public async Task A_device_that_goes_away_ends_the_stack_with_3()
    {
        await IpAsync($"-n {_space} tuntap add dev ear2 mode tun");
        await using EarshotProcess up = EarshotProcess.StartIn(
            _space, $"up --tun ear2 --address 10.77.2.2/24 --name {_space}");
        await EarshotProcess.UntilAsync(
            async () => (await CommandRun.OfAsync($"netstat -nt --stack {_space}")).ExitCode == 0, "it is up");
        await IpAsync($"-n {_space} link del ear2");
        Assert.Equal(3, await up.WaitAsync());
        Assert.Contains("the device ear2 was deleted", up.Error);
    }

    private static async Task CheckCaptureAsync(string capture)
    {
        CommandRun sums = await EarshotProcess.RunProgramAsync(
            "tshark",
            $"-r {capture} -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -T fields -e tcp.checksum.status "
            + "-e ip.checksum.status -Y ip");
        Assert.Equal(0, sums.ExitCode);
        Assert.Equal(["1\t1"], sums.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Distinct());
        CommandRun bad = await EarshotProcess.RunProgramAsync("tshark", $"-r {capture} -Y _ws.malformed");
        Assert.Equal("", bad.Out);
    }

    private async Task<EarshotProcess> ServeAsync(string options)
    {
        EarshotProcess serve = EarshotProcess.StartIn(
            _space,
            $"serve --tun ear0 --address 10.77.0.2/24 --gateway 10.77.0.1 --port 8080 --name {_space} {options}");
        await EarshotProcess.UntilAsync(
            async () =>
            {
                CommandRun listeners = await CommandRun.OfAsync($"ss -nlt --stack {_space}");
                return listeners.Out.Contains(":8080", StringComparison.Ordinal);
            },
            $"it serves: {serve.Error}");
        return serve;
    }

    private async Task<CommandRun> CurlAsync(string arguments)
    {
        CommandRun run = await EarshotProcess.RunProgramAsync(
            "ip", $"netns exec {_space} curl --noproxy * --max-time 25 -sS {arguments}");
        Assert.True(run.ExitCode == 0, $"curl {arguments}: {run.ExitCode} {run.Error}");
        return run with { Out = run.Out.TrimEnd('\n') };
    }

    private static async Task IpAsync(string arguments)
    {
        CommandRun run = await EarshotProcess.RunProgramAsync("ip", arguments);
        Assert.True(run.ExitCode == 0, $"ip {arguments}: {run.Error}");
    }

    [GeneratedRegex(@"(\d+) requests in")]
    private static partial Regex RequestCount();
}
