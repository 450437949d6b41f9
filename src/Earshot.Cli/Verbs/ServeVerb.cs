using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Running;
using Earshot.Cli.Serving;
using Earshot.Core.Profiles;
using Microsoft.AspNetCore.Builder;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot serve</c>: a web server on a stack of its own, which the host's curl reaches through a TUN
/// device.</summary>
internal static class ServeVerb
{
    internal static Command Create(Terminal terminal)
    {
        Option<int?> port = Arguments.NumberOption(
            "--port", "N", "The port to serve on, 1 to 65535.", 1, ushort.MaxValue);
        port.Required = true;
        var root = new Option<string?>("--root")
        {
            HelpName = "DIR",
            Description = "Serve the files below this folder.",
        };
        var offload = new Option<string>("--offload")
        {
            HelpName = "on|off",
            Description = "Whether checksums and segmentation are left to the kernel.",
            DefaultValueFactory = _ => "on",
        };
        offload.AcceptOnlyFromAmong("on", "off");
        var capture = new Option<string?>("--pcap")
        {
            HelpName = "FILE",
            Description = "Write every packet to a capture (pcapng), each with its verdict as its comment.",
        };
        Option<string?> events = EventsOption.Create();
        Option<KernelProfile> profile = Arguments.Profile();
        Option<string> name = Arguments.Name();
        var device = new DeviceOptions();
        var command = new Command(
            "serve", "Serve files, and a status page at /, over HTTP from a stack on a TUN device (root).");
        device.AddTo(command, isRequired: true);
        command.Add(port);
        command.Add(root);
        command.Add(offload);
        command.Add(capture);
        command.Add(events);
        command.Add(profile);
        command.Add(name);
        command.SetAction((parsed, cancellation) => RunAsync(
            new RunningStackOptions(
                parsed.GetRequiredValue(name),
                parsed.GetRequiredValue(profile),
                Device: device.Read(parsed, parsed.GetRequiredValue(offload) == "on"),
                CapturePath: parsed.GetValue(capture),
                EventsPath: parsed.GetValue(events)),
            parsed.GetValue(port) ?? 0,
            parsed.GetValue(root),
            terminal,
            cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        RunningStackOptions options, int port, string? root, Terminal terminal, CancellationToken cancellation)
    {
        using var end = new EndSignal(cancellation);
        using RootedFiles? files = root is null ? null : new RootedFiles(root);
        await using RunningStack stack = await RunningStack.StartAsync(options, terminal).ConfigureAwait(false);
        await using WebApplication server = await WebServer.StartAsync(stack.Stack, port, files).ConfigureAwait(false);
        terminal.Say($"serving http://{options.Device?.Address.Address}:{port}/");
        int code = await stack.WaitAsync(end).ConfigureAwait(false);
        if (code == ExitCode.Fine)
        {
            using var soon = new CancellationTokenSource(System.TimeSpan.FromSeconds(2));
            await server.StopAsync(soon.Token).ConfigureAwait(false);
        }

        return code;
    }
}
