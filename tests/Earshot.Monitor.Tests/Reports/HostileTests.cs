using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Earshot.Monitor.Sampling;
using Earshot.Monitor.Tests.Incidents;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Reports;

/// <summary>Few rights, hostile names, namespaces that go away: right or marked as unknown, never a crash.</summary>
public sealed class HostileTests
{
    [RootFact("ip ss python3 setpriv dotnet")]
    public async Task Without_rights_numbers_are_known_and_processes_are_not()
    {
        using var bed = new Bed();
        await bed.ServeAsync("never 7900 3");
        bed.Python("connect.py", "7900 9 60");
        await bed.QueuesAsync("7900", 4);

        JsonNode report = JsonNode.Parse(Bed.Run(
            "ip", $"netns exec {bed.Name} {Bed.Nobody} dotnet {Bed.Command} ss 7900 --json --for 1s"))!;

        JsonNode line = report["listeners"]!.AsArray().Single()!;
        Assert.Equal(4, (int)line["queue"]!);
        Assert.True((long)line["drops"]! >= 5);
        Assert.Empty(line["processes"]!.AsArray());
        Assert.False((bool)line["processesKnown"]!);
        Assert.Contains(report["notKnown"]!.AsArray(), one => ((string)one!).Contains("not permitted"));
    }

    [UnifiedFact("ip ss python3 setpriv nsenter dotnet")]
    public async Task Without_rights_the_unit_is_known_in_which_a_listener_was_made()
    {
        string folder = Path.Combine(UnifiedFactAttribute.Mount!, $"earmon{System.Environment.ProcessId}.service");
        Directory.CreateDirectory(folder);
        try
        {
            // Not by "ip netns exec", which mounts another /sys.
            using var bed = new Bed();
            string script = Path.Combine(AppContext.BaseDirectory, "Incidents", "serve.py");
            using Process server = Process.Start(
                "nsenter", $"--net=/run/netns/{bed.Name} sh -c \"echo $$ > {folder}/cgroup.procs; "
                + $"exec {Bed.Interpreter} {script} never 7905 3\"");
            try
            {
                await bed.ListensAsync("7905");
                string text = Bed.Run(
                    "nsenter", $"--net=/run/netns/{bed.Name} {Bed.Nobody} dotnet {Bed.Command} ss "
                    + $"{Path.GetFileName(folder)} --for 100ms");

                Assert.Contains("0.0.0.0:7905", text);
                Assert.Contains($"? {Path.GetFileName(folder)}", text);
            }
            finally
            {
                server.Kill(entireProcessTree: true);
                await server.WaitForExitAsync();
            }
        }
        finally
        {
            Directory.Delete(folder);
        }
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task Escapes_in_names_of_processes_and_sockets_reach_no_terminal()
    {
        using var bed = new Bed();
        await bed.NamedAsync("\e[31m\e]0;x\a", "127.0.0.1", 7901, 1);
        bed.Python("connect.py", "7901 5 60");
        await bed.QueuesAsync("7901", 2);

        foreach (string command in (string[])["ss", "check --for 3s --notes", "watch --count 2"])
        {
            string text = Bed.Run("ip", $"netns exec {bed.Name} dotnet {Bed.Command} {command}");
            Assert.Contains("7901", text);
            Assert.DoesNotContain(text, c => char.IsControl(c) && c != '\n');
        }
    }

    [RootFact("ip ss python3")]
    public async Task A_namespace_that_goes_away_is_left()
    {
        var bed = new Bed();
        using var sampler = new HostSampler(new MonitorOptions { AllNamespaces = true, WithProcesses = false });
        try
        {
            await bed.ServeAsync("echo 7902 5");
            sampler.Sample(DateTimeOffset.UtcNow);
            Assert.Contains(
                sampler.History.Namespaces, one => one.Namespace.Name == bed.Name && one.Listeners.Count == 1);
        }
        finally
        {
            bed.Dispose();
        }

        NamespaceHistory Left() => sampler.History.Namespaces.First(one => one.Namespace.Name == bed.Name);
        for (int i = 0; i < 40 && !Left().IsEnded; i++)
        {
            await Task.Delay(250);
            sampler.Sample(DateTimeOffset.UtcNow);
        }

        Assert.True(Left().IsEnded);
        Assert.Single(Left().EndedListeners);
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task OTLP_brings_the_numbers_to_a_collector()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using Process export = Process.Start(new ProcessStartInfo(
            "dotnet", $"{Bed.Command} export --listen 127.0.0.1:0 --otlp http://127.0.0.1:{port}/v1/metrics "
            + "--otlp-interval 500ms")
        { RedirectStandardError = true })!;
        try
        {
            using TcpClient client = await listener.AcceptTcpClientAsync().WaitAsync(TimeSpan.FromSeconds(60));
            byte[] bytes = new byte[256 * 1024];
            int length = 0;
            while (!Encoding.Latin1.GetString(bytes, 0, length)
                .Contains("tcp.listener.drops", StringComparison.Ordinal))
            {
                int more = await client.GetStream().ReadAsync(bytes.AsMemory(length))
                    .AsTask().WaitAsync(TimeSpan.FromSeconds(30));
                Assert.True(more > 0, "the push ended without drops");
                length += more;

                // The first push may come before the first sample: say that it arrived, and wait for the next.
                await client.GetStream().WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray());
            }

            string text = Encoding.Latin1.GetString(bytes, 0, length);
            Assert.StartsWith("POST /v1/metrics", text);
            Assert.Contains("application/x-protobuf", text);
            Assert.Contains("tcp.listener.accept_queue.limit", text);
        }
        finally
        {
            export.Kill(entireProcessTree: true);
            await export.WaitForExitAsync();
        }
    }
}

/// <summary>A test that needs root, tools, and the unified hierarchy of cgroups, which alone gives them
/// numbers.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnifiedFactAttribute : FactAttribute
{
    public UnifiedFactAttribute(string tools) => Skip = Host.Missing(Needs.Root, tools)
        ?? (Mount is null ? "needs the unified hierarchy of cgroups" : null);

    /// <summary>Where it is mounted; null when it is not.</summary>
    public static string? Mount { get; } = !OperatingSystem.IsLinux() ? null
        : File.ReadLines("/proc/self/mountinfo").Where(line => line.Contains(" - cgroup2 "))
            .Select(line => line.Split(' ')[4]).FirstOrDefault();
}
