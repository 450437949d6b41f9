using System;
using System.Collections.Generic;
using Earshot.Core.Time;

namespace Earshot.Lab.Targets;

/// <summary>A device behind a token bucket, in virtual time.</summary>
internal sealed class PacedDevice(TokenBucket bucket, Instant now)
{
    private readonly Queue<byte[]> _waiting = new();
    private readonly long _most = TimeFor(bucket.Burst, bucket.BitsPerSecond);
    private long _tokens = TimeFor(bucket.Burst, bucket.BitsPerSecond);
    private Instant _checked = now;

    /// <summary>When the next packet may leave; null: none waits.</summary>
    public Instant? Next => _waiting.TryPeek(out byte[]? next)
        ? _checked + TimeSpan.FromTicks((Math.Max(0, Cost(next) - _tokens) + 99) / 100) : null;

    public void Add(byte[] packet) => _waiting.Enqueue(packet);

    public bool TryTake(Instant now, out byte[] packet)
    {
        packet = [];
        if (_waiting.Count == 0)
        {
            return false;
        }

        long tokens = Math.Min(_tokens + (now.Nanoseconds - _checked.Nanoseconds), _most) - Cost(_waiting.Peek());
        if (tokens < 0)
        {
            return false;
        }

        (_tokens, _checked, packet) = (tokens, now, _waiting.Dequeue());
        return true;
    }

    private long Cost(byte[] packet) => TimeFor(packet.Length, bucket.BitsPerSecond);

    private static long TimeFor(int bytes, long bitsPerSecond) =>
        (long)((Int128)bytes * 8 * Instant.NanosecondsPerSecond / bitsPerSecond);
}
