using System;
using System.Collections.Generic;
using System.Diagnostics;
using Earshot.Links;

namespace Earshot.Cli.Driving;

/// <summary>A link that holds back every packet sent for a while, in order.</summary>
/// <remarks>
/// The packets wait here and leave on the pump's own turns. A packet never overtakes one that was sent before it, also
/// when the delay was made shorter meanwhile. What is more than <see cref="HeldLimit"/> the link refuses, as a full
/// one.
/// </remarks>
internal sealed class DelayLink(ILink link) : ILink
{
    /// <summary>Packets that may be held at a time.</summary>
    internal const int HeldLimit = 8192;

    private readonly Queue<Held> _held = new();
    private TimeSpan _delay;
    private long _lastDue;
    private bool _refused;

    /// <inheritdoc/>
    public string Name => link.Name;

    /// <inheritdoc/>
    public int Mtu => link.Mtu;

    /// <inheritdoc/>
    public bool IsEthernet => link.IsEthernet;

    /// <inheritdoc/>
    public LinkOffload Offload => link.Offload;

    /// <inheritdoc/>
    public long ReceiveOversized => link.ReceiveOversized;

    /// <inheritdoc/>
    public long SendDropped => link.SendDropped;

    /// <inheritdoc/>
    public long SendCompleted => link.SendCompleted;

    /// <summary>Packets that are held back at this moment.</summary>
    internal int HeldCount => _held.Count;

    /// <summary>Sets how long packets are held that are sent from now on. Belongs to the pump's thread.</summary>
    internal void Hold(TimeSpan delay) => _delay = delay;

    /// <inheritdoc/>
    public int Receive(Span<byte> buffer, out LinkPacketInfo info)
    {
        Release();
        return link.Receive(buffer, out info);
    }

    /// <inheritdoc/>
    public bool TrySend(ReadOnlySpan<byte> packet, in LinkPacketInfo info)
    {
        Release();
        if (_held.Count == 0 && _delay == TimeSpan.Zero)
        {
            return link.TrySend(packet, info);
        }

        if (_held.Count >= HeldLimit)
        {
            _refused = true;
            return false;
        }

        long due = Stopwatch.GetTimestamp() + (long)(_delay.TotalSeconds * Stopwatch.Frequency);
        _lastDue = Math.Max(_lastDue, due);
        _held.Enqueue(new Held(packet.ToArray(), info, _lastDue));
        return true;
    }

    /// <inheritdoc/>
    public bool Wait(TimeSpan timeout)
    {
        bool room = Release();
        if (room || !_held.TryPeek(out Held first))
        {
            return link.Wait(room ? TimeSpan.Zero : timeout) || room;
        }

        // Rounded up, so that the packet is due when the sleep is over. One that is due and still here waits for a
        // link that is full, and that ends the wait by itself.
        TimeSpan left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), first.Due) + TimeSpan.FromTicks(1);
        bool ready = link.Wait(left > TimeSpan.Zero && left < timeout ? left : timeout);
        return Release() || ready;
    }

    /// <inheritdoc/>
    public void Wake() => link.Wake();

    /// <inheritdoc/>
    public void Dispose() => link.Dispose();

    /// <summary>Sends what is due; true when a sender that was refused may try again.</summary>
    private bool Release()
    {
        while (_held.TryPeek(out Held first) && first.Due <= Stopwatch.GetTimestamp()
            && link.TrySend(first.Packet, first.Info))
        {
            _held.Dequeue();
        }

        bool room = _refused && _held.Count <= HeldLimit / 2;
        _refused &= !room;
        return room;
    }

    private readonly record struct Held(byte[] Packet, LinkPacketInfo Info, long Due);
}
