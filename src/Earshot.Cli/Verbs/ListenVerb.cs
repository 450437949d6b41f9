using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Control;
using Earshot.Core.Wire;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot listen IP PORT BACKLOG</c>: the article's server, which listens and never accepts.</summary>
internal static class ListenVerb
{
    internal static Command Create(Terminal terminal)
    {
        Argument<InetAddress> address = Arguments.Address(
            "The address to listen on; localhost is 0.0.0.0, every address.");
        Argument<int> port = Arguments.Number("PORT", "The port, 0 to 65535.", 0, ushort.MaxValue);
        Argument<int> backlog = Arguments.Number(
            "BACKLOG", "listen()'s second argument; negative counts as the largest.", int.MinValue, int.MaxValue);
        Option<string> stack = Arguments.Stack();
        var command = new Command("listen", "Listen on a stack that is up, never accept, and stay until Ctrl-C.")
        {
            address, port, backlog, stack,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            new ControlRequest
            {
                Do = StackService.Listen,
                Address = parsed.GetValue(address).ToString(),
                Port = parsed.GetValue(port),
                Backlog = parsed.GetValue(backlog),
            },
            parsed.GetRequiredValue(stack),
            terminal,
            cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        ControlRequest request, string stack, Terminal terminal, CancellationToken cancellation)
    {
        using var end = new EndSignal(cancellation);
        try
        {
            await StayAsync(request, stack, terminal, end.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (end.Token.IsCancellationRequested)
        {
            // That is how it is meant to end: the stack closes what was opened over the connection.
        }

        return ExitCode.Fine;
    }

    private static async Task StayAsync(
        ControlRequest request, string stack, Terminal terminal, CancellationToken cancellation)
    {
        await using ControlClient client = await ControlClient.ConnectAsync(stack, cancellation).ConfigureAwait(false);
        ControlReply reply = await client.AskAsync(request, terminal.Out, cancellation).ConfigureAwait(false);
        if (reply.Error is not null)
        {
            throw new CommandException(ExitCode.ExperimentFailed, $"listen: {reply.Error}{Advice(reply.Errno)}");
        }

        await client.WaitForEndAsync(cancellation).ConfigureAwait(false);
    }

    private static string Advice(string? errno) => errno switch
    {
        nameof(Core.Errno.EADDRINUSE) =>
            ": the port is in use there ('earshot netstat -nat' shows by whom); choose another",
        nameof(Core.Errno.EADDRNOTAVAIL) => ": the stack has no such address; 127.0.0.1 and 0.0.0.0 always work",
        _ => "",
    };
}
