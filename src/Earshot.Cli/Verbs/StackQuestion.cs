using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Control;

namespace Earshot.Cli.Verbs;

/// <summary>A verb that asks a stack that is up one thing and prints the answer.</summary>
internal static class StackQuestion
{
    internal static async Task<int> AskAsync(
        ControlRequest request, string stack, Terminal terminal, CancellationToken cancellation)
    {
        await using ControlClient client = await ControlClient.ConnectAsync(stack, cancellation).ConfigureAwait(false);
        await client.AskAsync(request, terminal.Out, cancellation).ConfigureAwait(false);
        await terminal.Out.FlushAsync(cancellation).ConfigureAwait(false);
        return ExitCode.Fine;
    }
}
