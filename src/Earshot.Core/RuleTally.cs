using System;
using System.Runtime.CompilerServices;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core;

/// <summary>What a rule has said about one listener.</summary>
public sealed class RuleTally
{
    internal const int SampleSize = 8;
    // The sample, and behind it the first: what a verdict in a flood does not touch.
    private readonly LedgerEntry[] _kept = new LedgerEntry[SampleSize + 1];
    private LedgerEntry _last;

    private long _nextSampled;
    private double _weight;

    internal RuleTally(RuleId rule) => Rule = rule;

    /// <summary>The rule.</summary>
    public RuleId Rule { get; }

    /// <summary>How often it spoke.</summary>
    public long Count { get; private set; }

    /// <summary>The first time.</summary>
    public LedgerEntry First => _kept[SampleSize];

    /// <summary>The last time.</summary>
    public LedgerEntry Last => _last;

    /// <summary>A uniform sample of all times, at most eight.</summary>
    public ReadOnlySpan<LedgerEntry> Sample => _kept.AsSpan(0, (int)Math.Min(Count, SampleSize));

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
            _kept[SampleSize] = _last;
        }

        if (Count < SampleSize)
        {
            _kept[Count] = _last;
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
            _kept[chance.Below(SampleSize)] = _last;
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
