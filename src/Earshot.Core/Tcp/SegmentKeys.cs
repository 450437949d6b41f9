using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <summary>The keys that a socket signs segments with, by peer: TCP_MD5SIG. Linux: tcp_md5sig_key.</summary>
/// <remarks>It never changes, so that a listener and its children share it.</remarks>
internal sealed class SegmentKeys
{
    private readonly Entry[] _entries;

    private SegmentKeys(Entry[] entries) => _entries = entries;

    /// <summary>The key for a peer: the longest prefix that it is in; null: none. Linux: tcp_md5_do_lookup.</summary>
    internal byte[]? Find(in InetAddress peer, int device)
    {
        byte[]? best = null;
        int longest = -1;
        foreach (Entry entry in _entries)
        {
            if (entry.Peer.IsIPv4 == peer.IsIPv4 && (entry.Device == 0 || entry.Device == device)
                && peer.Network(entry.PrefixLength) == entry.Peer.Network(entry.PrefixLength)
                && entry.PrefixLength > longest)
            {
                longest = entry.PrefixLength;
                best = entry.Key;
            }
        }

        return best;
    }

    /// <summary>Adds a key or replaces the one of the same peer.</summary>
    internal static SegmentKeys With(SegmentKeys? keys, InetAddress peer, int prefixLength, int device, byte[] key)
    {
        Entry[] others = Array.FindAll(keys?._entries ?? [], e => !e.Is(peer, prefixLength, device));
        return new SegmentKeys([.. others, new Entry(peer, prefixLength, device, key)]);
    }

    /// <summary>Removes the key of a peer.</summary>
    /// <returns>False when there is none.</returns>
    internal static bool TryWithout(
        SegmentKeys? keys, InetAddress peer, int prefixLength, int device, out SegmentKeys? left)
    {
        Entry[] others = Array.FindAll(keys?._entries ?? [], e => !e.Is(peer, prefixLength, device));
        left = others.Length == 0 ? null : new SegmentKeys(others);
        return others.Length != (keys?._entries.Length ?? 0);
    }

    private readonly record struct Entry(InetAddress Peer, int PrefixLength, int Device, byte[] Key)
    {
        internal bool Is(InetAddress peer, int prefixLength, int device) =>
            Peer == peer && PrefixLength == prefixLength && Device == device;
    }
}
