namespace Earshot.Core.Tcp.Established;

/// <summary>Received packets in the order of their sequence numbers: taken from the front, added anywhere.</summary>
internal struct PacketRing : IPacketOrder
{
    private const int FirstSize = 16;
    private const int KeptSize = 1024;

    private ReceivedPacket[]? _packets;
    private int _head;

    /// <summary>How many there are.</summary>
    internal int Count { get; private set; }

    /// <summary>One of them, 0 being the lowest.</summary>
    internal readonly ref ReceivedPacket this[int index] => ref _packets![(_head + index) & (_packets.Length - 1)];

    /// <summary>The highest; there is one.</summary>
    internal readonly ref ReceivedPacket Last => ref this[Count - 1];

    /// <summary>Adds one after all others.</summary>
    internal void Add(in ReceivedPacket packet)
    {
        EnsureRoom();
        Count++;
        Last = packet;
    }

    /// <summary>Adds one before the one that has this index now.</summary>
    internal void Insert(int index, in ReceivedPacket packet)
    {
        EnsureRoom();
        Count++;
        if (index < Count / 2)
        {
            _head = (_head - 1) & (_packets!.Length - 1);
            for (int i = 0; i < index; i++)
            {
                this[i] = this[i + 1];
            }
        }
        else
        {
            for (int i = Count - 1; i > index; i--)
            {
                this[i] = this[i - 1];
            }
        }

        this[index] = packet;
    }

    /// <summary>Removes some.</summary>
    internal void Remove(int index, int count)
    {
        if (index < Count - index - count)
        {
            for (int i = index - 1; i >= 0; i--)
            {
                this[i + count] = this[i];
            }

            _head = (_head + count) & (_packets!.Length - 1);
        }
        else
        {
            for (int i = index + count; i < Count; i++)
            {
                this[i - count] = this[i];
            }
        }

        Count -= count;
    }

    /// <summary>Removes the lowest.</summary>
    internal void RemoveFirst()
    {
        _head = (_head + 1) & (_packets!.Length - 1);
        Count--;
    }

    readonly bool IPacketOrder.Has(int place) => place < Count;

    readonly ref ReceivedPacket IPacketOrder.At(int place) => ref this[place];

    readonly int IPacketOrder.Next(int place) => place + 1;

    int IPacketOrder.Remove(int place)
    {
        Remove(place, 1);
        return place;
    }

    int IPacketOrder.Put(int place, in ReceivedPacket packet)
    {
        Insert(place, packet);
        return place + 1;
    }

    readonly void IPacketOrder.Settle()
    {
    }

    /// <summary>Forgets all; what would be too much to keep for an idle time is let go.</summary>
    internal void Clear()
    {
        Count = 0;
        _head = 0;
        if (_packets?.Length > KeptSize)
        {
            _packets = null;
        }
    }

    private void EnsureRoom()
    {
        if (_packets is null)
        {
            _packets = new ReceivedPacket[FirstSize];
        }
        else if (Count == _packets.Length)
        {
            var larger = new ReceivedPacket[Count * 2];
            for (int i = 0; i < Count; i++)
            {
                larger[i] = this[i];
            }

            _packets = larger;
            _head = 0;
        }
    }
}
