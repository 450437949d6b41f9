using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace Earshot.Monitor.Tests.Incidents;

/// <summary>A network namespace of the test's own with servers and clients in it; everything is ended with it, by its
/// id, and with the run if that is killed.</summary>
internal sealed class Bed : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static int _count;

    /// <summary>Debian's own, which starts at once; a wrapper of another in PATH may take a second.</summary>
    public static readonly string Interpreter = File.Exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

    /// <summary>Put before a command, runs it without rights.</summary>
    public const string Nobody =
        "setpriv --reuid=65534 --regid=65534 --clear-groups env DOTNET_CLI_HOME=/tmp HOME=/tmp";

    private readonly List<Process> _processes = [];

    public Bed()
    {
        Name = $"earmon{Environment.ProcessId}-{Interlocked.Increment(ref _count)}";
        Folder = Directory.CreateTempSubdirectory("earmon").FullName;
        Leftovers.OfThisRun.Tell(Name, Folder);
        Run("ip", $"netns add {Name}");
        Run("ip", $"-n {Name} link set lo up");
        Sysctl("net.ipv4.tcp_syncookies", 1);
    }

    /// <summary>The namespace's name.</summary>
    public string Name { get; }

    /// <summary>A folder for the test's files.</summary>
    public string Folder { get; }

    public void Sysctl(string name, long value) => Run("ip", $"netns exec {Name} sysctl -qw {name}={value}");

    /// <summary>Gives forged addresses a way to nowhere: a device that nobody reads.</summary>
    public void RouteNowhere()
    {
        Run("ip", $"-n {Name} tuntap add dev nowhere mode tun");
        Run("ip", $"-n {Name} link set nowhere up");
        Run("ip", $"-n {Name} addr add 10.98.0.1/24 dev nowhere");
        Run("ip", $"-n {Name} route add 10.99.0.0/16 dev nowhere");
        foreach (string device in (string[])["all", "default", "lo", "nowhere"])
        {
            Sysctl($"net.ipv4.conf.{device}.rp_filter", 0);
        }
    }

    /// <summary>Starts a program in the namespace.</summary>
    public Process Start(string command)
    {
        var info = new ProcessStartInfo("ip", $"netns exec {Name} {command}")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = Folder,
        };
        Process process = Process.Start(info)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _processes.Add(process);
        return process;
    }

    /// <summary>Starts one of the scripts beside this file.</summary>
    public Process Python(string script, string arguments) =>
        Start($"{Interpreter} {Path.Combine(AppContext.BaseDirectory, "Incidents", script)} {arguments}");

    /// <summary>Starts a server and waits until it listens.</summary>
    public async Task<Process> ServeAsync(string arguments)
    {
        string where = arguments.Split(' ')[1];
        int before = Listeners(where);
        Process process = Python("serve.py", arguments);
        await ListensAsync(where, before + 1);
        return process;
    }

    /// <summary>Starts a process of a name, which may be hostile, that listens and never accepts; a unix socket of a
    /// hostile name listens too.</summary>
    public async Task NamedAsync(string name, string address, int port, int backlog)
    {
        Python("named.py", $"{Convert.ToHexString(Encoding.UTF8.GetBytes(name))} {address} {port} {backlog}");
        await ListensAsync($"{port}");
    }

    /// <summary>Writes a file into the folder.</summary>
    /// <returns>Its path.</returns>
    public string Write(string name, string text)
    {
        string path = Path.Combine(Folder, name);
        File.WriteAllText(path, text + "\n");
        return path;
    }

    /// <summary>Waits until somebody listens on a port or path.</summary>
    public async Task ListensAsync(string where, int count = 1)
    {
        long start = Stopwatch.GetTimestamp();
        while (Listeners(where) < count)
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Limit, $"nobody listens on {where}");
            await Task.Delay(100);
        }
    }

    private int Listeners(string where) => Run("ip", $"netns exec {Name} ss -Hlntx").Split('\n').Count(line =>
        line.Contains(where.All(char.IsDigit) ? $":{where} " : where, StringComparison.Ordinal));

    public static void Signal(Process process, string signal) => Signal(process.Id, signal);

    public static void Signal(int pid, string signal) => Run("kill", $"-{signal} {pid}");

    /// <summary>The only child of a process, once there is one: a server listens before it makes its
    /// worker.</summary>
    public static async Task<int> WorkerAsync(Process process)
    {
        string list = $"/proc/{process.Id}/task/{process.Id}/children";
        long start = Stopwatch.GetTimestamp();
        string[] children;
        while ((children = (await File.ReadAllTextAsync(list)).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            is [] && Stopwatch.GetElapsedTime(start) < Limit)
        {
            await Task.Delay(20);
        }

        return int.Parse(Assert.Single(children));
    }

    /// <summary>Runs <c>earshot check</c> in the namespace.</summary>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="meanwhile">What happens once it looks.</param>
    public Task<Verdict> CheckAsync(string arguments = "--for 4s", Func<Task>? meanwhile = null) => EarshotAsync(
        "ip", $"netns exec {Name} dotnet {Command} check --json --notes {arguments}", meanwhile);

    /// <summary>Runs <c>earshot check</c> in all namespaces, from outside.</summary>
    public static Task<Verdict> CheckAllAsync(string arguments) =>
        EarshotAsync("dotnet", $"{Command} check --json --all-namespaces {arguments}", null);

    /// <summary>The command under test.</summary>
    public static string Command { get; } = Path.Combine(AppContext.BaseDirectory, "earshot.dll");

    /// <summary>Waits until so many connections wait in the queue of a listener.</summary>
    public async Task QueuesAsync(string where, int atLeast)
    {
        long start = Stopwatch.GetTimestamp();
        string end = where.All(char.IsDigit) ? $":{where}" : where;
        while (!Run("ip", $"netns exec {Name} ss -Hlntx").Split('\n')
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Any(words => words.Length > 4 && words[4].EndsWith(end, StringComparison.Ordinal)
                && int.Parse(words[2]) >= atLeast))
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Limit, $"the queue of {where} never gets {atLeast} long");
            await Task.Delay(100);
        }
    }

    public void Dispose()
    {
        foreach (Process process in _processes)
        {
            try
            {
                if (!process.HasExited)
                {
                    process.Kill(entireProcessTree: true);
                    process.WaitForExit(5000);
                }
            }
            catch (InvalidOperationException)
            {
                // It ended meanwhile.
            }

            process.Dispose();
        }

        Run("ip", $"netns del {Name}");
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Runs a program to its end.</summary>
    public static string Run(string program, string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
        })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }

    /// <summary>Runs a program to its end, and tells its exit code and what it wrote to either output.</summary>
    public static async Task<(int Code, string Output, string Said)> RunAsync(string program, string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), said = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Limit);
        return (process.ExitCode, await output, await said);
    }

    private static async Task<Verdict> EarshotAsync(string program, string arguments, Func<Task>? meanwhile)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string? talk = await process.StandardError.ReadLineAsync().WaitAsync(Limit);
        if (meanwhile is not null && talk?.Contains("looking", StringComparison.Ordinal) == true)
        {
            await meanwhile();
        }

        talk += await process.StandardError.ReadToEndAsync().WaitAsync(Limit);
        await process.WaitForExitAsync().WaitAsync(Limit);
        string text = await output;
        Assert.True(text.StartsWith('{'), $"exit code {process.ExitCode}: {text}{talk}");
        return new Verdict(process.ExitCode, JsonNode.Parse(text)!.AsObject());
    }
}

/// <summary>What <c>earshot check</c> said.</summary>
internal sealed record Verdict(int ExitCode, JsonObject Report)
{
    public IEnumerable<JsonObject> Findings => Report["findings"]!.AsArray().Select(one => one!.AsObject());

    /// <summary>The finding of a rule about a listener.</summary>
    public JsonObject Of(string rule, string listener)
    {
        Assert.Equal(1, ExitCode);
        JsonObject? found = Findings.FirstOrDefault(one =>
            (string?)one["rule"] == rule
            && ((string?)one["listener"] ?? "").EndsWith(listener, StringComparison.Ordinal));
        Assert.True(found is not null, $"no {rule} of {listener} in {Report.ToJsonString()}");
        return found;
    }

    /// <summary>Fails unless nobody was found to suffer.</summary>
    public void IsHealthy()
    {
        Assert.True(ExitCode == 0, Report.ToJsonString());
        Assert.DoesNotContain(Findings, one => (string?)one["severity"] != "note");
    }

    /// <summary>Fails when a warning is about a rule that is not expected.</summary>
    public void SaysOnly(params string[] rules) => Assert.True(
        Findings.Where(one => (string?)one["severity"] != "note").All(one => rules.Contains((string?)one["rule"])),
        $"more than {string.Join(", ", rules)} in {Report.ToJsonString()}");
}
