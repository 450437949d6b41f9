using System;
using Earshot.Core.Memory;

namespace Earshot.Core.Tcp.Listening;

/// <summary>Buckets in which requests hang, the newest first: a listener's SYN table, its list, or the host's SYN
/// cache.</summary>
internal sealed class RequestBuckets
{
    private readonly int[] _heads;
    private readonly int[] _counts;
    private readonly ulong _hashKey;

    internal RequestBuckets(int count, ulong hashKey)
    {
        _heads = new int[count];
        _counts = new int[count];
        _hashKey = hashKey;
    }

    internal int Length => _heads.Length;

    /// <summary>The first request of a bucket, or -1.</summary>
    internal int First(int bucket) => _heads[bucket] - 1;

    /// <summary>Requests in a bucket.</summary>
    internal int CountOf(int bucket) => _counts[bucket];

    /// <summary>The oldest request of a bucket, or -1.</summary>
    internal int Oldest(int bucket, Slab<ConnectionRequest> slab)
    {
        int place = First(bucket);
        for (int next = place; next >= 0; next = slab[next].NextInBucket - 1)
        {
            place = next;
        }

        return place;
    }

    internal void Add(int place, ref ConnectionRequest request)
    {
        int bucket = BucketOf(request.RemoteAddress, request.RemotePort);
        request.NextInBucket = _heads[bucket];
        _heads[bucket] = place + 1;
        _counts[bucket]++;
    }

    internal void Remove(int place, ref ConnectionRequest request, Slab<ConnectionRequest> slab)
    {
        int bucket = BucketOf(request.RemoteAddress, request.RemotePort);
        ref int link = ref _heads[bucket];
        while (link != place + 1)
        {
            Invariant.Check(link != 0, "a request hangs in its bucket");
            link = ref slab[link - 1].NextInBucket;
        }

        link = request.NextInBucket;
        _counts[bucket]--;
    }

    /// <summary>The bucket of a peer.</summary>
    internal int BucketOf(uint remoteAddress, ushort remotePort)
    {
        // Linux: inet_synq_hash, a Jenkins hash of the peer under a random number of the listener's own.
        ulong hash = Math.BigMul(((ulong)remotePort << 32 | remoteAddress) ^ _hashKey,
            0x9e3779b97f4a7c15 ^ (_hashKey >> 1), out ulong low) ^ low;
        return (int)((hash ^ (hash >> 32)) % (ulong)_heads.Length);
    }
}
