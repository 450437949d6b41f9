using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Running;
using Earshot.Core;
using Earshot.Core.Profiles;
using Xunit;

namespace Earshot.Cli.Tests.Sessions;

public sealed class BrokenStackTests
{
    [Fact]
    public async Task A_broken_invariant_ends_the_stack_with_70_and_its_state_on_stderr()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        await using RunningStack stack = await RunningStack.StartAsync(
            new RunningStackOptions("broken", KernelProfile.Linux618), new Terminal(output, error));
        Task<CommandRun> listen = CommandRun.OfAsync("listen 127.0.0.1 6666 5 --stack broken");
        while (!(await CommandRun.OfAsync("ss -nlt --stack broken")).Out.Contains(":6666", StringComparison.Ordinal))
        {
            await Task.Delay(20);
        }

        using var end = new EndSignal(CancellationToken.None);
        Task<int> ended = stack.WaitAsync(end);
        await Assert.ThrowsAsync<InvariantException>(() =>
            stack.Stack.InvokeAsync<int>(_ => throw new InvariantException("two and two are four")));

        Assert.Equal(70, await ended.WaitAsync(TimeSpan.FromSeconds(10)));
        string said = error.ToString();
        Assert.Contains("two and two are four", said);
        Assert.Contains("127.0.0.1:6666", said);
        Assert.Contains("ListenStarted: listening on 127.0.0.1:6666", said);
        Assert.Equal("", output.ToString());

        CommandRun late = await CommandRun.OfAsync("netstat -nt --stack broken");
        Assert.Equal(4, late.ExitCode);
        Assert.Contains("the stack has ended", late.Error);
        await stack.DisposeAsync();
        Assert.Equal(4, (await listen.WaitAsync(TimeSpan.FromSeconds(10))).ExitCode);
    }
}
