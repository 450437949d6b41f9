using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Earshot.Monitor.Tests.Incidents;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Reports;

/// <summary>The commands as somebody meets them who has never seen them: exit codes, filters, few rights, odd
/// terminals.</summary>
public sealed class VerbTests
{
    private const string Tools = "ip ss python3 dotnet";

    [RootFact(Tools)]
    public async Task Check_ends_with_0_1_2_or_3_as_its_help_says()
    {
        using var bed = new Bed();
        Process server = await bed.ServeAsync("never 7910 3");
        await bed.ServeAsync("echo 7911 30");
        bed.Python("connect.py", "7910 9 60");
        await bed.QueuesAsync("7910", 4);

        Assert.Equal(1, (await RunAsync(bed, "check --for 2s")).Code);
        Assert.Equal(1, (await RunAsync(bed, "check 7910 --for 2s")).Code);
        Assert.Equal(1, (await RunAsync(bed, $"check {server.Id} --for 2s")).Code);
        Assert.Equal(0, (await RunAsync(bed, "check 7911 --for 1s")).Code);
        Assert.Equal(0, (await RunAsync(bed, "check --for 2s --fail-on never")).Code);
        Assert.Equal(0, (await RunAsync(bed, "check --for 2s --fail-on reuseport-skew,syn-flood")).Code);
        Assert.Equal(1, (await RunAsync(bed, "check --for 2s --fail-on reuseport-skew,not-accepting")).Code);
        Assert.Equal(1, (await RunAsync(bed, "check --for 2s --fail-on critical")).Code);
        Assert.Equal(0, (await RunAsync(bed, "check 7911 --for 1s --fail-on note")).Code);
        Assert.Equal(2, (await RunAsync(bed, "check 7912 --for 100ms")).Code);
        Assert.Equal(2, (await RunAsync(bed, "check --fail-on nonsense")).Code);
    }

    [FilterFact(Tools)]
    public async Task Where_no_sock_diag_may_be_opened_every_verb_says_so_and_ends_with_3()
    {
        using var bed = new Bed();
        string wrapper = $"{Bed.Interpreter} {Path.Combine(AppContext.BaseDirectory, "Incidents", "without.py")} ";
        foreach (string verb in (string[])["ss", "check --for 100ms", "watch --count 1", "record - --for 100ms",
            "export --listen 127.0.0.1:0", "dashboard --listen 127.0.0.1:0", "size 80 --for 100ms"])
        {
            (int code, string output, string said) = await RunAsync(bed, verb, wrapper);
            Assert.True(code == 3, $"{verb}: {code} {output}{said}");
            Assert.Contains("EPERM", said);
            Assert.DoesNotContain("   at ", said);
        }

        string file = bed.Write("redis.conf", "port 6379\ntcp-backlog 700");
        var doctor = await RunAsync(bed, $"doctor {file}", wrapper);
        Assert.Contains("what runs is not known", doctor.Said);
        Assert.DoesNotContain("nothing runs there", doctor.Output);
    }

    [RootFact("ip ss python3 setpriv dotnet")]
    public async Task Without_rights_every_verb_works_and_says_what_it_could_not_see()
    {
        using var bed = new Bed();
        await bed.ServeAsync("never 7920 3");
        bed.Python("connect.py", "7920 9 60");
        await bed.QueuesAsync("7920", 4);
        const string nobody = Bed.Nobody + " ";

        var check = await RunAsync(bed, "check --for 3s", nobody);
        Assert.Equal(1, check.Code);
        Assert.Contains("not-accepting", check.Output);
        Assert.Contains("not known: the processes of some listeners: not permitted", check.Output);
        Assert.Contains("as root", check.Output);

        var ss = await RunAsync(bed, "ss --all-namespaces", nobody);
        Assert.Equal(0, ss.Code);
        Assert.Contains("0.0.0.0:7920", ss.Output);
        Assert.Contains("did not show their network namespace (not permitted)", ss.Said);
        Assert.Contains("the processes of 1 listeners are not known: not permitted", ss.Said);

        var metrics = await RunAsync(bed, "export --once --process-label", nobody);
        Assert.Contains("port=\"7920\",process=\"\"} 4\n", metrics.Output);
        Assert.Contains("earshot_listener_syn_recv{", metrics.Output);
        Assert.Contains("0.0.0.0:7920", (await RunAsync(bed, "watch --count 1", nobody)).Output);
        string file = Path.Combine("/tmp", $"{bed.Name}.record");
        try
        {
            Assert.Equal(0, (await RunAsync(bed, $"record {file} --for 2s --interval 200ms", nobody)).Code);
            Assert.Contains("7920", (await RunAsync(bed, $"replay {file}", nobody)).Output);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [RootFact(Tools)]
    public async Task A_reader_who_goes_away_early_is_no_error()
    {
        using var bed = new Bed();
        await bed.ServeAsync("echo 7930 30");
        foreach (string verb in (string[])["ss", "check --for 100ms --notes", "explain",
            "watch --count 3 --interval 50ms", "export --once", "ss --json", "record - --for 500ms --interval 50ms"])
        {
            string text = Bed.Run(
                "bash", $"-c \"(ip netns exec {bed.Name} dotnet {Bed.Command} {verb}; echo code $? >&2) "
                + "2>&1 >/dev/full | cat\"");
            Assert.DoesNotContain("   at ", text);
            Assert.Contains("code 3", text);
            string early = Bed.Run(
                "bash", $"-c \"ip netns exec {bed.Name} dotnet {Bed.Command} {verb} 2>&1 | head -c 1 >/dev/null; "
                + "echo ${PIPESTATUS[0]}\"");
            Assert.Contains(early.Trim(), (string[])["0", "1", "141"]);
        }
    }

    [RootTheory("ip ss python3 script")]
    [InlineData(40, "")]
    [InlineData(60, "NO_COLOR=1")]
    [InlineData(80, "")]
    [InlineData(120, "NO_COLOR=1")]
    public async Task Watch_shows_every_address_whatever_the_width_of_the_terminal(int columns, string environment)
    {
        using var bed = new Bed();
        await bed.ServeAsync("never 7940 3");
        bed.Python("connect.py", "7940 9 60");
        await bed.QueuesAsync("7940", 4);

        // Standard input is no terminal: nobody presses a key, and nothing fails.
        string text = Bed.Run(
            "ip", $"netns exec {bed.Name} env TERM=xterm {environment} script -qefc \"stty cols {columns} rows 20; "
            + $"dotnet {Bed.Command} watch --count 3 --interval 200ms </dev/null\" /dev/null");

        string last = text[text.LastIndexOf("earshot watch", StringComparison.Ordinal)..];
        string[] lines = [.. last.Split('\n').Select(Plain)];
        Assert.All(lines, line => Assert.True(line.Length <= columns, line));
        Assert.Contains(lines, line => line.Contains("0.0.0.0:7940"));
        Assert.Contains("\e[7m", last);
        Assert.DoesNotContain("exception", text, StringComparison.OrdinalIgnoreCase);
        Assert.True(environment.Length == 0 || !(text.Contains("\e[31m") || text.Contains("\e[33m")), text);
    }

    [Fact]
    public void The_help_of_every_verb_speaks_of_times_as_people_write_them()
    {
        foreach (string verb in (string[])["ss", "watch", "check", "explain", "record", "replay", "doctor", "size",
            "export", "dashboard"])
        {
            string help = Bed.Run("dotnet", $"{Bed.Command} {verb} --help");
            Assert.Contains("Usage:", help);
            Assert.DoesNotContain("00:00", help);
            Assert.DoesNotContain("31536000", help);
        }
    }

    [Theory]
    [InlineData("watch --interval 0s")]
    [InlineData("export --once --interval 1ms")]
    [InlineData("replay x --window 0s")]
    [InlineData("ss --for 1y")]
    [InlineData("size 0")]
    [InlineData("check --for")]
    [InlineData("record")]
    [InlineData("export --listen here")]
    public async Task What_makes_no_sense_is_refused_with_a_word_on_help(string arguments)
    {
        (int code, _, string said) = await Bed.RunAsync("dotnet", $"{Bed.Command} {arguments}");

        Assert.Equal(2, code);
        Assert.Contains("--help", said);
    }

    [RootFact(Tools)]
    public async Task A_port_to_which_nobody_comes_gets_no_advice()
    {
        using var bed = new Bed();
        await bed.ServeAsync("echo 7950 30");

        var size = await RunAsync(bed, "size 7950 --for 300ms");

        Assert.Contains("nobody came in 0.3 s, so nothing can be said", size.Output);
        Assert.DoesNotContain("would do", size.Output);
    }

    [Fact]
    public void Escapes_in_a_configuration_file_reach_no_terminal()
    {
        string folder = Directory.CreateTempSubdirectory("earmon").FullName;
        try
        {
            string file = Path.Combine(folder, "nginx.conf");
            File.WriteAllText(
                file, "http { server { listen unix:/run/\e[2Jx.sock backlog=9; server_name \e]0;x\a; } }");
            string text = Bed.Run("dotnet", $"{Bed.Command} doctor {file}");
            Assert.Contains("x.sock", text);
            Assert.DoesNotContain(text, c => char.IsControl(c) && c != '\n');
            JsonNode json = JsonNode.Parse(Bed.Run("dotnet", $"{Bed.Command} doctor --json {file}"))!;
            Assert.Equal(9, (int)json["diagnoses"]![0]!["asked"]!);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Plain(string line) => System.Text.RegularExpressions.Regex.Replace(
        line.TrimEnd('\r'), "\e\\[[0-9;?]*[A-Za-z]", "");

    private static Task<(int Code, string Output, string Said)> RunAsync(Bed bed, string verb, string before = "") =>
        Bed.RunAsync("ip", $"netns exec {bed.Name} {before}dotnet {Bed.Command} {verb}");
}

/// <summary>A test that needs root, tools, and x86-64, whose numbers of system calls its filter knows.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FilterFactAttribute : FactAttribute
{
    public FilterFactAttribute(string tools) => Skip = Host.Missing(Needs.Root, tools)
        ?? (RuntimeInformation.ProcessArchitecture == Architecture.X64 ? null : "needs x86-64");
}
