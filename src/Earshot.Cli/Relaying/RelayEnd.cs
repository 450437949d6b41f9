using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Earshot.Core.Time;
using Earshot.Links;
using Earshot.Simulation;

namespace Earshot.Cli.Relaying;

/// <summary>One device of a relay and the thread that owns it: it judges what the device brings and hands it to the
/// other end; what the other end hands over leaves by the device when its time has come.</summary>
internal sealed class RelayEnd
{
    private readonly ILink _link;
    private readonly RealWire _wire;
    private readonly int _limit;
    private readonly ConcurrentQueue<Held> _inbox = new();
    private readonly PriorityQueue<Held, (long Due, long Order)> _held = new();
    private readonly Thread _thread;
    private readonly PacketDelivery _launch;
    private volatile bool _stopping;
    private long _order;
    private long _now;
    private int _waiting;
    private RelayEnd? _other;

    /// <summary>Makes an end.</summary>
    /// <param name="link">Its device.</param>
    /// <param name="wire">What becomes of the packets that the device brings.</param>
    /// <param name="limit">Packets that may be on the way to this device; more are lost.</param>
    internal RelayEnd(ILink link, RealWire wire, int limit)
    {
        _link = link;
        _wire = wire;
        _limit = limit;
        _launch = Launch;
        _thread = new Thread(Run) { IsBackground = true, Name = $"relay {link.Name}" };
    }

    /// <summary>What its thread threw; null while all is well.</summary>
    internal Exception? Failure { get; private set; }

    /// <summary>Packets that were lost because too many were on the way to this device.</summary>
    internal long OverLimit { get; private set; }

    /// <summary>Packets that left by this device.</summary>
    internal long Delivered { get; private set; }

    /// <summary>What the packets that this device brings go through.</summary>
    internal RealWire Wire => _wire;

    /// <summary>Whether the device was deleted.</summary>
    internal bool IsGone => Running.Device.IsGone(_link);

    /// <summary>Starts both ends.</summary>
    internal static void Start(RelayEnd one, RelayEnd other)
    {
        one._other = other;
        other._other = one;
        one._thread.Start();
        other._thread.Start();
    }

    /// <summary>Ends the thread; packets on the way are lost.</summary>
    internal void Stop()
    {
        _stopping = true;
        _link.Wake();
        _thread.Join();
    }

    private void Run()
    {
        try
        {
            byte[] buffer = new byte[LinkPacketInfo.MaxPacketLength];
            while (!_stopping)
            {
                TakeHandedOver();
                bool blocked = !SendDue(out TimeSpan wait);
                if (!TakeIn(buffer) || blocked)
                {
                    _link.Wait(_inbox.IsEmpty ? wait : TimeSpan.Zero);
                }
            }
        }
        catch (ObjectDisposedException)
        {
            // The device was closed: the relay ends.
        }
        catch (Exception e)
        {
            Failure = e;
        }
    }

    private void TakeHandedOver()
    {
        while (_inbox.TryDequeue(out Held held))
        {
            _held.Enqueue(held, (held.Due, _order++));
        }
    }

    // Sends what is due; false when the device is full. The time until the next is rounded down: the last turns look
    // again rather than oversleep.
    private bool SendDue(out TimeSpan wait)
    {
        while (_held.TryPeek(out Held held, out _))
        {
            long now = Stopwatch.GetTimestamp();
            if (held.Due > now)
            {
                wait = Stopwatch.GetElapsedTime(now, held.Due);
                return true;
            }

            if (!_link.TrySend(held.Buffer.AsSpan(0, held.Length), default))
            {
                wait = Timeout.InfiniteTimeSpan;
                return false;
            }

            _held.Dequeue();
            ArrayPool<byte>.Shared.Return(held.Buffer);
            Interlocked.Decrement(ref _waiting);
            Delivered++;
        }

        wait = Timeout.InfiniteTimeSpan;
        return true;
    }

    // Takes what the device brings, some of it at a time; true when there may be more.
    private bool TakeIn(byte[] buffer)
    {
        const int Most = 64;
        for (int i = 0; i < Most; i++)
        {
            int length = _link.Receive(buffer, out _);
            if (length == 0)
            {
                return false;
            }

            _now = Stopwatch.GetTimestamp();
            var instant = new Instant((long)((Int128)_now * Instant.NanosecondsPerSecond / Stopwatch.Frequency));
            _wire.Carry(buffer.AsSpan(0, length), instant, _launch);
        }

        return true;
    }

    private void Launch(ReadOnlySpan<byte> packet, TimeSpan after)
    {
        RelayEnd other = _other!; // Set before the threads start.
        if (Volatile.Read(ref other._waiting) >= other._limit)
        {
            OverLimit++;
            return;
        }

        Interlocked.Increment(ref other._waiting);
        byte[] copy = ArrayPool<byte>.Shared.Rent(packet.Length);
        packet.CopyTo(copy);
        long due = _now + (long)(after.TotalSeconds * Stopwatch.Frequency);
        other._inbox.Enqueue(new Held(copy, packet.Length, due));
        other._link.Wake();
    }

    private readonly record struct Held(byte[] Buffer, int Length, long Due);
}
