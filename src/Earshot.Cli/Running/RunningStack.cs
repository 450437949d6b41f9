using System;
using System.Diagnostics;
using System.Linq;
using System.Security.Cryptography;
using System.Threading.Tasks;
using Earshot.Cli.Control;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Lab.Views;
using Earshot.Links;
using Earshot.Sockets;

namespace Earshot.Cli.Running;

/// <summary>What a stack that stays is made from.</summary>
/// <param name="Name">Its name for other terminals.</param>
/// <param name="Profile">The kernel to behave like.</param>
/// <param name="Seed">Its seed; drawn from the operating system when null.</param>
/// <param name="Device">Its device; null for a host with loopback only.</param>
/// <param name="CapturePath">A file for every packet; null for none.</param>
/// <param name="CaptureLimit">Bytes after which the capture goes on in the next file; 0: it is one file.</param>
/// <param name="EventsPath">A file for every change of state; null for none.</param>
internal sealed record RunningStackOptions(
    string Name, KernelProfile Profile, ulong? Seed = null, Device? Device = null, string? CapturePath = null,
    long CaptureLimit = 0, string? EventsPath = null);

/// <summary>A stack that stays in the foreground: its device, its pump, its control socket and its capture.</summary>
internal sealed class RunningStack : IAsyncDisposable
{
    private static readonly TimeSpan DeviceLook = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CheckAgain = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestCheck = TimeSpan.FromSeconds(5);

    private readonly Terminal _terminal;
    private readonly ILink? _link;
    private readonly NetworkStack _core;
    private readonly Capture? _capture;
    private readonly StateLog? _events;
    private readonly ControlServer _control;

    private RunningStack(
        Terminal terminal,
        ILink? link,
        EarshotStack stack,
        NetworkStack core,
        Capture? capture,
        StateLog? events,
        ControlServer control)
    {
        _terminal = terminal;
        _link = link;
        Stack = stack;
        _core = core;
        _capture = capture;
        _events = events;
        _control = control;
    }

    /// <summary>The stack.</summary>
    internal EarshotStack Stack { get; }

    /// <summary>Starts everything.</summary>
    /// <exception cref="CommandException">The name is taken, or a file or address cannot be used.</exception>
    /// <exception cref="LinkException">The device cannot be had.</exception>
    internal static async Task<RunningStack> StartAsync(RunningStackOptions options, Terminal terminal)
    {
        CaptureFiles? files = options.CapturePath is { } path ? CaptureFiles.Create(path, options.CaptureLimit) : null;
        StateLog? events = EventsOption.Open(options.EventsPath, terminal.Say);
        ILink? link = null;
        EarshotStack? stack = null;
        Capture? capture = null;
        try
        {
            link = options.Device?.Open();
            stack = EarshotStack.Start(StackOptions(options, link), link);

            // Kept for one purpose: to show the state of a stack that has broken.
            NetworkStack core = await stack.InvokeAsync(s => s).ConfigureAwait(false);
            if (files is not null)
            {
                capture = new Capture(files, core, stack.ClockZero, link?.Name ?? "none", terminal.Say);
                await stack.InvokeAsync(s => s.Tap = capture.OnPacket).ConfigureAwait(false);
            }

            if (events is not null)
            {
                await stack.InvokeAsync(s => s.Observer = events.OnChange).ConfigureAwait(false);
            }

            await AwaitAddressesAsync(stack).ConfigureAwait(false);
            ControlServer control = ControlServer.Open(options.Name, new StackService(stack).HandleAsync);
            Tell(options, link, terminal);
            return new RunningStack(terminal, link, stack, core, capture, events, control);
        }
        catch
        {
            if (stack is not null)
            {
                await stack.DisposeAsync().ConfigureAwait(false);
            }
            else
            {
                link?.Dispose();
            }

            capture?.Dispose();
            events?.Dispose();
            files?.Dispose();
            throw;
        }
    }

    // Nobody else has them: what connects before that has no address to come from.
    private static async Task AwaitAddressesAsync(EarshotStack stack)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < LongestCheck
            && await stack.InvokeAsync(static s => s.IsCheckingAddresses).ConfigureAwait(false))
        {
            await Task.Delay(CheckAgain).ConfigureAwait(false);
        }
    }

    /// <summary>Waits until the user wants it to end, or until it cannot go on.</summary>
    /// <returns>The exit code.</returns>
    internal async Task<int> WaitAsync(EndSignal end)
    {
        Task ended = end.WaitAsync();
        while (true)
        {
            Task first = await Task.WhenAny(ended, Stack.Completion, Task.Delay(DeviceLook)).ConfigureAwait(false);
            _events?.Flush();
            if (first == Stack.Completion && Stack.Failure is { } failure)
            {
                return TellFailure(failure);
            }

            if (first == ended || first == Stack.Completion)
            {
                return ExitCode.Fine;
            }

            if (_link is not null && Device.IsGone(_link))
            {
                throw new CommandException(
                    ExitCode.CannotRunHere, $"the device {_link.Name} was deleted: make it again and start again");
            }
        }
    }

    /// <summary>Ends everything, the control socket first; open connections are reset.</summary>
    public async ValueTask DisposeAsync()
    {
        await _control.DisposeAsync().ConfigureAwait(false);
        await Stack.DisposeAsync().ConfigureAwait(false);
        _capture?.Dispose();
        _events?.Dispose();
    }

    private static StackOptions StackOptions(RunningStackOptions options, ILink? link)
    {
        Seed256 seed = options.Seed is { } given ? Chance.Spread(given) : DrawnSeed();
        var made = new StackOptions { Profile = options.Profile, Seed = seed };
        return link is null || options.Device is not { } device
            ? made : made with { Interfaces = [device.Interface(link)], Routes = device.Routes() };
    }

    /// <summary>A seed that the operating system draws.</summary>
    internal static Seed256 DrawnSeed()
    {
        Span<byte> bytes = stackalloc byte[32];
        RandomNumberGenerator.Fill(bytes);
        return new Seed256(
            BitConverter.ToUInt64(bytes), BitConverter.ToUInt64(bytes[8..]), BitConverter.ToUInt64(bytes[16..]),
            BitConverter.ToUInt64(bytes[24..]));
    }

    private static void Tell(RunningStackOptions options, ILink? link, Terminal terminal)
    {
        string where = options.Device is { } device
            ? $" at {string.Join(" and ", device.Addresses.Select(own => own.Address))} on {link!.Name}" : "";
        terminal.Say($"stack '{options.Name}' is up{where} and behaves like {options.Profile.Name}; Ctrl-C ends it");
        if (link is not null && Device.IsMade(link) && options.Device is { Gateways.Count: 0 } bare)
        {
            terminal.Say(
                $"{link.Name} was made without an address for the kernel: set one with 'ip addr add B/"
                + $"{bare.Addresses[0].PrefixLength} dev {link.Name}' and 'ip link set {link.Name} up', "
                + "or start with --gateway B");
        }
    }

    private int TellFailure(Exception failure)
    {
        int code = Failure.Tell(failure, _terminal);
        foreach (string line in StateDump.Lines(_core))
        {
            _terminal.Error.WriteLine(line);
        }

        return code == ExitCode.Fine ? ExitCode.BrokenInvariant : code;
    }
}
