using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Earshot.Core;
using Earshot.Lab.Views;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Views;

/// <summary>Views against the real tools of this machine, which are shown the same sockets and counters in place of the
/// kernel's.</summary>
public sealed class ToolTextTests : IDisposable
{
    private const int Seeds = 20;
    private const int Rows = 40;

    private readonly string _folder = Directory.CreateTempSubdirectory("earshot-views").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [ToolFact("ss")]
    public void The_real_ss_prints_random_sockets_as_the_view_does()
    {
        foreach (string flags in (string[])["nta", "ntao", "ntae", "ntam", "ntai", "ntaoemi", "ntaOemi", "ntaHe"])
        {
            for (int seed = 1; seed <= Seeds; seed++)
            {
                StackSnapshot snapshot = Snapshot(seed);
                string file = Path.Combine(_folder, "diag");
                DiagFile.Write(file, snapshot.Sockets, flags.Contains('m'), flags.Contains('i'));
                string real = Run("ss", $"-{flags}", ("TCPDIAG_FILE", file));
                Same($"ss -{flags}, seed {seed}", real, new ViewRequest(ViewTool.Ss, flags), snapshot);
            }
        }
    }

    [ToolFact("nstat")]
    public void The_real_nstat_reads_our_files_and_prints_what_the_view_prints()
    {
        foreach (string flags in (string[])["az", "a"])
        {
            StackSnapshot snapshot = Snapshot(1);
            (string, string)[] files =
            [
                ("PROC_NET_SNMP", Write("snmp", snapshot)), ("PROC_NET_NETSTAT", Write("netstat", snapshot)),
                ("PROC_NET_SNMP6", Write("snmp6", snapshot)), ("NSTAT_HISTORY", "/dev/null"),
            ];
            string real = Run("nstat", $"-{flags}", files);
            Same($"nstat -{flags}", real, new ViewRequest(ViewTool.Nstat, flags), snapshot);

            // Its JSON holds the low 32 bits of a counter only.
            snapshot = snapshot with
            {
                Counters = [.. snapshot.Counters.Select(counter =>
                    KeyValuePair.Create(counter.Key, counter.Value & uint.MaxValue))],
            };
            files[0].Item2 = Write("snmp", snapshot);
            Write("netstat", snapshot);
            Write("snmp6", snapshot);
            Same($"nstat -{flags}j", Run("nstat", $"-{flags}j", files),
                new ViewRequest(ViewTool.Nstat, flags, IsJson: true), snapshot);
        }
    }

    [RootFact("netstat unshare mount")]
    public void The_real_netstat_reads_our_files_and_prints_what_the_view_prints()
    {
        foreach (string flags in (string[])["nat", "nato", "natoe", "nlt", "nt", "nt6", "nat4", "s"])
        {
            for (int seed = 1; seed <= 3; seed++)
            {
                StackSnapshot snapshot = Snapshot(seed);
                foreach (string name in (string[])["tcp", "tcp6", "snmp", "netstat"])
                {
                    Write(name, snapshot);
                }

                // In a mount namespace of its own netstat finds our files where the kernel's were.
                string real = Run("unshare", $"-m sh -c \"mount --bind '{_folder}' /mnt && mount -t tmpfs none /proc "
                    + $"&& mkdir /proc/net && cp /mnt/* /proc/net/ && exec netstat -{flags}\"");
                Same($"netstat -{flags}, seed {seed}", real, new ViewRequest(ViewTool.Netstat, flags), snapshot);
            }
        }
    }

    private static StackSnapshot Snapshot(int seed)
    {
        var random = new Random(seed);
        using var stack = new NetworkStack(new StackOptions { Seed = Chance.Spread(1) }, default);
        return StackSnapshot.Of(stack) with
        {
            Sockets = new RandomRows(seed).Take(Rows),
            Counters = StackSnapshot.WithFacts(
                Enum.GetNames<Counter>().Skip(1).Select(name =>
                    KeyValuePair.Create(name, random.Next(2) == 0 ? 0 : random.NextInt64(1, 1L << 40))),
                stack.Sysctls),
        };
    }

    private string Write(string name, StackSnapshot snapshot)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllLines(path, ProcNet.Lines(name, snapshot));
        return path;
    }

    private static void Same(string what, string real, ViewRequest request, StackSnapshot snapshot)
    {
        string[] theirs = real.TrimEnd('\n').Split('\n');
        string[] ours = [.. StackView.Lines(request, snapshot)];
        var differences = new List<(string Text, bool OnlyPadding)>();
        for (int i = 0; i < Math.Max(theirs.Length, ours.Length); i++)
        {
            string their = i < theirs.Length ? theirs[i] : "(nothing)";
            string our = i < ours.Length ? ours[i] : "(nothing)";
            if (their != our)
            {
                differences.Add((
                    $"{what}, line {i + 1}:\n  real: {their}|\n  view: {our}|", their.TrimEnd() == our.TrimEnd()));
            }
        }

        // A wide cell moves all others: a line that differs in more than its padding tells most.
        Assert.True(
            differences.Count == 0,
            string.Join('\n', differences.OrderBy(found => found.OnlyPadding).Take(4).Select(found => found.Text)));
    }

    private static string Run(string program, string arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = "C";
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        string text = process.StandardOutput.ReadToEnd();
        string problem = process.StandardError.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(10)), $"{program} did not end");
        Assert.True(process.ExitCode == 0, problem);
        return text;
    }
}

/// <summary>A test that calls a program; where it is not, the test is skipped and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ToolFactAttribute : FactAttribute
{
    /// <summary>A test that calls programs.</summary>
    /// <param name="tools">Their names, separated by blanks.</param>
    public ToolFactAttribute(string tools) => Skip = Earshot.Tests.Host.Missing(Needs.Linux, tools);
}
