using System;
using System.Runtime.CompilerServices;
using Earshot.Core.Memory;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core;

/// <summary>What a rule has said about one listener.</summary>
public sealed class RuleTally
{
    internal const int SampleSize = 8;

    // The sample, and behind it, once there are more, the first: what a verdict in a flood does not touch.
    private readonly LedgerEntry[] _kept = new LedgerEntry[SampleSize + 1];
    private LedgerEntry _last;

    private long _nextSampled;
    private double _weight;

    internal RuleTally(RuleId rule) => Rule = rule;

    /// <summary>The rule.</summary>
    public RuleId Rule { get; }

    /// <summary>How often it spoke.</summary>
    public long Count { get; private set; }

    /// <summary>The first time; all zeros before it.</summary>
    public LedgerEntry First => _kept[Count <= SampleSize ? 0 : SampleSize];

    /// <summary>The last time; all zeros before the first.</summary>
    public LedgerEntry Last => Count > SampleSize ? _last : _kept[Math.Max(0, Count - 1)];

    /// <summary>A uniform sample of all times, at most eight.</summary>
    public ReadOnlySpan<LedgerEntry> Sample => _kept.AsSpan(0, (int)Math.Min(Count, SampleSize));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Add(Instant now, in FourTuple tuple, ushort listener, in Verdict verdict, Chance chance)
    {
        if (Count >= _nextSampled)
        {
            Keep(now, tuple, listener, verdict, chance);
        }
        else
        {
            _last.Set(now, tuple, listener, verdict);
        }

        Count++;
    }

    /// <summary>Starts to fetch where the next verdict will be written; the tally itself is there.</summary>
    internal void Prefetch()
    {
        if (Count < SampleSize)
        {
            CacheLines.Prefetch(_kept, (int)Count);
        }
    }

    // The first eight are kept, and nowhere else: a tally of few verdicts, as one of many listeners has, costs one
    // write. Then whichever the leaps hit.
    private void Keep(Instant now, in FourTuple tuple, ushort listener, in Verdict verdict, Chance chance)
    {
        if (Count < SampleSize)
        {
            _kept[Count].Set(now, tuple, listener, verdict);
            if (Count == SampleSize - 1)
            {
                _kept[SampleSize] = _kept[0];
                _weight = 1;
                _nextSampled = SampleSize - 1;
                SkipAhead(chance);
            }

            return;
        }

        _last.Set(now, tuple, listener, verdict);
        _kept[chance.Below(SampleSize)] = _last;
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
