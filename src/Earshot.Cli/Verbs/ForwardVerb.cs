using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Forwarding;
using Earshot.Cli.Running;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot forward</c>: ports of a stack on a device lead to servers of the host's network, and ports of
/// the host through the stack to servers beyond the device.</summary>
internal static class ForwardVerb
{
    private const string Form = "[ADDRESS:]PORT:ADDRESS:PORT";

    internal static Command Create(Terminal terminal)
    {
        Option<ForwardRule[]> inward = Rules(
            "--in", "Connections to PORT of the stack go to ADDRESS:PORT through the host's own kernel, as ssh -L has "
                + "it; IPv6 addresses in brackets. Can be given several times.");
        Option<ForwardRule[]> outward = Rules(
            "--out", "Connections to PORT of the host (127.0.0.1) go to ADDRESS:PORT through the stack. Can be given "
                + "several times.");
        Option<int?> keepAlive = Arguments.NumberOption(
            "--keepalive", "SECONDS", "Probe the stack's connections after so many seconds of silence.", 1, 32767);
        var stack = new StackArguments();
        var command = new Command(
            "forward", "Forward TCP connections between a stack on a TUN or TAP device and the host (root).")
        {
            inward, outward, keepAlive,
        };
        stack.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(inward) is null && result.GetResult(outward) is null)
            {
                result.AddError("say what to forward: --in PORT:ADDRESS:PORT or --out PORT:ADDRESS:PORT");
            }
        });
        command.SetAction((parsed, cancellation) => RunAsync(
            stack.Read(parsed), parsed.GetValue(inward) ?? [], parsed.GetValue(outward) ?? [],
            parsed.GetValue(keepAlive), terminal, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        RunningStackOptions options, ForwardRule[] inward, ForwardRule[] outward, int? keepAlive,
        Terminal terminal, CancellationToken cancellation)
    {
        using var end = new EndSignal(cancellation);
        await using RunningStack stack = await RunningStack.StartAsync(options, terminal).ConfigureAwait(false);
        await using var forwarder = new Forwarder(stack.Stack, keepAlive is not null);
        bool hasIPv6 = options.Device!.Addresses.Any(own => !own.Address.IsIPv4); // The option is required.
        if (keepAlive is { } seconds)
        {
            string text = seconds.ToString(CultureInfo.InvariantCulture);
            await stack.Stack.InvokeAsync(s => s.Sysctls.Set("net.ipv4.tcp_keepalive_time", text)
                + s.Sysctls.Set("net.ipv4.tcp_keepalive_intvl", text)).ConfigureAwait(false);
        }

        try
        {
            foreach (ForwardRule rule in inward)
            {
                await forwarder.AddInwardAsync(rule, hasIPv6).ConfigureAwait(false);
                terminal.Say($"port {rule.Port} of the stack leads to {rule.Target}");
            }

            foreach (ForwardRule rule in outward)
            {
                forwarder.AddOutward(rule);
                terminal.Say($"port {rule.Port} of the host leads through the stack to {rule.Target}");
            }
        }
        catch (SocketException e)
        {
            throw new CommandException(ExitCode.CannotRunHere, $"forward: cannot listen: {e.Message}");
        }

        return await stack.WaitAsync(end).ConfigureAwait(false);
    }

    private static Option<ForwardRule[]> Rules(string name, string description) => new(name)
    {
        HelpName = Form,
        Description = description,
        CustomParser = result =>
        {
            var rules = new List<ForwardRule>();
            foreach (string text in result.Tokens.Select(token => token.Value))
            {
                if (ForwardRule.Parse(text) is { } rule)
                {
                    rules.Add(rule);
                }
                else
                {
                    result.AddError(
                        $"{name} is '{text}', not {Form} with IP addresses, such as 5201:127.0.0.1:5201");
                }
            }

            return [.. rules];
        },
    };
}
