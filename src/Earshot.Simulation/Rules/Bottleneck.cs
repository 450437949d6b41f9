using System;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Time;

namespace Earshot.Simulation.Rules;

/// <summary>A link of limited speed with a queue before it; a packet that finds the queue full is lost.</summary>
/// <remarks>Each direction has its own speed and queue, as a cable has.</remarks>
public sealed class Bottleneck : IRule
{
    private readonly long _bitsPerSecond;
    private readonly int _queueLength;
    private readonly int _markLength;
    private readonly Dictionary<int, Instant> _freeAt = [];

    /// <summary>Makes the rule.</summary>
    /// <param name="bitsPerSecond">The speed, at least 1.</param>
    /// <param name="queueLength">Bytes, at least 0; a packet is let in while no more than these are ahead of
    /// it.</param>
    /// <param name="markLength">Bytes, at least 0; a packet whose sender speaks ECN is marked when more than these are
    /// ahead of it (RFC 3168). By default none is.</param>
    /// <exception cref="ArgumentOutOfRangeException">Below the least value.</exception>
    public Bottleneck(long bitsPerSecond, int queueLength, int markLength = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(markLength, 0);
        ArgumentOutOfRangeException.ThrowIfLessThan(bitsPerSecond, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(queueLength, 0);
        _bitsPerSecond = bitsPerSecond;
        _queueLength = queueLength;
        _markLength = markLength;
    }

    /// <inheritdoc/>
    public Fate Judge(in WirePacket packet, Chance chance)
    {
        Instant now = packet.Time;
        if (!_freeAt.TryGetValue(packet.From.Number, out Instant free) || free < now)
        {
            free = now;
        }

        if (free - now > TimeFor(_queueLength))
        {
            return Fate.Drop;
        }

        bool marks = _markLength != int.MaxValue && free - now > TimeFor(_markLength);
        free += TimeFor(packet.Bytes.Length);
        _freeAt[packet.From.Number] = free;
        return Fate.Deliver(free - now) with { Marks = marks };
    }

    private TimeSpan TimeFor(int bytes) =>
        TimeSpan.FromTicks((long)((Int128)bytes * 8 * TimeSpan.TicksPerSecond / _bitsPerSecond));
}
