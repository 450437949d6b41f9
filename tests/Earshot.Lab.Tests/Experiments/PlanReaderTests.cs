using System;
using System.IO;
using System.Linq;
using Earshot.Core.Wire;
using Earshot.Lab.Experiments;
using Xunit;

namespace Earshot.Lab.Tests.Experiments;

public sealed class PlanReaderTests
{
    private const string Small = """
        name = small
        look = 0.1 1.5

        [listen]
        address = 127.0.0.1
        port    = 6666
        backlog = 5

        [clients]
        address = localhost
        port    = 6666
        count   = 9
        """;

    [Fact]
    public void The_three_experiments_of_the_article_come_with_the_lab_in_its_order() =>
        Assert.Equal(["backlog", "syn-backlog", "somaxconn"], PlanCatalog.Names.Take(3));

    [Fact]
    public void The_first_experiment_is_listen_5_and_nine_clients_one_after_another()
    {
        Plan plan = PlanCatalog.Load("backlog");
        Assert.Equal(new ListenPlan(InetAddress.Loopback, 6666, 5), plan.Listen);
        Assert.Equal(new ClientsPlan("localhost", 6666, 9, ClientMode.OneAfterAnother), plan.Clients);
        Assert.Empty(Assert.Single(plan.Hosts).Sysctls);
        Assert.Equal([0.1, 1.5, 3.5, 10, 60, 200], plan.Looks.Select(l => l.TotalSeconds));
    }

    [Fact]
    public void The_third_experiment_sets_its_sysctls_in_the_order_of_the_file()
    {
        Plan plan = PlanCatalog.Load("somaxconn");
        Assert.Equal(
            [
                new SysctlSetting("net.ipv4.tcp_syncookies", "0"),
                new SysctlSetting("net.ipv4.tcp_max_syn_backlog", "2"),
                new SysctlSetting("net.core.somaxconn", "2"),
            ],
            Assert.Single(plan.Hosts).Sysctls);
        Assert.Equal(10, plan.Clients.Count);
    }

    [Fact]
    public void Localhost_leaves_the_address_that_inet_pton_left() =>
        Assert.Equal(InetAddress.Any, PlanReader.Read("f", Small).Clients.ConnectAddress);

    [Fact]
    public void A_dotted_address_is_the_one_that_is_connected_to() =>
        Assert.Equal(
            InetAddress.Loopback,
            PlanReader.Read("f", Small.Replace("localhost", "127.0.0.1", StringComparison.Ordinal))
                .Clients.ConnectAddress);

    [Fact]
    public void What_a_plan_leaves_out_has_a_default()
    {
        Plan plan = PlanReader.Read("f", Small);
        Assert.Equal(1UL, plan.Seed);
        Assert.Equal("small", plan.Title);
        Assert.Equal(ClientMode.OneAfterAnother, plan.Clients.Mode);
    }

    [Fact]
    public void Comments_blank_lines_and_windows_line_ends_change_nothing()
    {
        string odd = "# a comment\r\n\r\n" + Small.ReplaceLineEndings("\r\n").Replace("[clients]", "  [clients]  ",
            StringComparison.Ordinal);
        Assert.Equal(PlanReader.Read("f", Small).Clients, PlanReader.Read("f", odd).Clients);
    }

    [Theory]
    [InlineData("backlog = 5", "backlog = five", 7, "expected a whole number from -2147483648 to 2147483647")]
    [InlineData("backlog = 5", "", 4, "expected 'backlog = ...' in [listen]")]
    [InlineData("backlog = 5", "bocklog = 5", 7, "expected one of address, port, backlog in [listen], not 'bocklog'")]
    [InlineData("backlog = 5", "backlog = 5\nbacklog = 6", 8, "expected 'backlog' once; it stands on line 7 already")]
    [InlineData("backlog = 5", "backlog 5", 7, "expected 'key = value' or '[section]', not 'backlog 5'")]
    [InlineData("backlog = 5", "backlog =", 7, "expected a value after 'backlog ='")]
    [InlineData("[listen]", "[server]", 4, "expected [host], [listen], [clients] or [steps], not '[server]'")]
    [InlineData("[clients]", "[listen]", 9, "expected one [listen]; there is one on line 4")]
    [InlineData("[listen]", "[host]\n[host]\n[listen]", 5, "expected at most 1 [host] (MaxHosts)")]
    [InlineData("[listen]", "[host]\nsomaxconn = 2\n[listen]", 5, "expected a sysctl such as net.core.somaxconn")]
    [InlineData("[listen]", "[host]\nnet.core.. = 2\n[listen]", 5, "expected a sysctl such as net.core.somaxconn")]
    [InlineData("[listen]", "[host]\nnet.core./etc = 2\n[listen]", 5, "expected a sysctl such as net.core.somaxconn")]
    [InlineData("127.0.0.1", "127.0.0.256", 5, "expected an IPv4 address such as 127.0.0.1")]
    [InlineData("localhost", "example", 10, "expected an IPv4 address such as 127.0.0.1, or localhost")]
    [InlineData("count   = 9", "count = 4097", 12, "expected a whole number from 1 to 4096")]
    [InlineData("count   = 9", "count = 9\nmode = now", 13, "expected one-after-another or at-once for 'mode'")]
    [InlineData("look = 0.1 1.5", "look = 0.1 0.1", 2, "expected rising moments for 'look', not '0.1'")]
    [InlineData("look = 0.1 1.5", "look = -1", 2, "expected seconds above 0 and up to 86400 for 'look', not '-1'")]
    [InlineData("look = 0.1 1.5", "look = 1e9", 2, "expected seconds above 0")]
    [InlineData("look = 0.1 1.5", "seed = 1", 1, "expected 'look = ...' before the first section")]
    [InlineData("name = small", "name = a/b", 1, "expected letters, digits, '-', '_' and '.' for 'name', not 'a/b'")]
    public void An_error_names_the_file_the_line_and_what_was_expected(
        string good, string bad, int line, string expected)
    {
        string text = Small.Replace(good, bad, StringComparison.Ordinal);
        PlanException error = Assert.Throws<PlanException>(() => PlanReader.Read("my.plan", text));
        Assert.Equal(line, error.Line);
        Assert.StartsWith($"my.plan:{line}: {expected}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_section_is_named()
    {
        string text = Small[..Small.IndexOf("[clients]", StringComparison.Ordinal)];
        PlanException error = Assert.Throws<PlanException>(() => PlanReader.Read("my.plan", text));
        Assert.Equal("my.plan:7: expected a section [clients] in the file", error.Message);
    }

    [Fact]
    public void A_line_beyond_the_limit_is_refused_by_the_limit_s_name()
    {
        string text = "# " + new string('x', PlanLimits.MaxLineLength);
        Assert.Contains("MaxLineLength", Assert.Throws<PlanException>(() => PlanReader.Read("f", text)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Any_bytes_give_a_plan_or_an_error_of_the_plan_and_never_another()
    {
        var random = new Random(7);
        string alphabet = Small + "[]=#\n\0é\uffff";
        for (int i = 0; i < 2000; i++)
        {
            char[] text = Small.ToCharArray();
            for (int edits = random.Next(1, 6); edits > 0; edits--)
            {
                text[random.Next(text.Length)] = alphabet[random.Next(alphabet.Length)];
            }

            Exception? error = Record.Exception(() => PlanReader.Read("f", new string(text)));
            Assert.True(error is null or PlanException, $"edit {i}: {error}");
        }
    }

    [Fact]
    public void An_unknown_name_lists_the_plans_that_there_are()
    {
        PlanException error = Assert.Throws<PlanException>(() => PlanCatalog.Load("backlgo"));
        Assert.Equal(
            "backlgo: no such plan; known are backlog, syn-backlog, somaxconn, and any file by its path",
            error.Message);
    }

    [Fact]
    public void A_path_is_read_as_a_file()
    {
        string path = Path.Combine(Path.GetTempPath(), $"earshot-{Guid.NewGuid():N}.plan");
        File.WriteAllText(path, Small);
        try
        {
            Assert.Equal("small", PlanCatalog.Load(path).Name);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_path_that_is_not_there_says_so()
    {
        PlanException error = Assert.Throws<PlanException>(() => PlanCatalog.Load("./nowhere/x.plan"));
        Assert.StartsWith("./nowhere/x.plan: cannot read the plan", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Until_drops_the_later_looks_and_never_all()
    {
        Plan plan = PlanCatalog.Load("backlog");
        Assert.Equal([0.1, 1.5], plan.Until(TimeSpan.FromSeconds(3)).Looks.Select(l => l.TotalSeconds));
        Assert.Throws<ArgumentOutOfRangeException>(() => plan.Until(TimeSpan.FromMilliseconds(5)));
    }

    [Fact]
    public void A_plan_can_look_at_any_one_moment_within_its_limit()
    {
        Plan plan = PlanCatalog.Load("backlog");
        Assert.Equal([2.5], plan.LookingAt(TimeSpan.FromSeconds(2.5)).Looks.Select(l => l.TotalSeconds));
        Assert.Throws<ArgumentOutOfRangeException>(() => plan.LookingAt(TimeSpan.Zero));
        Assert.Throws<ArgumentOutOfRangeException>(() => plan.LookingAt(TimeSpan.FromSeconds(86_401)));
    }

    [Fact]
    public void No_look_of_a_plan_lies_within_15_percent_of_a_timer()
    {
        // The SYN retransmissions of 6.18 and of el6, counted from the first connect().
        double[] timers = [1, 2, 3, 4, 5, 7, 11, 15, 19, 31, 35, 67, 131];
        foreach (Plan plan in PlanCatalog.Names.Select(PlanCatalog.Load))
        {
            foreach (double look in plan.Looks.Select(l => l.TotalSeconds))
            {
                Assert.All(timers, t => Assert.True(
                    Math.Abs(look - t) > 0.09 * t,
                    $"{plan.Name} looks at {look} s, a timer is at {t} s"));
            }
        }
    }

    // Found when the plan is read, and not after the steps before it were done.
    [Theory]
    [InlineData("server s foo 5", "'foo' is no address and port")]
    [InlineData("server s 127.0.0.1:6666 abc", "'abc' is no number")]
    [InlineData("bind s 1.2.3.x", "'1.2.3.x' is no address and port")]
    [InlineData("listen s abc", "'abc' is no number")]
    [InlineData("set s foo 5", "'foo' is no option")]
    [InlineData("set s nodelay x", "'x' is no number")]
    [InlineData("get s 6.x", "'x' is no number")]
    [InlineData("send a 99999999999", "'99999999999' is no number")]
    [InlineData("send a -1", "'-1' is no number of bytes from 0 to 1048576")]
    [InlineData("recv a 1048577", "'1048577' is no number of bytes from 0 to 1048576")]
    [InlineData("shutdown a both", "'both' is no number")]
    [InlineData("socket a inet 1 tcp", "'tcp' is no number")]
    [InlineData("accept s c flags=x", "'x' is no number")]
    [InlineData("raw a Z", "'Z' is no TCP flags")]
    [InlineData("raw a A colour=red", "'colour=red' is no word of a raw packet")]
    [InlineData("raw a S win=99999999", "'99999999' is no number from 0 to 65535")]
    [InlineData("raw a S opt=mss", "'mss' is no TCP option with its value")]
    [InlineData("syn a ipopt=zz", "'zz000000' is no row of bytes in hexadecimal")]
    [InlineData("icmp p 300/1", "'300/1' is no TYPE/CODE, each from 0 to 255")]
    public void A_step_whose_words_mean_nothing_is_refused_with_its_line(string step, string problem)
    {
        string text = $"name = p\nlook = 1\n[steps]\n0 = {step}\n";
        Assert.Equal($"p1:4: {problem}", Assert.Throws<PlanException>(() => PlanReader.Read("p1", text)).Message);
    }
}
