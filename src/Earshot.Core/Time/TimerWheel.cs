using System;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Earshot.Core.Time;

/// <summary>A timer's place in a wheel; it lies inside the entry that it belongs to.</summary>
internal struct TimerLink
{
    internal const int NotArmed = int.MinValue;
    internal const int None = -1;

    /// <summary>The next timer's handle, or a negative number that names the slot when this is the last.</summary>
    internal int Next;

    /// <summary>The timer before it, the complement of its slot when it is the first, or
    /// <see cref="NotArmed"/>.</summary>
    internal int Prev;

    /// <summary>The jiffy asked for, modulo 2^32.</summary>
    internal uint Expires;

    /// <summary>A link that is in no wheel.</summary>
    internal static TimerLink Unarmed => new() { Next = None, Prev = NotArmed };

    /// <summary>Whether it is in a wheel.</summary>
    internal readonly bool IsArmed => Prev != NotArmed;
}

/// <summary>Where a wheel's timers live and what happens when they fire.</summary>
internal interface ITimerHost
{
    /// <summary>The link of a timer.</summary>
    ref TimerLink Link(int handle);

    /// <summary>A timer has fired; it is no longer armed.</summary>
    void OnTimer(int handle);
}

/// <summary>Linux's timer wheels, in jiffies: timers are links inside entries, arming and removing take constant
/// time.</summary>
/// <remarks>
/// Levels (since 4.8): nine levels of 64 slots, each eight times coarser than the one before. A timer never moves: it
/// fires when its slot comes round, rounded up by the level's granularity, the newest of a slot first.
/// Exact (before): 256 slots of one jiffy and four levels of 64 that are spread over the finer level when their turn
/// comes; a timer fires at its jiffy, the oldest of a slot first.
/// </remarks>
internal sealed class TimerWheel
{
    private const int CoarseSlots = 64;
    private readonly bool _exact;
    private readonly Level[] _levels;
    private readonly int[] _heads;
    private readonly int[] _tails;
    private readonly ulong[] _bitmap;
    private readonly int _runningSlot;
    private readonly ITimerHost _host;
    private long _clock;

    // Whether nothing has run in the jiffy before the clock: an idle wheel of Linux stands at the present jiffy, one
    // that has just run stands behind it, and what is far off is rounded from there.
    private bool _idle = true;

    // No timer fires before this jiffy, and no slot cascades; it may lie before the first that does.
    private long _earliest = long.MaxValue;

    internal TimerWheel(bool exact, long jiffies, ITimerHost host)
    {
        _exact = exact;
        _host = host;
        _clock = jiffies + 1;
        _levels = exact
            ? [new(0, 256, 0), new(256, 64, 8), new(320, 64, 14), new(384, 64, 20), new(448, 64, 26)]
            : MakeLevels();
        int slots = _levels[^1].Offset + CoarseSlots;
        _runningSlot = slots;
        _heads = new int[slots + _levels.Length];
        _tails = new int[slots + _levels.Length];
        _heads.AsSpan().Fill(TimerLink.None);
        _tails.AsSpan().Fill(TimerLink.None);
        _bitmap = new ulong[(slots / 64) + 1];
    }

    /// <summary>Timers that are armed.</summary>
    internal int Count { get; private set; }

    /// <summary>Arms a timer that is not armed.</summary>
    /// <param name="handle">The timer.</param>
    /// <param name="expires">The jiffy at which it should fire.</param>
    internal void Arm(int handle, long expires)
    {
        ref TimerLink link = ref _host.Link(handle);
        Invariant.Check(!link.IsArmed, "a timer is armed once");
        link.Expires = (uint)expires;
        Insert(handle, ref link, SlotFor(expires));
        Count++;
        _earliest = Math.Min(_earliest, _exact ? _clock : Math.Max(expires, _clock));
    }

    /// <summary>Whether the wheel may have something to do by a jiffy; false is certain.</summary>
    internal bool MayBeDue(long jiffy) => _earliest <= jiffy && Count > 0;

    /// <summary>Removes a timer if it is armed.</summary>
    internal void Cancel(int handle)
    {
        ref TimerLink link = ref _host.Link(handle);
        if (link.IsArmed)
        {
            Unlink(ref link);
            Count--;
        }
    }

    /// <summary>The jiffy that an armed timer asked for.</summary>
    internal long Expires(in TimerLink link) => _clock + (int)(link.Expires - (uint)_clock);

    /// <summary>The next jiffy at which the wheel has something to do.</summary>
    /// <returns>False when no timer is armed.</returns>
    internal bool TryNext(out long jiffy)
    {
        jiffy = long.MaxValue;
        if (Count == 0)
        {
            _earliest = long.MaxValue;
            return false;
        }

        foreach (Level level in _levels)
        {
            long position = (_clock + (1L << level.Shift) - 1) >> level.Shift;
            int distance = Distance(level, (int)position & (level.Slots - 1));
            if (distance >= 0)
            {
                jiffy = Math.Min(jiffy, (position + distance) << level.Shift);
            }
        }

        _earliest = jiffy;
        return true;
    }

    /// <summary>Runs every timer of a jiffy, and moves the wheel behind it.</summary>
    /// <param name="jiffy">The jiffy that <see cref="TryNext"/> gave, or any earlier one that is not over.</param>
    internal void Run(long jiffy)
    {
        _clock = jiffy;
        if (_exact)
        {
            for (int i = _levels.Length - 1; i > 0; i--)
            {
                if ((jiffy & ((1L << _levels[i].Shift) - 1)) == 0)
                {
                    Cascade(Slot(_levels[i], jiffy));
                }
            }
        }

        // A timer that fires may arm others a whole turn on, in a slot of this jiffy: all slots are emptied before.
        _clock = jiffy + 1;
        _idle = false;
        int due = _exact ? 1 : _levels.Length;
        for (int i = 0; i < due; i++)
        {
            if ((jiffy & ((1L << _levels[i].Shift) - 1)) == 0)
            {
                MoveToRun(Slot(_levels[i], jiffy), _runningSlot + i);
            }
        }

        for (int i = due - 1; i >= 0; i--)
        {
            RunSlot(_runningSlot + i);
        }
    }

    /// <summary>Moves the wheel to a jiffy before which nothing is due.</summary>
    internal void Skip(long jiffy)
    {
        // An exact wheel must not pass a cascade; TryNext names those as well.
        if (jiffy >= _clock)
        {
            _clock = jiffy + 1;
            _idle = true;
        }
    }

    private static Level[] MakeLevels()
    {
        const int Count = 9;
        var levels = new Level[Count];
        for (int i = 0; i < Count; i++)
        {
            levels[i] = new Level(i * CoarseSlots, CoarseSlots, 3 * i);
        }

        return levels;
    }

    private static int Slot(Level level, long jiffy) =>
        level.Offset + ((int)(jiffy >> level.Shift) & (level.Slots - 1));

    private int SlotFor(long expires)
    {
        long delta = expires - _clock;
        if (delta < 0)
        {
            // Late already: the very next jiffy.
            return Slot(_levels[0], _clock);
        }

        if (_exact)
        {
            foreach (Level level in _levels)
            {
                if (delta < (long)level.Slots << level.Shift)
                {
                    return Slot(level, expires);
                }
            }

            return Slot(_levels[^1], _clock + (((long)CoarseSlots << _levels[^1].Shift) - 1));
        }

        // The start of a level is the reach of the one before, less one slot: 63, 504, 4032 ...
        int i = 0;
        delta += _idle ? 1 : 0;
        while (i < _levels.Length - 1 && delta >= (long)(CoarseSlots - 1) << (3 * i))
        {
            i++;
        }

        return _levels[i].Offset + ((int)((expires >> _levels[i].Shift) + 1) & (CoarseSlots - 1));
    }

    private void Insert(int handle, ref TimerLink link, int slot)
    {
        int head = _heads[slot];
        if (head == TimerLink.None)
        {
            link.Next = End(slot);
            link.Prev = ~slot;
            _heads[slot] = _tails[slot] = handle;
            _bitmap[slot >> 6] |= 1ul << (slot & 63);
        }
        else if (_exact)
        {
            int tail = _tails[slot];
            _host.Link(tail).Next = handle;
            link.Prev = tail;
            link.Next = End(slot);
            _tails[slot] = handle;
        }
        else
        {
            _host.Link(head).Prev = handle;
            link.Next = head;
            link.Prev = ~slot;
            _heads[slot] = handle;
        }
    }

    /// <summary>What the last link of a list has in place of a next one: its slot, below -1.</summary>
    private static int End(int slot) => -2 - slot;

    private void Unlink(ref TimerLink link)
    {
        int next = link.Next;
        int prev = link.Prev;
        if (next >= 0)
        {
            _host.Link(next).Prev = prev;
        }
        else
        {
            _tails[-2 - next] = prev >= 0 ? prev : TimerLink.None;
        }

        if (prev >= 0)
        {
            _host.Link(prev).Next = next;
        }
        else
        {
            int slot = ~prev;
            _heads[slot] = next >= 0 ? next : TimerLink.None;
            if (next < 0)
            {
                _bitmap[slot >> 6] &= ~(1ul << (slot & 63));
            }
        }

        link.Next = TimerLink.None;
        link.Prev = TimerLink.NotArmed;
    }

    private void Cascade(int slot)
    {
        int handle = Take(slot);
        while (handle >= 0)
        {
            ref TimerLink link = ref _host.Link(handle);
            int next = link.Next;
            Insert(handle, ref link, SlotFor(Expires(link)));
            handle = next;
        }
    }

    /// <summary>Moves a slot's list to one of its own, where a timer that fires may still cancel any other.</summary>
    private void MoveToRun(int slot, int running)
    {
        if (_heads[slot] == TimerLink.None)
        {
            return;
        }

        int tail = _tails[slot];
        int head = Take(slot);
        _heads[running] = head;
        _tails[running] = tail;
        _host.Link(head).Prev = ~running;
        _host.Link(tail).Next = End(running);
    }

    private void RunSlot(int running)
    {
        while (_heads[running] != TimerLink.None)
        {
            int handle = _heads[running];
            Unlink(ref _host.Link(handle));
            Count--;
            _host.OnTimer(handle);
        }
    }

    private int Take(int slot)
    {
        int handle = _heads[slot];
        _heads[slot] = _tails[slot] = TimerLink.None;
        _bitmap[slot >> 6] &= ~(1ul << (slot & 63));
        return handle;
    }

    /// <summary>Slots from an index to the next one in use, going round; -1 when the level is empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Distance(Level level, int from)
    {
        int words = level.Slots >> 6;
        int firstWord = level.Offset >> 6;
        for (int i = 0; i <= words; i++)
        {
            int word = ((from >> 6) + i) % words;
            ulong bits = _bitmap[firstWord + word];
            if (i == 0)
            {
                bits &= ulong.MaxValue << (from & 63);
            }
            else if (i == words)
            {
                bits &= ~(ulong.MaxValue << (from & 63));
            }

            if (bits != 0)
            {
                int slot = (word << 6) + BitOperations.TrailingZeroCount(bits);
                return (slot - from) & (level.Slots - 1);
            }
        }

        return -1;
    }

    private readonly record struct Level(int Offset, int Slots, int Shift);
}
