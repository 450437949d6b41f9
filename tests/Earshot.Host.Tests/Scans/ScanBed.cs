using System;
using System.Diagnostics;
using System.Threading.Tasks;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Scans;

/// <summary>A scanner's namespace with two hosts to scan: a Linux namespace behind a veth pair, and our stack behind
/// a TUN device. Both listen on port 80 and on nothing else.</summary>
public sealed class ScanBed : IAsyncLifetime
{
    /// <summary>The tests that share one test bed, and so run one after the other.</summary>
    public const string Collection = "scans";

    public const string Tools = "python3 nmap hping3";
    public const int OpenPort = 80;
    public const int ClosedPort = 81;

    private const string Listener =
        "import socket,time; s=socket.create_server(('::',80),family=socket.AF_INET6,dualstack_ipv6=True,backlog=5); "
        + "print('up',flush=True); time.sleep(3600)";

    private readonly string _linux = $"earshot-scan-linux-{Environment.ProcessId}";
    private Process? _listener;
    private DriveProcess? _drive;
    private readonly Lazy<Task> _making;

    public ScanBed() => _making = new Lazy<Task>(MakeAsync);

    /// <summary>The scanner's namespace.</summary>
    public string Scanner { get; } = $"earshot-scan-{Environment.ProcessId}";

    /// <summary>The two hosts, by their addresses.</summary>
    public static (string Linux, string Earshot) IPv4 => ("10.50.0.2", "10.51.0.2");

    /// <summary>The two hosts, by their addresses.</summary>
    public static (string Linux, string Earshot) IPv6 => ("fd50::2", "fd51::2");

    // Made by the first test that runs: most runs skip them all.
    public Task InitializeAsync() => Task.CompletedTask;

    /// <summary>Makes the test bed, unless that was done.</summary>
    public Task ReadyAsync() => _making.Value;

    public async Task DisposeAsync()
    {
        if (!_making.IsValueCreated)
        {
            return;
        }

        if (_drive is not null)
        {
            await _drive.DisposeAsync();
        }

        if (_listener is { HasExited: false })
        {
            _listener.Kill(entireProcessTree: true);
        }

        _listener?.Dispose();
        await IpAsync($"netns del {Scanner}");
        await IpAsync($"netns del {_linux}");
    }

    /// <summary>Runs a program in the scanner's namespace.</summary>
    internal Task<(int Code, string Text)> ScanAsync(string command, TimeSpan limit) =>
        Programs.RunAsync("ip", $"netns exec {Scanner} {command}", limit);

    private async Task MakeAsync()
    {
        await IpAsync($"netns add {Scanner}");
        await IpAsync($"netns add {_linux}");
        await IpAsync($"link add ear-v0 netns {Scanner} type veth peer name ear-v1 netns {_linux}");
        await IpAsync($"-n {Scanner} tuntap add dev ear-t0 mode tun");
        await IpAsync($"-n {Scanner} link set lo up");
        await IpAsync($"-n {_linux} link set lo up");
        await AddressAsync(Scanner, "ear-v0", "10.50.0.1/24", "fd50::1/64");
        await AddressAsync(_linux, "ear-v1", "10.50.0.2/24", "fd50::2/64");
        await AddressAsync(Scanner, "ear-t0", "10.51.0.1/24", "fd51::1/64");

        // What is compared is what is said, not how often it may be said.
        await Programs.DoAsync("ip", $"netns exec {_linux} sh -c \"echo 0 > /proc/sys/net/ipv4/icmp_ratelimit\"");
        _listener = Process.Start(new ProcessStartInfo("ip", $"netns exec {_linux} python3 -c \"{Listener}\"")
        {
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("up", await _listener.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30)));
        _drive = DriveProcess.Start(Scanner, "--tun ear-t0 --address 10.51.0.2/24 --address fd51::2/64");
        await _drive.OkAsync("socket l tcp");
        await _drive.OkAsync("bind l :: 80");
        await _drive.OkAsync("listen l 5");
        await _drive.OkAsync("sysctl icmp_ratelimit 0");
    }

    private static async Task AddressAsync(string space, string device, string ipv4, string ipv6)
    {
        await IpAsync($"-n {space} link set {device} addrgenmode none");
        await IpAsync($"-n {space} addr add {ipv4} dev {device}");
        await IpAsync($"-n {space} addr add {ipv6} dev {device} nodad");
        await IpAsync($"-n {space} link set {device} up");
    }

    private static Task<string> IpAsync(string arguments) => Programs.DoAsync("ip", arguments);
}

[CollectionDefinition(ScanBed.Collection)]
public sealed class ScanTests : ICollectionFixture<ScanBed>;
