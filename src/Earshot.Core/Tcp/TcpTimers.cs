using System;
using Earshot.Core.Ip;
using Earshot.Core.Memory;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Time;

namespace Earshot.Core.Tcp;

/// <summary>What a timer node is for.</summary>
internal enum TimerKind
{
    /// <summary>A connection's retransmission or zero-window probe.</summary>
    Write,

    /// <summary>A connection's delayed ACK.</summary>
    DelayedAck,

    /// <summary>A connection's keepalive, or the end of FIN_WAIT2 or of lingering.</summary>
    Keepalive,

    /// <summary>A listener's sweep over its requests.</summary>
    Sweep,

    /// <summary>The timer that the requests of all listeners share.</summary>
    SynAckTick,

    /// <summary>The first of the network layer's, which follow in the order of <see cref="NetworkTimer"/>.</summary>
    Network,
}

/// <summary>A timer of something that is not in a slab itself: 20 bytes.</summary>
internal struct TimerNode
{
    internal TimerLink Link;
    internal int Owner;
    internal TimerKind Kind;
}

/// <summary>The timers of TCP: where their links lie, and what happens when they fire.</summary>
internal sealed class TcpTimers : ITimerHost, INetworkTimers, IDisposable
{
    // Connections and listeners have at most three nodes each.
    private const int NodeLimit = 1 << Handle.PlaceBits;
    private readonly StackContext _context;
    private readonly TcpLayer _tcp;
    private readonly Slab<TimerNode> _nodes = new(NodeLimit);

    internal TcpTimers(StackContext context, TcpLayer tcp)
    {
        _context = context;
        _tcp = tcp;
        Wheel = new TimerWheel(context.Profile.TimerWheel == Profiles.TimerWheelKind.Exact, context.Jiffies, this);
    }

    internal TimerWheel Wheel { get; }

    /// <summary>The timers that do not wait for a tick.</summary>
    internal PreciseTimers Precise { get; } = new();

    /// <summary>Runs the next of them.</summary>
    internal void OnPreciseTimer()
    {
        (int owner, PreciseTimerKind kind) = Precise.Take();
        if (kind == PreciseTimerKind.Pacing)
        {
            _tcp.Table.Connection(owner).OnPaceTimer();
        }
        else
        {
            _tcp.Table.Connection(owner).OnCompressedAckTimer();
        }

        _tcp.FinishDeferred();
    }

    /// <inheritdoc/>
    public INetworkTimerOwner? NetworkOwner { get; set; }

    public ref TimerLink Link(int handle)
    {
        switch (Handle.Kind(handle))
        {
            case HandleKind.Request:
                return ref _tcp.Table.Requests[Handle.Place(handle)].Timer;
            case HandleKind.TimeWait:
                return ref _tcp.Table.TimeWaits[Handle.Place(handle)].Timer;
            default:
                return ref _nodes[Handle.Place(handle)].Link;
        }
    }

    public void OnTimer(int handle)
    {
        int place = Handle.Place(handle);
        switch (Handle.Kind(handle))
        {
            case HandleKind.Request:
                _tcp.ListenerAt(_tcp.Table.Requests[place].Listener)!.Rules.Timer.OnTimer(place);
                return;
            case HandleKind.TimeWait:
                _tcp.TimeWait.OnTimer(place);
                return;
        }

        TimerNode node = _nodes[place];
        switch (node.Kind)
        {
            case TimerKind.Write:
                _tcp.Table.Connection(node.Owner).OnWriteTimer();
                break;
            case TimerKind.DelayedAck:
                _tcp.Table.Connection(node.Owner).OnDelayedAckTimer();
                break;
            case TimerKind.Keepalive:
                _tcp.Table.Connection(node.Owner).OnKeepaliveTimer();
                break;
            case TimerKind.SynAckTick:
                _tcp.RulesAt(node.Owner).Timer.OnTick();
                break;
            case >= TimerKind.Network:
                NetworkOwner!.OnTimer((NetworkTimer)(node.Kind - TimerKind.Network), node.Owner);
                break;
            default:
                Listener swept = _tcp.ListenerAt(node.Owner)!;
                swept.Rules.Timer.OnSweep(swept);
                break;
        }

        _tcp.FinishDeferred();
    }

    /// <summary>Makes a node for an owner.</summary>
    internal int NewNode(TimerKind kind, int owner)
    {
        int place = _nodes.Allocate();
        Invariant.Check(place >= 0, "there are timer nodes for every connection");
        ref TimerNode node = ref _nodes[place];
        node.Link = TimerLink.Unarmed;
        node.Kind = kind;
        node.Owner = owner;
        return Handle.Of(HandleKind.TimerNode, place);
    }

    /// <inheritdoc/>
    public int NewNode(NetworkTimer kind, int owner) => NewNode(TimerKind.Network + (int)kind, owner);

    /// <inheritdoc/>
    public void Rearm(int node, long expires)
    {
        Disarm(node);
        Wheel.Arm(node, expires);
    }

    /// <inheritdoc/>
    public void Disarm(int node)
    {
        if (Link(node).IsArmed)
        {
            Wheel.Cancel(node);
        }
    }

    /// <summary>Gives a node back, and cancels it.</summary>
    public void FreeNode(ref int node)
    {
        if (node >= 0)
        {
            Wheel.Cancel(node);
            _nodes.Free(Handle.Place(node));
            node = -1;
        }
    }

    /// <summary>Arms a timer so many jiffies from now; one that runs is moved.</summary>
    internal void Arm(int handle, long jiffies)
    {
        long expires = _context.Jiffies + jiffies;
        ref TimerLink link = ref Link(handle);
        if (link.IsArmed && link.Expires == (uint)expires)
        {
            // Most of what a busy connection arms: it runs for that jiffy already. Linux: mod_timer.
            return;
        }

        Wheel.Cancel(handle);
        Wheel.Arm(handle, expires);
    }

    /// <summary>Stops a timer; one whose node was never made is stopped already.</summary>
    internal void Stop(int handle)
    {
        if (handle >= 0)
        {
            Wheel.Cancel(handle);
        }
    }

    internal bool IsArmed(int handle) => handle >= 0 && Link(handle).IsArmed;

    /// <summary>Whether Linux's timer would run, or be left in its wheel: clearing one takes away its meaning
    /// only.</summary>
    /// <remarks>Linux: inet_csk_clear_xmit_timer. It can be seen in a socket's count of references.</remarks>
    internal bool IsPending(int handle) =>
        handle >= 0 && (Link(handle).IsArmed || (int)(Link(handle).Expires - (uint)_context.Jiffies) > 0);

    /// <summary>Forgets that a timer that is not armed ever ran.</summary>
    internal void Forget(int handle)
    {
        if (handle >= 0)
        {
            Link(handle).Expires = (uint)_context.Jiffies;
        }
    }

    /// <summary>Jiffies until an armed timer asked to fire.</summary>
    internal long Remaining(int handle) => Wheel.Expires(Link(handle)) - _context.Jiffies;

    /// <summary>Bytes of memory that the nodes take.</summary>
    internal long Bytes => _nodes.Bytes;

    /// <inheritdoc/>
    public void Dispose() => _nodes.Dispose();
}
