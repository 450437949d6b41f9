using System;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core;
using Earshot.Links;

namespace Earshot.Sockets;

/// <summary>A TCP/IP stack that runs: a <see cref="NetworkStack"/>, a link, and the thread that pumps them.</summary>
/// <remarks>
/// A rule of the stack's own that turns out broken stops this stack only: its sockets end with ConnectionAborted and
/// <see cref="Failure"/> tells why.
/// </remarks>
public sealed class EarshotStack : IDisposable, IAsyncDisposable
{
    private EarshotStack(StackPump pump, DateTimeOffset clockZero)
    {
        Pump = pump;
        ClockZero = clockZero;
    }

    /// <summary>What broke the stack; null while it runs and after it was disposed in good health.</summary>
    public Exception? Failure => Pump.Failure;

    /// <summary>Ends, always well, when the stack has ended: disposed or broken (see <see cref="Failure"/>).</summary>
    public Task Completion => Pump.Completion;

    /// <summary>
    /// What a wall clock showed at the zero of the stack's own clock, for those who put dates on its times.
    /// </summary>
    public DateTimeOffset ClockZero { get; }

    internal StackPump Pump { get; }

    /// <summary>Makes a stack and starts it.</summary>
    /// <param name="options">
    /// What the stack is made from. With a link it has one interface beside loopback, whose MTU and offloads the link
    /// has to offer.
    /// </param>
    /// <param name="link">The device behind that interface, which the stack owns from now on; null for a host without
    /// one, which reaches its own addresses only.</param>
    /// <exception cref="ArgumentException">
    /// The options do not fit the link, or one of them is out of its range.
    /// </exception>
    public static EarshotStack Start(StackOptions options, ILink? link = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (link is not null)
        {
            CheckFit(options, link);
        }

        DateTimeOffset clockZero = DateTimeOffset.UtcNow;
        if (options.TimeOfDay == TimeSpan.Zero)
        {
            options = options with { TimeOfDay = clockZero.TimeOfDay };
        }

        var pump = new StackPump(options, link ?? NoDevice());
        pump.Start();
        return new EarshotStack(pump, clockZero);
    }

    /// <summary>
    /// Listens: socket, SO_REUSEADDR (as .NET's own sockets set it on Linux), bind and listen in one.
    /// </summary>
    /// <param name="local">Where; port 0 picks one.</param>
    /// <param name="backlog">As of listen(): what is more than net.core.somaxconn, or negative, counts as that.</param>
    /// <exception cref="SocketException">AddressAlreadyInUse, AddressNotAvailable …</exception>
    public EarshotListener Listen(IPEndPoint local, int backlog = int.MaxValue) =>
        Listen(local, new EarshotListenerOptions { Backlog = backlog });

    /// <summary>Listens, with options set before bind().</summary>
    /// <param name="local">Where; port 0 picks one; on [::] IPv4 clients are served too.</param>
    /// <param name="options">The options.</param>
    /// <exception cref="SocketException">AddressAlreadyInUse, AddressNotAvailable, AccessDenied …</exception>
    public EarshotListener Listen(IPEndPoint local, EarshotListenerOptions options) =>
        Pump.Invoke(EarshotListener.Maker(Pump, local, options));

    /// <inheritdoc cref="Listen(IPEndPoint, int)"/>
    public Task<EarshotListener> ListenAsync(IPEndPoint local, int backlog = int.MaxValue) =>
        ListenAsync(local, new EarshotListenerOptions { Backlog = backlog });

    /// <inheritdoc cref="Listen(IPEndPoint, EarshotListenerOptions)"/>
    public Task<EarshotListener> ListenAsync(IPEndPoint local, EarshotListenerOptions options) =>
        Pump.InvokeAsync(EarshotListener.Maker(Pump, local, options));

    /// <summary>Connects a new socket.</summary>
    /// <param name="remote">Where to; 0.0.0.0 and :: are this host, as on Linux.</param>
    /// <param name="cancellationToken">Gives the attempt up.</param>
    /// <exception cref="SocketException">ConnectionRefused, TimedOut, NetworkUnreachable, HostUnreachable …</exception>
    public async ValueTask<EarshotSocket> ConnectAsync(IPEndPoint remote, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(remote);
        var socket = new EarshotSocket(Pump, new PumpSocket(Pump, family: remote.AddressFamily));
        try
        {
            await socket.ConnectAsync(remote, cancellationToken).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Makes an IPv4 TCP socket that is neither bound nor connected.</summary>
    /// <exception cref="SocketException">TooManyOpenSockets.</exception>
    public EarshotSocket CreateSocket() => CreateSocket(AddressFamily.InterNetwork);

    /// <summary>Makes a TCP socket that is neither bound nor connected.</summary>
    /// <param name="family">InterNetwork, or InterNetworkV6, which serves IPv4 too.</param>
    /// <exception cref="SocketException">TooManyOpenSockets.</exception>
    public EarshotSocket CreateSocket(AddressFamily family)
    {
        var socket = new EarshotSocket(Pump, new PumpSocket(Pump, family: family));
        socket.Open();
        return socket;
    }

    /// <summary>
    /// Runs a function on the stack's own thread, between two turns: for views, counters, sysctls and the ledger.
    /// </summary>
    /// <param name="function">The function: short, and without keeping the stack.</param>
    /// <typeparam name="T">What it returns.</typeparam>
    /// <returns>What it returned; or what it threw, or an error when the stack has ended.</returns>
    public Task<T> InvokeAsync<T>(Func<NetworkStack, T> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        return Pump.InvokeAsync(function);
    }

    /// <summary>
    /// Waits until a descriptor is ready that a function of <see cref="InvokeAsync"/> made with the stack's own calls.
    /// </summary>
    /// <param name="descriptor">The descriptor, as <see cref="Core.Sockets.SocketCalls.Socket"/> gave it.</param>
    /// <param name="interest">What is waited for; errors and hang-ups are always included.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>What the descriptor is ready for; errors and hang-ups also when it is closed meanwhile.</returns>
    /// <exception cref="SocketException">There is no such descriptor, or the stack ended.</exception>
    public Task<PollMask> WaitAsync(
        int descriptor, PollMask interest, CancellationToken cancellationToken = default) =>
        Pump.WaitAsync(descriptor, interest, cancellationToken);

    /// <summary>Ends the stack: open connections are reset, pending calls end with OperationAborted, later ones throw
    /// <see cref="ObjectDisposedException"/>. Disposes the link. Waits for all that, for at most one second.</summary>
    public void Dispose()
    {
        Pump.Stop();
        Pump.Join();
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync()
    {
        Pump.Stop();
        if (!Pump.IsOnPumpThread)
        {
            await Task.WhenAny(Pump.Completion, Task.Delay(StackPump.StopLimit)).ConfigureAwait(false);
        }
    }

    private static void CheckFit(StackOptions options, ILink link)
    {
        if (options.Interfaces.Count != 1)
        {
            throw new ArgumentException(
                $"A stack on a link has one interface beside loopback, not {options.Interfaces.Count}.",
                nameof(options));
        }

        InterfaceOptions device = options.Interfaces[0];
        if ((device.Ethernet is not null) != link.IsEthernet)
        {
            throw new ArgumentException(
                $"Interface {device.Name}: link {link.Name} carries " +
                (link.IsEthernet ? "Ethernet frames: give the interface EthernetOptions." : "raw IP packets."),
                nameof(options));
        }

        if (device.Mtu > link.Mtu)
        {
            throw new ArgumentException(
                $"Interface {device.Name}: MTU {device.Mtu} is more than the {link.Mtu} of link {link.Name}.",
                nameof(options));
        }

        if (((LinkOffload)device.Offload & ~link.Offload) != 0)
        {
            throw new ArgumentException(
                $"Interface {device.Name}: link {link.Name} offers offload '{link.Offload}', not '{device.Offload}'.",
                nameof(options));
        }
    }

    /// <summary>A link that never has a packet and drops what it is given: somewhere for the pump to sleep.</summary>
    private static MemoryLink NoDevice()
    {
        (MemoryLink end, MemoryLink otherEnd) = MemoryLink.CreatePair(
            mtu: PacketBatch.MaximumPacketLength, capacityPackets: 1);
        otherEnd.Dispose();
        return end;
    }
}
