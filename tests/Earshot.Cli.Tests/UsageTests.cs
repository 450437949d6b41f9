using System.Threading.Tasks;
using Xunit;

namespace Earshot.Cli.Tests;

public sealed class UsageTests
{
    [Theory]
    [InlineData("", "--help")]
    [InlineData("bogus", "'bogus'")]
    [InlineData("listen 127.0.0.1 6666", "BACKLOG")]
    [InlineData("listen 1.2.3 6666 5", "'1.2.3' is not an IPv4 address")]
    [InlineData("listen 127.0.0.1 65536 5", "PORT is '65536'")]
    [InlineData("listen 127.0.0.1 6666 5x", "BACKLOG is '5x'")]
    [InlineData("connect example.org 6666 9", "'example.org' is not an IPv4 address")]
    [InlineData("connect localhost 0 9", "PORT is '0'")]
    [InlineData("connect localhost 6666 -1", "COUNT is '-1'")]
    [InlineData("netstat -nt --stack a/b", "'a/b' cannot be a stack's name")]
    [InlineData("netstat -x", "'-x'")]
    [InlineData("ss -x", "there is no option '-x' here")]
    [InlineData("ss -s --stack a", "'-s' is no option here")]
    [InlineData("ss -tup --stack a", "'p' is no option here")]
    [InlineData("ss 80 --stack a", "'80' is no option here, and WHAT is for this host's listeners")]
    [InlineData("ss -nt nginx", "'nginx' is no option here, and WHAT is for this host's listeners")]
    [InlineData("ss -nt --for 1s", "--for is for this host's listeners")]
    [InlineData("ss --all-namespaces --stack a", "--all-namespaces is for this host's listeners")]
    [InlineData("check -x", "there is no option '-x' here")]
    [InlineData("up --profile linux-0.01", "unknown profile 'linux-0.01'; known are linux-6.18, linux-6.12")]
    [InlineData("up --seed -1", "--seed is '-1'")]
    [InlineData("up --name .hidden", "'.hidden' cannot be a stack's name")]
    [InlineData("up --tun t0", "--tun DEV and --address A/LEN go together")]
    [InlineData("up --gateway 10.0.0.1", "give --tun DEV and --address A/LEN too")]
    [InlineData("up --tun t0 --address 10.0.0.2", "such as 10.0.0.2/24")]
    [InlineData("up --tun t0 --address 10.0.0.2/33", "such as 10.0.0.2/24")]
    [InlineData("up --tun t0 --address 10.0.0.2/24 --gateway 10.0.1.1", "another address of the network")]
    [InlineData("up --tun t0 --address 10.0.0.2/24 --gateway 10.0.0.2", "another address of the network")]
    [InlineData("up --tun sixteen-is-a-lot --address 10.0.0.2/24", "cannot be a device's name")]
    [InlineData("serve --port 80", "--tun")]
    [InlineData("serve --tun t0 --address 10.0.0.2/24 --port 80 --offload maybe", "maybe")]
    [InlineData("serve --tun t0 --address 10.0.0.2/24 --port 80 --root /nowhere/at/all", "there is no such folder")]
    [InlineData("serve --tun t0 --tap t1 --address 10.0.0.2/24 --port 80", "--tun and --tap do not go together")]
    [InlineData("forward --tun t0 --address 10.0.0.2/24", "say what to forward")]
    [InlineData("forward --tun t0 --address 10.0.0.2/24 --in 80", "--in is '80', not [ADDRESS:]PORT:ADDRESS:PORT")]
    [InlineData("forward --in 80:127.0.0.1:80", "give a device")]
    [InlineData("relay --a t0", "--b")]
    [InlineData("relay --a t0 --b t1 --loss 101%", "--loss is '101%', not a share such as 1% or 0.01")]
    [InlineData("relay --a t0 --b t1 --delay 25", "--delay is '25', not a time such as 25ms")]
    [InlineData("sysctl", "NAME=VALUE")]
    [InlineData("sysctl =1", "'=1'")]
    [InlineData("sysctl net.core.somaxconn -a", "-a")]
    [InlineData("why 0", "PORT is '0'")]
    [InlineData("lab run", "PLAN")]
    [InlineData("lab run @nothing", "@nothing: no such plan")]
    [InlineData("lab run nothing", "known are backlog, syn-backlog, somaxconn")]
    [InlineData("lab run backlog --at soon", "--at is 'soon'")]
    [InlineData("lab run backlog --seeds 0", "--seeds is '0'")]
    [InlineData("lab run backlog --seed 1 --seeds 2", "--seed and --seeds do not go together")]
    [InlineData("lab run backlog --target host --profile linux-el6", "--profile and --target do not go together")]
    [InlineData("lab run backlog --target moon", "moon")]
    [InlineData("lab compare", "PLAN")]
    public async Task A_wrong_command_line_says_what_is_wrong_and_ends_with_2(string arguments, string said)
    {
        CommandRun run = await CommandRun.OfAsync(arguments);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(said, run.Error);
        Assert.Equal("", run.Out);
    }

    [Theory]
    [InlineData("--help", "netstat")]
    [InlineData("listen --help", "BACKLOG")]
    [InlineData("lab --help", "compare")]
    [InlineData("drill --help", "[default: linux-6.18]")]
    [InlineData("--help", "./earshot build native")]
    [InlineData("netstat --help", "-u  ")]
    [InlineData("ss --help", "-u  ")]
    [InlineData("profiles", "2.6.32-642.el6")]
    [InlineData("lab list", "syn-backlog")]
    public async Task What_needs_no_stack_works_anywhere(string arguments, string said)
    {
        CommandRun run = await CommandRun.OfAsync(arguments);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains(said, run.Out);
        Assert.Equal("", run.Error);
    }

    [Theory]
    [InlineData("listen 127.0.0.1 6666 5")]
    [InlineData("connect localhost 6666 9")]
    [InlineData("netstat -nt")]
    [InlineData("netstat -s")]
    [InlineData("ss -nlt")]
    [InlineData("sysctl net.core.somaxconn")]
    [InlineData("why 6666")]
    [InlineData("usage")]
    public async Task Without_a_stack_a_command_says_how_to_start_one_and_ends_with_3(string arguments)
    {
        CommandRun run = await CommandRun.OfAsync(arguments + " --stack never-started");

        Assert.Equal(3, run.ExitCode);
        Assert.Contains("'earshot up --name never-started'", run.Error);
        Assert.Equal("", run.Out);
    }
}
