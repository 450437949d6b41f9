using System;
using Earshot.Core.Memory;

namespace Earshot.Core.Tcp.Listening;

/// <summary>A listener's connection requests: how many, how many young, and their limit.</summary>
/// <remarks>
/// Linux: request_sock_queue (qlen, young). In shapes with a table per listener the requests also hang in its buckets,
/// the newest first; elsewhere they are found in the socket table alone. A part of its listener, so that a SYN finds
/// both in the same lines of the cache.
/// </remarks>
internal struct SynQueue
{
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

    /// <summary>The buckets that the requests also hang in; null where there are none.</summary>
    internal RequestBuckets? Buckets { get; private set; }

    /// <summary>Buckets of the listener's own table; 0 where there is none.</summary>
    internal int BucketCount { get; private set; }

    /// <summary>Gives the listener a table of its own.</summary>
    internal void MakeBuckets(int count, ulong hashKey)
    {
        Buckets = new RequestBuckets(count, hashKey);
        BucketCount = count;
    }

    /// <summary>Hangs requests into the cache that all listeners share.</summary>
    internal void Share(RequestBuckets cache) => Buckets = cache;

    internal void Add(int handle, ref ConnectionRequest request)
    {
        Count++;
        Most = Math.Max(Most, Count);
        YoungCount++;
        Buckets?.Add(handle, ref request);
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
        Buckets?.Remove(handle, ref request, slab);
    }

    /// <summary>The first request of a bucket of the listener's own table, or -1.</summary>
    internal readonly int FirstInBucket(int bucket) => Buckets!.First(bucket);
}
