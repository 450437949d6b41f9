using System;
using System.Collections.Generic;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core;

/// <summary>A verdict as the ledger keeps it: 44 bytes, no string.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = 44)]
public struct LedgerEntry
{
    private long _time;
    private InetAddress _remote;
    private ushort _remotePort;
    private ushort _localPort;
    private RuleId _rule;
    private ushort _listener;
    private uint _a;
    private uint _b;
    private uint _c;

    /// <summary>The listener that judged: its id from 1 on, 0 when none was concerned.</summary>
    public readonly ushort Listener => _listener;

    /// <summary>The rule's first number.</summary>
    public readonly uint A => _a;

    /// <summary>The rule's second number.</summary>
    public readonly uint B => _b;

    /// <summary>The rule's third number.</summary>
    public readonly uint C => _c;

    /// <summary>When the verdict was given.</summary>
    public readonly Instant Time => new(_time);

    /// <summary>The peer.</summary>
    public readonly InetEndpoint Remote => new(_remote, _remotePort);

    /// <summary>The local port.</summary>
    public readonly ushort LocalPort => _localPort;

    /// <summary>The rule that spoke.</summary>
    public readonly RuleId Rule => _rule;

    /// <summary>Writes a verdict where it is to stay: entries are written far more often than read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Set(Instant time, in FourTuple tuple, ushort listener, in Verdict verdict)
    {
        _time = time.Nanoseconds;
        _remote = tuple.Remote.Address;
        _remotePort = tuple.Remote.Port;
        _localPort = tuple.Local.Port;
        _rule = verdict.Rule;
        _listener = listener;
        _a = verdict.A;
        _b = verdict.B;
        _c = verdict.C;
    }
}

/// <summary>The memory of verdicts: per listener and rule a tally, beside one ring of the latest.</summary>
/// <remarks>A flood fills the ring but evicts no tally, so nothing interesting is lost to it.</remarks>
public sealed class Ledger
{
    /// <summary>Entries in the ring.</summary>
    public const int RingSize = 4096;

    private const int SmallestSize = 64;

    private readonly LedgerEntry[] _ring = new LedgerEntry[RingSize];
    private readonly List<RuleTally> _order = [];
    private Slot[] _slots = new Slot[SmallestSize];
    private readonly Dictionary<ushort, InetEndpoint> _listeners = [];
    private readonly Chance _chance;
    private RuleTally? _lastTally;
    private uint _lastKey;

    internal Ledger(in Seed256 seed) => _chance = new Chance(seed, ChanceStream.Ledger);

    /// <summary>Verdicts given so far.</summary>
    public long Count { get; private set; }

    /// <summary>The newest entry; before the first verdict one of <see cref="RuleId.None"/>.</summary>
    internal LedgerEntry Last => _ring[(Count - 1) & (RingSize - 1)];

    /// <summary>The entry of a number, 0 for the first verdict that was given; it must still be in the
    /// ring.</summary>
    internal ref readonly LedgerEntry At(long number) => ref _ring[number & (RingSize - 1)];

    /// <summary>Every tally, in the order in which the rules first spoke.</summary>
    public IReadOnlyList<RuleTally> Tallies => _order;

    /// <summary>The newest entries, oldest first, at most <see cref="RingSize"/>.</summary>
    public IEnumerable<LedgerEntry> Latest
    {
        get
        {
            for (long i = Math.Max(0, Count - RingSize); i < Count; i++)
            {
                yield return _ring[i & (RingSize - 1)];
            }
        }
    }

    /// <summary>The tally of a rule for a listener, or null when it never spoke.</summary>
    /// <param name="listener">The listener's id, 0 for verdicts that concern none.</param>
    /// <param name="rule">The rule.</param>
    public RuleTally? Tally(ushort listener, RuleId rule) => _slots[Find(Key(listener, rule))].Tally;

    /// <summary>Finds the newest entry about a connection that is still in the ring.</summary>
    /// <param name="localPort">The local port.</param>
    /// <param name="remote">The peer.</param>
    /// <param name="entry">The entry.</param>
    /// <returns>Whether there is one.</returns>
    public bool TryFindLast(ushort localPort, InetEndpoint remote, out LedgerEntry entry)
    {
        for (long i = Count - 1; i >= Math.Max(0, Count - RingSize); i--)
        {
            entry = _ring[i & (RingSize - 1)];
            if (entry.LocalPort == localPort && entry.Remote == remote)
            {
                return true;
            }
        }

        entry = default;
        return false;
    }

    /// <summary>Says an entry in words.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="local">What to call the local end; the listener's address when null.</param>
    public string Explain(in LedgerEntry entry, string? local = null)
    {
        Rule rule = Rule.Of(entry.Rule);
        local ??= _listeners.TryGetValue(entry.Listener, out InetEndpoint listener)
            ? listener.ToString() : $"port {entry.LocalPort}";
        return rule.Sentence
            .Replace("{peer}", entry.Remote.ToString(), StringComparison.Ordinal)
            .Replace("{local}", local, StringComparison.Ordinal)
            .Replace("{a}", A(entry), StringComparison.Ordinal)
            .Replace("{b}", entry.B.ToString(), StringComparison.Ordinal)
            .Replace("{c}", entry.C.ToString(), StringComparison.Ordinal);
    }

    // The backlog that a program asks for is the only number that may be less than 0.
    private static string A(in LedgerEntry entry) =>
        entry.Rule == RuleId.ListenStarted ? ((int)entry.A).ToString() : entry.A.ToString();

    internal void NameListener(ushort listener, InetEndpoint local) => _listeners[listener] = local;

    internal void Add(Instant now, in FourTuple tuple, ushort listener, in Verdict verdict)
    {
        Remember(now, tuple, listener, verdict);

        // The same tends to be said again of the same listener.
        uint key = Key(listener, verdict.Rule);
        if (key != _lastKey || _lastTally is null)
        {
            _lastTally = TallyOf(key);
            _lastKey = key;
        }

        _lastTally.Add(now, tuple, listener, verdict, _chance);
    }

    /// <summary>The same for a listener that keeps the tally of the rule that speaks of it most.</summary>
    /// <param name="now">When.</param>
    /// <param name="tuple">Both ends.</param>
    /// <param name="listener">The listener.</param>
    /// <param name="verdict">The verdict.</param>
    /// <param name="kept">The tally that the listener keeps, of this rule or another; gets that of this rule.</param>
    internal void Add(Instant now, in FourTuple tuple, ushort listener, in Verdict verdict, ref RuleTally? kept)
    {
        Remember(now, tuple, listener, verdict);
        if (kept is null || kept.Rule != verdict.Rule)
        {
            kept = TallyOf(Key(listener, verdict.Rule));
        }

        kept.Add(now, tuple, listener, verdict, _chance);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Remember(Instant now, in FourTuple tuple, ushort listener, in Verdict verdict)
    {
        _ring[Count & (RingSize - 1)].Set(now, tuple, listener, verdict);
        Count++;
    }

    /// <summary>Adds the entries that came after a count, as far as the ring still holds them.</summary>
    internal void CopySince(long count, List<LedgerEntry> entries)
    {
        for (long i = Math.Max(count, Count - RingSize); i < Count; i++)
        {
            entries.Add(_ring[i & (RingSize - 1)]);
        }
    }

    private static uint Key(ushort listener, RuleId rule) => ((uint)listener << 16) | (ushort)rule;

    // Four listeners that were made one after another share a line of the cache; the product's highest bits spread
    // such fours evenly.
    private int Home(uint key)
    {
        const int Four = 2;
        uint group = key & ~(3u << 16);
        int place = (int)((group * 0x9e3779b97f4a7c15) >> (64 + Four - BitOperations.Log2((uint)_slots.Length)));
        return (place << Four) | (int)((key >> 16) & 3);
    }

    // Open addressing, at most half of it used; the keys are our own.
    private int Find(uint key)
    {
        int place = Home(key);
        while (_slots[place].Tally is not null && _slots[place].Key != key)
        {
            place = (place + 1) & (_slots.Length - 1);
        }

        return place;
    }

    private RuleTally TallyOf(uint key)
    {
        int place = Find(key);
        if (_slots[place].Tally is { } known)
        {
            return known;
        }

        if (2 * (_order.Count + 1) > _slots.Length)
        {
            Slot[] old = _slots;
            _slots = new Slot[2 * old.Length];
            foreach (Slot slot in old)
            {
                if (slot.Tally is not null)
                {
                    _slots[Find(slot.Key)] = slot;
                }
            }

            place = Find(key);
        }

        var tally = new RuleTally((RuleId)(ushort)key);
        _order.Add(tally);
        _slots[place] = new Slot(key, tally);
        return tally;
    }

    private readonly record struct Slot(uint Key, RuleTally? Tally);
}
