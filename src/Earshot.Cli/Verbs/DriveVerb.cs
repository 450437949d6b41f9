using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Control;
using Earshot.Cli.Driving;
using Earshot.Cli.Running;
using Earshot.Core;
using Earshot.Core.Profiles;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot drive</c>: one stack on a TUN device, driven over stdin and stdout by any language.</summary>
internal static class DriveVerb
{
    private const string Description =
        "Drive a stack on a TUN device over stdin and stdout: one command a line in, one JSON object a line out; "
        + "stdin's end closes it. docs/drive.md has the commands.";

    internal static Command Create(Terminal terminal)
    {
        var tun = new Option<string>("--tun")
        {
            HelpName = "DEV",
            Required = true,
            Description = "The TUN device. One that exists is used and left as it is; else it is made (root).",
        };
        var address = new Option<InterfaceAddress[]>("--address")
        {
            HelpName = "A/LEN",
            Arity = ArgumentArity.OneOrMore,
            Description =
                "The stack's own address on the device, as 10.0.0.2/24 or fd00::2/64; can be given several times. "
                + "Left out, it is the one after the kernel's first on the device (10.0.0.1/24 gives 10.0.0.2/24), "
                + $"of either version, or {string.Join(" and ", KernelSide.Fallback)} when the kernel has none.",
            CustomParser = ReadAddresses,
        };
        Option<KernelProfile> profile = Arguments.Profile();
        Option<ulong?> seed = Arguments.Seed(
            "The seed of all that the stack draws by chance; else the system draws it.");
        var name = new Option<string?>("--name")
        {
            HelpName = "NAME",
            Description = "A name by which the commands in other terminals find the stack (--stack); else they do not.",
        };
        name.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !ControlFolder.IsName(result.Tokens[^1].Value))
            {
                result.AddError($"'{result.Tokens[^1].Value}' cannot be a stack's name");
            }
        });
        Option<string?> events = EventsOption.Create();
        var command = new Command("drive", Description) { tun, address, profile, seed, name, events };
        command.SetAction((parsed, cancellation) =>
        {
            string device = parsed.GetRequiredValue(tun);
            IReadOnlyList<InterfaceAddress> own =
                parsed.GetValue(address) is { Length: > 0 } given ? given : KernelSide.NeighborsOn(device);
            return RunAsync(
                new DrivenStackOptions(
                    device, own, parsed.GetRequiredValue(profile), parsed.GetValue(seed), parsed.GetValue(name),
                    parsed.GetValue(events)),
                terminal,
                cancellation);
        });
        return command;
    }

    private static InterfaceAddress[] ReadAddresses(ArgumentResult result)
    {
        var addresses = new List<InterfaceAddress>();
        foreach (Token token in result.Tokens)
        {
            try
            {
                addresses.Add(InterfaceAddress.Parse(token.Value));
            }
            catch (FormatException)
            {
                result.AddError(
                    $"--address is '{token.Value}', not an address with its prefix's length, such as 10.0.0.2/24");
            }
        }

        return [.. addresses];
    }

    private static async Task<int> RunAsync(
        DrivenStackOptions options, Terminal terminal, CancellationToken cancellation)
    {
        using var end = new EndSignal(cancellation);
        await using DrivenStack stack = await DrivenStack.StartAsync(options, terminal).ConfigureAwait(false);
        var input = new DriveInput(Console.OpenStandardInput());
        Task loop = new DriveLoop(stack.Driver, input, terminal.Out).RunAsync(end.Token);
        try
        {
            return await stack.WaitAsync(loop, terminal).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (end.Token.IsCancellationRequested)
        {
            // Ctrl-C and SIGTERM end it as stdin's end does.
            return ExitCode.Fine;
        }
    }
}
