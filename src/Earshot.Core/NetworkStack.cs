using System;
using System.Collections.Generic;
using Earshot.Core.Profiles;
using Earshot.Core.Sockets;
using Earshot.Core.Time;

namespace Earshot.Core;

/// <summary>One host's TCP/IP: packets and the time in, packets and events out. No thread, no clock, no I/O.</summary>
/// <remarks>
/// The order of a turn: <see cref="OnTimer"/>, <see cref="OnPackets"/>, calls on <see cref="Calls"/>, and after each of
/// them <see cref="TryTransmit"/> and <see cref="TryTakeEvent"/> until they say no; then wait until
/// <see cref="NextTimer"/> or the next packet. Linux: struct net.
/// </remarks>
public sealed class NetworkStack : IDisposable
{
    /// <summary>Makes a stack.</summary>
    /// <param name="options">What it is made from.</param>
    /// <param name="now">The moment at which its clock starts.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public NetworkStack(StackOptions options, Instant now)
    {
        Options = options;
        Profile = options.Profile;
        Now = now;
        Sysctls = new Sysctls(options.Profile);
        Mib = new Mib(options.Profile.LacksCounters);
        Ledger = new Ledger(options.Seed);
        Calls = new SocketCalls(this);
    }

    /// <summary>What the stack was made from.</summary>
    public StackOptions Options { get; }

    /// <summary>The kernel that it behaves like.</summary>
    public KernelProfile Profile { get; }

    /// <summary>The moment of the last call that told the time.</summary>
    public Instant Now { get; private set; }

    /// <summary>Its tunables.</summary>
    public Sysctls Sysctls { get; }

    /// <summary>Its counters.</summary>
    public Mib Mib { get; }

    /// <summary>Why everything happened.</summary>
    public Ledger Ledger { get; }

    /// <summary>The socket calls.</summary>
    public SocketCalls Calls { get; }

    /// <summary>Sees every packet; null (the default) costs nothing.</summary>
    public PacketTap? Tap { get; set; }

    /// <summary>When <see cref="OnTimer"/> next has something to do; null: never, unless a packet or a call comes.</summary>
    public Instant? NextTimer => throw new InvalidOperationException("skeleton");

    /// <summary>Takes packets in, all at one moment.</summary>
    /// <param name="batch">The packets; the stack only reads them.</param>
    /// <param name="now">The moment; one before <see cref="Now"/> counts as <see cref="Now"/>.</param>
    public void OnPackets(PacketBatch batch, Instant now) => throw new InvalidOperationException("skeleton");

    /// <summary>Runs every timer that is due, each at its own time, and moves the clock.</summary>
    /// <param name="now">The moment; one before <see cref="Now"/> counts as <see cref="Now"/>.</param>
    public void OnTimer(Instant now) => throw new InvalidOperationException("skeleton");

    /// <summary>Takes the next packet that wants to leave.</summary>
    /// <param name="packet">The packet, valid until the next call into the stack.</param>
    /// <returns>False when there is none.</returns>
    public bool TryTransmit(out OutboundPacket packet) => throw new InvalidOperationException("skeleton");

    /// <summary>Takes the next event.</summary>
    /// <returns>False when there is none.</returns>
    public bool TryTakeEvent(out StackEvent stackEvent) => throw new InvalidOperationException("skeleton");

    /// <summary>Adds every TCP socket, request and TIME_WAIT entry, in the order in which netstat lists them.</summary>
    public void CopySockets(ICollection<SocketRow> rows) => throw new InvalidOperationException("skeleton");

    /// <summary>Adds every listener, the oldest first.</summary>
    public void CopyListeners(ICollection<ListenerRow> rows) => throw new InvalidOperationException("skeleton");

    /// <summary>Checks what must always hold: counts in queues, sequence spaces, timers, slabs.</summary>
    /// <exception cref="InvariantException">Something does not hold.</exception>
    public void CheckInvariants() => throw new InvalidOperationException("skeleton");

    /// <summary>Frees everything; sends nothing.</summary>
    public void Dispose()
    {
    }
}
