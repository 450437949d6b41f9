using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Running;
using Earshot.Core.Profiles;
using Xunit;

namespace Earshot.Cli.Tests.Sessions;

public sealed class CapturedTrafficTests
{
    [Fact]
    public async Task A_capture_names_the_rule_that_dropped_a_SYN()
    {
        string path = Path.Combine(Path.GetTempPath(), $"earshot-capture-{Environment.ProcessId}.pcapng");
        try
        {
            using (var end = new CancellationTokenSource())
            {
                await using RunningStack stack = await RunningStack.StartAsync(
                    new RunningStackOptions("captured", KernelProfile.Linux618, Seed: 1, CapturePath: path),
                    new Terminal(TextWriter.Null, TextWriter.Null));
                Task listen = CommandRun.OfAsync("listen 127.0.0.1 6666 0 --stack captured", end.Token);
                await UntilAsync("ss -nlt", ":6666");
                Task connect = CommandRun.OfAsync("connect localhost 6666 2 --stack captured", end.Token);
                await UntilAsync("netstat -nt", "SYN_SENT");
                await end.CancelAsync();
                await listen;
                await connect;
            }

            // A comment is text in the file, as it stands.
            string bytes = System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(path));
            Assert.Contains("SynAcceptQueueFull: SYN from 127.0.0.1:", bytes);
            Assert.Contains("the accept queue holds 1 connections, more than the backlog of 0", bytes);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task UntilAsync(string command, string text)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!(await CommandRun.OfAsync($"{command} --stack captured")).Out.Contains(text, StringComparison.Ordinal))
        {
            await Task.Delay(20, limit.Token);
        }
    }
}
