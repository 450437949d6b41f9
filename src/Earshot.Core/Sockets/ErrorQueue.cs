using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>Where an entry of an error queue comes from. Linux: SO_EE_ORIGIN_LOCAL and its neighbours.</summary>
internal enum ErrorOrigin : byte
{
    Local = 1,
    Icmp = 2,
    Icmp6 = 3,
    Timestamping = 4,
    ZeroCopy = 5,
}

/// <summary>An entry of an error queue. Linux: sock_extended_err, sock_exterr_skb.</summary>
internal struct ErrorEntry
{
    internal int Number;
    internal ErrorOrigin Origin;
    internal byte Type;
    internal byte Code;
    internal uint Info;
    internal uint Data;

    /// <summary>Who sent the ICMP error.</summary>
    internal InetAddress Offender;

    /// <summary>Where the packet was to go; port 0 and an origin that has no name: it is not told.</summary>
    internal InetEndpoint Name;

    /// <summary>What is left of the packet; null: nothing.</summary>
    internal byte[]? Payload;

    /// <summary>A time to be told, in nanoseconds of the stack's clock; 0: none.</summary>
    internal long Time;

    internal readonly bool IsIcmp => Origin is ErrorOrigin.Icmp or ErrorOrigin.Icmp6;

    /// <summary>Whether the destination is told. Linux: ipv4_datagram_support_addr.</summary>
    internal readonly bool HasName => IsIcmp || Origin == ErrorOrigin.Local || Name.Port != 0;

    /// <summary>What it costs of the receive buffer.</summary>
    internal readonly int Cost => UdpRole.CostOf(Payload?.Length ?? 0);
}

/// <summary>A socket's error queue: ICMP errors, times of sent packets, completions. Linux: sk_error_queue.</summary>
internal sealed class ErrorQueue
{
    private readonly Queue<ErrorEntry> _entries = new();
    private ErrorEntry _last;

    internal int Count => _entries.Count;

    /// <summary>Bytes of the receive buffer that the entries take.</summary>
    internal int Charged { get; private set; }

    /// <summary>Adds an entry; without room in the receive buffer it is dropped. Linux: sock_queue_err_skb.</summary>
    /// <returns>Whether there was room.</returns>
    internal bool Add(in ErrorEntry entry, int charged, int limit)
    {
        if (charged + Charged + entry.Cost >= limit)
        {
            return false;
        }

        Charged += entry.Cost;
        _entries.Enqueue(entry);
        _last = entry;
        return true;
    }

    /// <summary>Adds a completed zero-copy send, to the entry before if that is one whose numbers go on in it. Linux:
    /// __msg_zerocopy_callback.</summary>
    internal bool AddCompletion(uint number, int charged, int limit)
    {
        const byte Copied = 1;
        if (_entries.Count > 0 && _last.Origin == ErrorOrigin.ZeroCopy && _last.Data + 1 == number)
        {
            // Only the newest entry grows: the queue is turned once to reach it.
            int count = _entries.Count;
            for (int i = 0; i < count; i++)
            {
                ErrorEntry entry = _entries.Dequeue();
                if (i == count - 1)
                {
                    entry.Data = number;
                    _last = entry;
                }

                _entries.Enqueue(entry);
            }

            return true;
        }

        return Add(
            new ErrorEntry { Origin = ErrorOrigin.ZeroCopy, Code = Copied, Info = number, Data = number },
            charged, limit);
    }

    /// <summary>Takes the oldest entry.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="next">What the pending error becomes; -1: it stays. Linux: sock_dequeue_err_skb.</param>
    internal bool TryTake(out ErrorEntry entry, out int next)
    {
        next = -1;
        if (!_entries.TryDequeue(out entry))
        {
            return false;
        }

        Charged -= entry.Cost;
        bool more = _entries.TryPeek(out ErrorEntry following) && following.IsIcmp;
        next = more ? following.Number : entry.IsIcmp ? 0 : -1;
        return true;
    }

    internal void Clear()
    {
        _entries.Clear();
        Charged = 0;
    }
}
