using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;

namespace Earshot.Monitor.Reading;

/// <summary>Counts half-open connections by the local address they came to. The kernel has no pointer from one to its
/// listener, so members of a SO_REUSEPORT group cannot be told apart.</summary>
internal sealed class SynRecvTally
{
    // Beyond so many the distinct peers are counted no further.
    private const int MostPeers = 65536;

    // The SYN-ACK goes again after 1, 2, 4 ... seconds.
    private const int StuckFrom = 2;

    private readonly Dictionary<(byte, UInt128, ushort), (int Count, int Waiting, int Stuck)> _counts = [];
    private readonly Dictionary<(byte, UInt128, ushort), HashSet<UInt128>> _peers = [];
    private readonly HashSet<ulong> _cookies = [];

    /// <summary>Takes a row of the dump.</summary>
    public void Take(ReadOnlySpan<byte> message)
    {
        // A Fast Open child sits in the accept queue already and has a send queue or an inode.
        if (!DiagRow.TryParse(message, out DiagRow row) || row.State != TcpState.SynRecv || row.Inode != 0
            || row.ReceiveQueue != 0 || row.SendQueue != 0 || !_cookies.Add(row.Cookie))
        {
            return;
        }

        (byte, UInt128, ushort) key = (row.Family, row.Source, row.Port);
        ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(_counts, key, out bool known);
        count.Count++;
        count.Waiting += row.Retrans > 0 ? 1 : 0;
        count.Stuck += row.Retrans >= StuckFrom ? 1 : 0;
        HashSet<UInt128> peers = known ? _peers[key] : _peers[key] = [];
        if (peers.Count < MostPeers)
        {
            peers.Add(row.Destination);
        }
    }

    /// <summary>A group for each local address.</summary>
    public List<SynRecvGroup> Groups() =>
    [
        .. _counts.Select(entry => new SynRecvGroup(
            entry.Key.Item1, entry.Key.Item2, entry.Key.Item3, entry.Value.Count, entry.Value.Waiting,
            entry.Value.Stuck, _peers[entry.Key].Count)),
    ];
}
