using System;
using Earshot.Core.Memory;

namespace Earshot.Core.Tcp.Listening;

/// <summary>A listener's connection requests: how many, how many young, and their limit.</summary>
/// <remarks>
/// Linux: request_sock_queue (qlen, young). In shapes with a table per listener the requests also hang in its buckets,
/// the newest first; elsewhere they are found in the socket table alone.
/// </remarks>
internal sealed class SynQueue
{
    private int[] _buckets = [];
    private ulong _hashKey;

    /// <summary>Requests. Linux: qlen.</summary>
    internal int Count { get; private set; }

    /// <summary>The most requests that it ever held.</summary>
    internal int Most { get; private set; }

    /// <summary>Requests whose timer has not fired. Linux: young.</summary>
    internal int YoungCount { get; private set; }

    /// <summary>The limit; the shape says what it means.</summary>
    internal uint Limit { get; set; }

    /// <summary>Where the sweep goes on: a bucket. Linux: clock_hand.</summary>
    internal int ClockHand { get; set; }

    /// <summary>Buckets of the listener's own table; 0 where there is none.</summary>
    internal int BucketCount => _buckets.Length;

    internal void MakeBuckets(uint count, ulong hashKey)
    {
        _buckets = new int[count];
        _hashKey = hashKey;
    }

    internal void Add(int handle, ref ConnectionRequest request)
    {
        Count++;
        Most = Math.Max(Most, Count);
        YoungCount++;
        if (_buckets.Length > 0)
        {
            ref int bucket = ref _buckets[Bucket(request)];
            request.NextInBucket = bucket;
            bucket = handle + 1;
        }
    }

    /// <summary>A request's timer fired for the first time.</summary>
    internal void Age() => YoungCount--;

    internal void Remove(int handle, ref ConnectionRequest request, Slab<ConnectionRequest> slab)
    {
        Count--;
        if (request.Timeouts == 0)
        {
            YoungCount--;
        }

        Invariant.Check(Count >= 0 && YoungCount >= 0 && YoungCount <= Count, "a SYN queue counts what it holds");
        if (_buckets.Length == 0)
        {
            return;
        }

        ref int link = ref _buckets[Bucket(request)];
        while (link != handle + 1)
        {
            Invariant.Check(link != 0, "a request hangs in its bucket");
            link = ref slab[link - 1].NextInBucket;
        }

        link = request.NextInBucket;
    }

    /// <summary>The first request of a bucket, or -1.</summary>
    internal int FirstInBucket(int bucket) => _buckets[bucket] - 1;

    internal int Bucket(in ConnectionRequest request)
    {
        // Linux: inet_synq_hash, a Jenkins hash of the peer under a random number of the listener's own.
        ulong hash = Math.BigMul(((ulong)request.RemotePort << 32 | request.RemoteAddress) ^ _hashKey,
            0x9e3779b97f4a7c15 ^ (_hashKey >> 1), out ulong low) ^ low;
        return (int)((hash ^ (hash >> 32)) & (ulong)(_buckets.Length - 1));
    }
}
