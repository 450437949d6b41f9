using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using Earshot.Cli.Control;
using Earshot.Cli.Running;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;
using Earshot.Lab.Views;
using Earshot.Links;
using Earshot.Sockets;

namespace Earshot.Cli.Driving;

/// <summary>What a driven stack is made from.</summary>
/// <param name="Device">Its device's name.</param>
/// <param name="Addresses">Its own addresses on the device, at least one.</param>
/// <param name="Profile">The kernel to behave like.</param>
/// <param name="Seed">Its seed; drawn from the operating system when null.</param>
/// <param name="Name">Its name for the commands of other terminals; null for none.</param>
/// <param name="EventsPath">A file for every change of state; null for none.</param>
internal sealed record DrivenStackOptions(
    string Device, IReadOnlyList<InterfaceAddress> Addresses, KernelProfile Profile, ulong? Seed, string? Name,
    string? EventsPath);

/// <summary>A stack on a TUN device for a driver.</summary>
internal sealed class DrivenStack : IAsyncDisposable
{
    private static readonly TimeSpan DeviceLook = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestGoodbye = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan GoodbyeLook = TimeSpan.FromMilliseconds(10);

    private readonly TunLink _device;
    private readonly DelayLink _link;
    private readonly EarshotStack _stack;
    private readonly NetworkStack _core;
    private readonly StateLog? _events;
    private readonly ControlServer? _control;

    private DrivenStack(
        TunLink device, DelayLink link, EarshotStack stack, NetworkStack core, StateLog? events,
        ControlServer? control)
    {
        _device = device;
        _link = link;
        _stack = stack;
        _core = core;
        _events = events;
        _control = control;
        Driver = new Driver(stack, link.Hold);
    }

    /// <summary>What drives it.</summary>
    internal Driver Driver { get; }

    /// <summary>Attaches to the device and starts the stack.</summary>
    /// <exception cref="LinkException">The device cannot be had.</exception>
    /// <exception cref="CommandException">The name is taken, or the device's name cannot be one.</exception>
    internal static async Task<DrivenStack> StartAsync(DrivenStackOptions options, Terminal terminal)
    {
        StateLog? events = EventsOption.Open(options.EventsPath, terminal.Say);
        TunLink? device = null;
        EarshotStack? stack = null;
        try
        {
            device = (TunLink)new Device(options.Device, options.Addresses, [], Offload: false, IsTap: false).Open();
            var link = new DelayLink(device);
            stack = EarshotStack.Start(
                new StackOptions
                {
                    Profile = options.Profile,
                    Seed = options.Seed is { } seed ? Chance.Spread(seed) : RunningStack.DrawnSeed(),
                    Interfaces =
                    [
                        new InterfaceOptions { Name = device.Name, Mtu = device.Mtu, Addresses = options.Addresses },
                    ],
                    Routes =
                    [
                        new RouteOptions(default), new RouteOptions(new InterfaceAddress(InetAddress.IPv6Any, 0)),
                    ],
                },
                link);

            // Kept for one purpose: to show the state of a stack that has broken.
            NetworkStack core = await stack.InvokeAsync(s => s).ConfigureAwait(false);
            if (events is not null)
            {
                await stack.InvokeAsync(s => s.Observer = events.OnChange).ConfigureAwait(false);
            }

            ControlServer? control = options.Name is { } name
                ? ControlServer.Open(name, new StackService(stack).HandleAsync) : null;
            terminal.Say(
                $"driving a stack at {string.Join(" and ", options.Addresses)} on {device.Name} that behaves like "
                + options.Profile.Name);
            if (device.IsMade)
            {
                terminal.Say(
                    $"{device.Name} was made without an address for the kernel: set one with 'ip addr add' and "
                    + $"'ip link set {device.Name} up'");
            }

            return new DrivenStack(device, link, stack, core, events, control);
        }
        catch
        {
            if (stack is not null)
            {
                await stack.DisposeAsync().ConfigureAwait(false);
            }
            else
            {
                device?.Dispose();
            }

            events?.Dispose();
            throw;
        }
    }

    /// <summary>Waits until a task has ended, or until the stack cannot go on.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="CommandException">The device was deleted.</exception>
    internal async Task<int> WaitAsync(Task task, Terminal terminal)
    {
        while (true)
        {
            Task first = await Task.WhenAny(task, _stack.Completion, Task.Delay(DeviceLook)).ConfigureAwait(false);
            _events?.Flush();
            if (_stack.Failure is { } failure)
            {
                return TellFailure(failure, terminal);
            }

            if (first == task)
            {
                await task.ConfigureAwait(false);
                return ExitCode.Fine;
            }

            if (_device.IsGone)
            {
                throw new CommandException(ExitCode.CannotRunHere, $"the device {_device.Name} was deleted");
            }
        }
    }

    /// <summary>Closes the sockets as a program's end does, lets that be heard, and lets go of the device.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_control is not null)
        {
            await _control.DisposeAsync().ConfigureAwait(false);
        }

        try
        {
            await Driver.CloseAllAsync().ConfigureAwait(false);
            long start = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(start) < LongestGoodbye && !_device.IsGone
                && await _stack.InvokeAsync(IsTalking).ConfigureAwait(false))
            {
                await Task.Delay(GoodbyeLook).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or System.Net.Sockets.SocketException
            or InvariantException)
        {
            // The stack's end came first, and was its sockets' end too.
        }

        await _stack.DisposeAsync().ConfigureAwait(false);
        _events?.Dispose();
    }

    private bool IsTalking(NetworkStack stack) => _link.HeldCount > 0 || stack.TransmitQueueLength > 0
        || StackTexts.Rows(stack).Any(row => row.State != TcpState.TimeWait);

    private int TellFailure(Exception failure, Terminal terminal)
    {
        int code = Failure.Tell(failure, terminal);
        foreach (string line in StateDump.Lines(_core))
        {
            terminal.Error.WriteLine(line);
        }

        return code == ExitCode.Fine ? ExitCode.BrokenInvariant : code;
    }
}
