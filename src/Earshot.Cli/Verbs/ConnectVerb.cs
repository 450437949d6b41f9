using System;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Control;
using Earshot.Core.Wire;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot connect IP PORT COUNT</c>: the article's client, which connects one socket after
/// another.</summary>
internal static class ConnectVerb
{
    internal static Command Create(Terminal terminal)
    {
        Argument<InetAddress> address = Arguments.Address(
            "The address to connect to; localhost is 0.0.0.0, as in the article's program, and reaches this host.");
        Argument<int> port = Arguments.Number("PORT", "The port, 1 to 65535.", 1, ushort.MaxValue);
        Argument<int> count = Arguments.Number("COUNT", "How many sockets connect.", 0, int.MaxValue);
        Option<string> stack = Arguments.Stack();
        var command = new Command(
            "connect",
            "Connect sockets of a stack that is up, each when the one before has returned; stay until Ctrl-C.")
        {
            address, port, count, stack,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            new ControlRequest
            {
                Do = StackService.Connect,
                Address = parsed.GetValue(address).ToString(),
                Port = parsed.GetValue(port),
            },
            parsed.GetValue(count),
            parsed.GetRequiredValue(stack),
            terminal,
            cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        ControlRequest request, int count, string stack, Terminal terminal, CancellationToken cancellation)
    {
        using var end = new EndSignal(cancellation);
        try
        {
            await StayAsync(request, count, stack, terminal, end.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (end.Token.IsCancellationRequested)
        {
            // That is how it is meant to end: the stack closes what was opened over the connection.
        }

        return ExitCode.Fine;
    }

    private static async Task StayAsync(
        ControlRequest request, int count, string stack, Terminal terminal, CancellationToken cancellation)
    {
        await using ControlClient client = await ControlClient.ConnectAsync(stack, cancellation).ConfigureAwait(false);
        for (int i = 1; i <= count; i++)
        {
            ControlReply reply = await client.AskAsync(request, terminal.Out, cancellation).ConfigureAwait(false);
            if (reply.Error is not null)
            {
                // The first is what the article's program prints; which and why goes beside it.
                await terminal.Out.WriteLineAsync("connection failed").ConfigureAwait(false);
                await terminal.Out.FlushAsync(cancellation).ConfigureAwait(false);
                string said = $"connect: client {i}: {reply.Error}";
                if (i == 1 && IsOfAddress(reply.Errno))
                {
                    throw new CommandException(ExitCode.ExperimentFailed, said);
                }

                terminal.Say(said);
            }
        }

        await client.WaitForEndAsync(cancellation).ConfigureAwait(false);
    }

    // Nobody was asked, and no later socket will do better. Of a later one EADDRNOTAVAIL means that the ports are used
    // up, and the sockets before it stay.
    private static bool IsOfAddress(string? errno) => errno is nameof(Core.Errno.EAFNOSUPPORT)
        or nameof(Core.Errno.EADDRNOTAVAIL) or nameof(Core.Errno.ENETUNREACH) or nameof(Core.Errno.EINVAL)
        or nameof(Core.Errno.EACCES);
}
