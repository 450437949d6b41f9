using System;
using System.Collections.Generic;
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

/// <summary>What a rule has said about one listener.</summary>
public sealed class RuleTally
{
    internal const int SampleSize = 8;
    private readonly LedgerEntry[] _sample = new LedgerEntry[SampleSize];
    private LedgerEntry _first;
    private LedgerEntry _last;

    private long _nextSampled;
    private double _weight;

    internal RuleTally(RuleId rule) => Rule = rule;

    /// <summary>The rule.</summary>
    public RuleId Rule { get; }

    /// <summary>How often it spoke.</summary>
    public long Count { get; private set; }

    /// <summary>The first time.</summary>
    public LedgerEntry First => _first;

    /// <summary>The last time.</summary>
    public LedgerEntry Last => _last;

    /// <summary>A uniform sample of all times, at most eight.</summary>
    public ReadOnlySpan<LedgerEntry> Sample => _sample.AsSpan(0, (int)Math.Min(Count, SampleSize));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Add(Instant now, in FourTuple tuple, ushort listener, in Verdict verdict, Chance chance)
    {
        _last.Set(now, tuple, listener, verdict);
        if (Count >= _nextSampled)
        {
            Keep(chance);
        }

        Count++;
    }

    // The first eight are kept, and then whichever the leaps hit.
    private void Keep(Chance chance)
    {
        if (Count == 0)
        {
            _first = _last;
        }

        if (Count < SampleSize)
        {
            _sample[Count] = _last;
            _nextSampled = Count + 1;
            if (_nextSampled < SampleSize)
            {
                return;
            }

            _weight = 1;
            _nextSampled = SampleSize - 1;
        }
        else
        {
            _sample[chance.Below(SampleSize)] = _last;
        }

        SkipAhead(chance);
    }

    /// <summary>
    /// Reservoir sampling by leaps (Li's algorithm L): every entry of a flood is kept with the same probability, and
    /// the entries that are passed over cost one comparison each.
    /// </summary>
    private void SkipAhead(Chance chance)
    {
        _weight *= Math.Exp(Math.Log(chance.Fraction()) / SampleSize);
        _nextSampled += 1 + (long)Math.Min(Math.Log(chance.Fraction()) / Math.Log(1 - _weight), long.MaxValue >> 2);
    }
}

/// <summary>The memory of verdicts: per listener and rule a tally, beside one ring of the latest.</summary>
/// <remarks>A flood fills the ring but evicts no tally, so nothing interesting is lost to it.</remarks>
public sealed class Ledger
{
    /// <summary>Entries in the ring.</summary>
    public const int RingSize = 4096;

    private readonly LedgerEntry[] _ring = new LedgerEntry[RingSize];
    private readonly RuleTally?[] _general = new RuleTally?[Earshot.Core.Rule.All.Count + 1];
    private RuleTally?[]?[] _byListener = new RuleTally?[16][];
    private readonly List<RuleTally> _order = [];
    private readonly Dictionary<ushort, InetEndpoint> _listeners = [];
    private readonly Chance _chance;
    private RuleTally?[] _lastTallies = [];
    private ushort _lastListener;

    internal Ledger(in Seed256 seed) => _chance = new Chance(seed, ChanceStream.Ledger);

    /// <summary>Verdicts given so far.</summary>
    public long Count { get; private set; }

    /// <summary>The newest entry; before the first verdict one of <see cref="RuleId.None"/>.</summary>
    internal LedgerEntry Last => _ring[(Count - 1) & (RingSize - 1)];

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
    public RuleTally? Tally(ushort listener, RuleId rule) => listener == 0
        ? _general[(int)rule]
        : listener < _byListener.Length ? _byListener[listener]?[(int)rule] : null;

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
            .Replace("{a}", entry.A.ToString(), StringComparison.Ordinal)
            .Replace("{b}", entry.B.ToString(), StringComparison.Ordinal)
            .Replace("{c}", entry.C.ToString(), StringComparison.Ordinal);
    }

    internal void NameListener(ushort listener, InetEndpoint local) => _listeners[listener] = local;

    internal void Add(Instant now, in FourTuple tuple, ushort listener, in Verdict verdict)
    {
        _ring[Count & (RingSize - 1)].Set(now, tuple, listener, verdict);
        Count++;
        ref RuleTally? tally = ref TalliesOf(listener)[(int)verdict.Rule];
        if (tally is null)
        {
            tally = new RuleTally(verdict.Rule);
            _order.Add(tally);
        }

        tally.Add(now, tuple, listener, verdict, _chance);
    }

    /// <summary>Adds the entries that came after a count, as far as the ring still holds them.</summary>
    internal void CopySince(long count, List<LedgerEntry> entries)
    {
        for (long i = Math.Max(count, Count - RingSize); i < Count; i++)
        {
            entries.Add(_ring[i & (RingSize - 1)]);
        }
    }

    /// <summary>Starts to fetch what a verdict of a listener will touch, a step at a time.</summary>
    /// <param name="listener">The listener.</param>
    /// <param name="rule">The rule that is likely to speak.</param>
    /// <param name="step">0, 1, 2, with other work in between.</param>
    internal void Prefetch(ushort listener, RuleId rule, int step)
    {
        const int TallyLines = 3;
        if (listener >= _byListener.Length)
        {
            return;
        }

        if (step == 0)
        {
            Memory.CacheLines.Prefetch(_byListener, listener);
        }
        else if (_byListener[listener] is { } tallies)
        {
            if (step == 1)
            {
                Memory.CacheLines.Prefetch(tallies, (int)rule);
            }
            else if (tallies[(int)rule] is { } tally)
            {
                Memory.CacheLines.Prefetch(tally, TallyLines);
            }
        }
    }

    private RuleTally?[] TalliesOf(ushort listener)
    {
        if (listener == 0)
        {
            return _general;
        }

        // The same listener tends to speak again: a flood looks its tallies up once.
        if (listener != _lastListener)
        {
            _lastListener = listener;
            if (listener >= _byListener.Length)
            {
                Array.Resize(ref _byListener, Math.Min(2 * listener, ushort.MaxValue + 1));
            }

            _lastTallies = _byListener[listener] ??= new RuleTally?[_general.Length];
        }

        return _lastTallies;
    }
}
