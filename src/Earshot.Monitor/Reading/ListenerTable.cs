using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Earshot.Monitor.Reading;

/// <summary>What the last dumps told of the listeners of one kind, by cookie: known by it, never by port or
/// inode.</summary>
internal sealed class ListenerTable
{
    private readonly Dictionary<ulong, Seen> _seen = [];
    private int _round, _present;

    /// <summary>How many listeners are known.</summary>
    public int Count => _seen.Count;

    /// <summary>Whether a queue was not empty at the last dump.</summary>
    public bool AnyQueued { get; private set; }

    /// <summary>Whether the last dump did not have all that are known.</summary>
    public bool AnyMissing => _present < _seen.Count;

    /// <summary>Begins a dump.</summary>
    public void Begin()
    {
        _round++;
        _present = 0;
        AnyQueued = SawUnknown = false;
    }

    /// <summary>Whether the dump had a listener that is not known, whose drops were not asked for.</summary>
    public bool SawUnknown { get; private set; }

    /// <summary>Takes a row: tells what changed, and whether the listener is new.</summary>
    /// <param name="cookie">The listener.</param>
    /// <param name="queue">Its queue's length; null when the kernel did not tell.</param>
    /// <param name="limit">Its limit.</param>
    /// <param name="drops">sk_drops, 32 bits that wrap; null when the kernel did not tell.</param>
    /// <param name="askedDrops">Whether drops were asked for: if not, what was known of them holds, and a listener that
    /// is not known is not taken.</param>
    /// <param name="change">What it is now, where that is not what it was.</param>
    /// <returns>Whether it was not known before; then tell where it is with <see cref="Place"/>.</returns>
    public bool Take(
        ulong cookie, uint? queue, uint? limit, uint? drops, bool askedDrops, out ListenerChange? change)
    {
        bool known = true;
        ref Seen seen = ref askedDrops
            ? ref CollectionsMarshal.GetValueRefOrAddDefault(_seen, cookie, out known)
            : ref CollectionsMarshal.GetValueRefOrNullRef(_seen, cookie);
        AnyQueued |= queue > 0;
        if (Unsafe.IsNullRef(ref seen))
        {
            SawUnknown = true;
            change = null;
            return false;
        }

        if (!known)
        {
            seen.Cold = new Cold { Total = drops };
        }
        else if (!askedDrops)
        {
            drops = seen.RawDrops;
        }
        else if (drops is { } now && seen.RawDrops is { } before)
        {
            seen.Cold.Total += now == before ? 0 : unchecked(now - before);
        }

        bool same = known && queue == seen.Queue && limit == seen.Limit && drops == seen.RawDrops;
        (seen.Queue, seen.Limit, seen.RawDrops) = (queue, limit, drops);

        // A dump may give a socket twice.
        _present += seen.Round == _round ? 0 : 1;
        seen.Round = _round;
        change = same
            ? null
            : new ListenerChange(cookie, queue, limit, drops is null ? null : seen.Cold.Total, queue, queue);
        return !known;
    }

    /// <summary>Remembers where a listener is, to ask for it alone.</summary>
    public void Place(ulong cookie, in DiagRow row) => _seen[cookie].Cold.Place(row);

    /// <summary>Forgets and tells who is gone. A dump may miss a socket that is still there: gone is only what two
    /// dumps in a row or an exact query do not find.</summary>
    /// <param name="answered">Whether the dump of a family was answered.</param>
    /// <param name="isGone">Asks for one of them alone; true when nobody listens there.</param>
    /// <param name="gone">Where to tell.</param>
    public void FindGone(Func<byte, bool> answered, Func<Cold, bool> isGone, List<ulong> gone)
    {
        if (!AnyMissing)
        {
            return;
        }

        int from = gone.Count;
        foreach ((ulong cookie, Seen seen) in _seen)
        {
            if (seen.Round != _round && answered(seen.Cold.Family) && (_round - seen.Round >= 2 || isGone(seen.Cold)))
            {
                gone.Add(cookie);
            }
        }

        for (int i = from; i < gone.Count; i++)
        {
            _seen.Remove(gone[i]);
        }
    }

    // What is compared with each row lies close together; the rest is looked at only when something changed.
    private struct Seen
    {
        public Cold Cold;
        public uint? Queue;
        public uint? Limit;
        public uint? RawDrops;
        public int Round;
    }

    /// <summary>Where a listener is.</summary>
    internal sealed class Cold
    {
        public byte Family { get; private set; }

        public ushort Port { get; private set; }

        public uint Interface { get; private set; }

        public UInt128 Address { get; private set; }

        /// <summary>Its drops, counted on where the kernel's 32 bits wrap.</summary>
        public ulong? Total { get; set; }

        public void Place(in DiagRow row) =>
            (Family, Port, Interface, Address) = (row.Family, row.Port, row.Interface, row.Source);
    }
}
