using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Running;
using Earshot.Core.Profiles;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot up</c>: a stack that stays until Ctrl-C, for the commands of other terminals.</summary>
internal static class UpVerb
{
    internal static Command Create(Terminal terminal)
    {
        Option<KernelProfile> profile = Arguments.Profile();
        Option<string> name = Arguments.Name();
        Option<ulong?> seed = Arguments.Seed(
            "The seed of all that the stack draws by chance; else the system draws it.");
        Option<string?> events = EventsOption.Create();
        var device = new DeviceOptions();
        var command = new Command("up", "Start a stack that stays until Ctrl-C, for the commands of other terminals.")
        {
            profile, name, seed, events,
        };
        device.AddTo(command, isRequired: false);
        command.SetAction((parsed, cancellation) => RunAsync(
            new RunningStackOptions(
                parsed.GetRequiredValue(name), parsed.GetRequiredValue(profile), parsed.GetValue(seed),
                device.Read(parsed, offload: true), EventsPath: parsed.GetValue(events)),
            terminal,
            cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        RunningStackOptions options, Terminal terminal, CancellationToken cancellation)
    {
        using var end = new EndSignal(cancellation);
        await using RunningStack stack = await RunningStack.StartAsync(options, terminal).ConfigureAwait(false);
        return await stack.WaitAsync(end).ConfigureAwait(false);
    }
}
