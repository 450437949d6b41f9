using System.CommandLine;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Running;
using Earshot.Cli.Serving;
using Earshot.Core.Wire;
using Microsoft.AspNetCore.Builder;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot serve</c>: a web server on a stack of its own, which the host's curl reaches through a TUN
/// or TAP device.</summary>
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
        var stack = new StackArguments();
        var command = new Command(
            "serve", "Serve files, and a status page at /, over HTTP from a stack on a TUN or TAP device (root).")
        {
            port, root,
        };
        stack.AddTo(command);
        command.SetAction((parsed, cancellation) => RunAsync(
            stack.Read(parsed), parsed.GetValue(port) ?? 0, parsed.GetValue(root), terminal, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        RunningStackOptions options, int port, string? root, Terminal terminal, CancellationToken cancellation)
    {
        using var end = new EndSignal(cancellation);
        using RootedFiles? files = root is null ? null : new RootedFiles(root);
        await using RunningStack stack = await RunningStack.StartAsync(options, terminal).ConfigureAwait(false);
        InetAddress address = options.Device!.Addresses[0].Address; // The option is required.
        bool isIPv6 = options.Device.Addresses.Any(own => !own.Address.IsIPv4);
        await using WebApplication server = await WebServer.StartAsync(
            stack.Stack, new IPEndPoint(isIPv6 ? IPAddress.IPv6Any : IPAddress.Any, port), files).ConfigureAwait(false);
        terminal.Say($"serving http://{(address.IsIPv4 ? $"{address}" : $"[{address}]")}:{port}/");
        int code = await stack.WaitAsync(end).ConfigureAwait(false);
        if (code == ExitCode.Fine)
        {
            using var soon = new CancellationTokenSource(System.TimeSpan.FromSeconds(2));
            await server.StopAsync(soon.Token).ConfigureAwait(false);
        }

        return code;
    }
}
