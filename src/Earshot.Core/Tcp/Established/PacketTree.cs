using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>Received packets beyond gaps: a red-black tree by sequence number, whose way from the root decides what a
/// packet meets before it finds its place. Linux: out_of_order_queue, ooo_last_skb.</summary>
/// <remarks>A place is a number that a packet keeps until it is removed; 0 is none. The links lie beside the packets in
/// one array, so that a packet that comes or goes allocates nothing.</remarks>
internal struct PacketTree : IPacketOrder
{
    private const int FirstSize = 16;
    private const int KeptSize = 512;

    // The first element is no packet: it ends every branch, and counts as black.
    private Node[]? _nodes;
    private int _used;
    private int _free;
    private int _copies;
    private int _lastCopy;

    /// <summary>How many there are.</summary>
    internal int Count { get; private set; }

    /// <summary>Where every way begins; 0 in an empty tree.</summary>
    internal int Root { get; private set; }

    /// <summary>The one that begins first; 0 in an empty tree.</summary>
    internal int First { get; private set; }

    /// <summary>The one that begins last; 0 in an empty tree.</summary>
    internal int Last { get; private set; }

    /// <summary>The packet at a place.</summary>
    public readonly ref ReceivedPacket At(int place) => ref _nodes![place].Packet;

    /// <summary>What lies below a packet on one side; 0 for nothing.</summary>
    internal readonly int Below(int place, bool right) => right ? _nodes![place].Right : _nodes![place].Left;

    /// <summary>Whether a packet's link to what is above it is red.</summary>
    internal readonly bool IsRed(int place) => _nodes![place].IsRed;

    /// <summary>The place after another by sequence number; 0 after the last.</summary>
    public readonly int Next(int place) => Beside(place, right: true);

    /// <summary>The place before another by sequence number; 0 before the first.</summary>
    internal readonly int Previous(int place) => Beside(place, right: false);

    /// <summary>Whether there is a packet at a place.</summary>
    public readonly bool Has(int place) => place != 0;

    /// <summary>Where the packets up to one end that reaches farthest: what comes later does not change the bytes
    /// before. There is one at the place.</summary>
    internal readonly SeqNumber Reach(int place)
    {
        Node[] nodes = _nodes!;
        if (place == Last)
        {
            return nodes[Root].Most;
        }

        SeqNumber reach = Farther(nodes[place].Packet.End, nodes[place].Left);
        for (int above = nodes[place].Above; above != 0; place = above, above = nodes[above].Above)
        {
            if (place == nodes[above].Right)
            {
                SeqNumber end = nodes[above].Packet.End;
                reach = Farther(end > reach ? end : reach, nodes[above].Left);
            }
        }

        return reach;
    }

    /// <summary>Adds a packet at the end of a way.</summary>
    /// <param name="parent">The last packet on the way; 0 in an empty tree.</param>
    /// <param name="right">Whether it goes to the right of that one, where nothing is.</param>
    /// <param name="packet">The packet.</param>
    /// <returns>Its place.</returns>
    internal int Add(int parent, bool right, in ReceivedPacket packet)
    {
        int place = Take(packet);
        Link(place, parent, right);
        return place;
    }

    /// <summary>Puts a packet in the place of one that begins where it does.</summary>
    internal void Replace(int place, in ReceivedPacket packet)
    {
        _nodes![place].Packet = packet;
        Extend(place);
    }

    /// <summary>A packet has become longer, or another.</summary>
    internal readonly void Extend(int place)
    {
        for (; place != 0; place = _nodes![place].Above)
        {
            Measure(place);
        }
    }

    /// <summary>Removes a packet.</summary>
    /// <returns>The place after it.</returns>
    public int Remove(int place)
    {
        int next = Next(place);
        First = place == First ? next : First;
        Last = place == Last ? Previous(place) : Last;
        Unlink(place);
        _nodes![place].Left = _free;
        _free = place;
        if (--Count == 0 && _copies == 0)
        {
            _free = _used = 0;
        }

        return next;
    }

    /// <summary>Keeps a copy of others' bytes for <see cref="Settle"/>.</summary>
    /// <param name="place">What it comes before.</param>
    /// <param name="packet">The copy, which begins after all that were put before.</param>
    /// <returns>The same place.</returns>
    public int Put(int place, in ReceivedPacket packet)
    {
        int copy = Take(packet);
        _nodes![copy].Right = 0;
        if (_copies == 0)
        {
            _copies = copy;
        }
        else
        {
            _nodes[_lastCopy].Right = copy;
        }

        _lastCopy = copy;
        return place;
    }

    /// <summary>Adds the copies that were put, each on the way from the root.</summary>
    public void Settle()
    {
        while (_copies != 0)
        {
            int copy = _copies;
            _copies = _nodes![copy].Right;
            SeqNumber seq = _nodes[copy].Packet.Seq;
            int parent = 0;
            bool right = false;
            for (int at = Root; at != 0; at = Below(at, right))
            {
                parent = at;
                right = seq >= _nodes[at].Packet.Seq;
            }

            Link(copy, parent, right);
        }
    }

    /// <summary>Forgets all; what would be too much to keep for an idle time is let go.</summary>
    internal void Clear()
    {
        Node[]? nodes = _nodes?.Length > KeptSize ? null : _nodes;
        this = default;
        _nodes = nodes;
    }

    private int Take(in ReceivedPacket packet)
    {
        int place = _free;
        if (place != 0)
        {
            _free = _nodes![place].Left;
        }
        else
        {
            place = ++_used;
            if (_nodes is null)
            {
                _nodes = new Node[FirstSize];
            }
            else if (place == _nodes.Length)
            {
                Array.Resize(ref _nodes, place * 2);
            }
        }

        _nodes[place] = new Node { Packet = packet };
        return place;
    }

    private void Link(int place, int parent, bool right)
    {
        First = parent == First && (!right || parent == 0) ? place : First;
        Last = parent == Last && (right || parent == 0) ? place : Last;
        ref Node node = ref _nodes![place];
        node.Left = node.Right = 0;
        node.SetAbove(parent, isRed: true);
        if (parent == 0)
        {
            Root = place;
        }
        else
        {
            Child(parent, right) = place;
        }

        Count++;
        Extend(place);
        BalanceAdded(place);
    }

    private readonly void Measure(int place)
    {
        ref Node node = ref _nodes![place];
        node.Most = Farther(Farther(node.Packet.End, node.Left), node.Right);
    }

    // An end, or the one that reaches farther of those that lie below another link.
    private readonly SeqNumber Farther(SeqNumber end, int below) =>
        below != 0 && _nodes![below].Most > end ? _nodes[below].Most : end;

    private readonly int Beside(int place, bool right)
    {
        int at = Below(place, right);
        if (at != 0)
        {
            while (Below(at, !right) is var nearer and not 0)
            {
                at = nearer;
            }

            return at;
        }

        int above = _nodes![place].Above;
        while (above != 0 && place == Below(above, right))
        {
            place = above;
            above = _nodes[above].Above;
        }

        return above;
    }

    private readonly ref int Child(int place, bool right)
    {
        ref Node node = ref _nodes![place];
        return ref right ? ref node.Right : ref node.Left;
    }

    // The child on the other side comes up, and the one at the place goes down.
    private void Rotate(int place, bool right)
    {
        int up = Below(place, !right);
        int middle = Below(up, right);
        Child(place, !right) = middle;
        if (middle != 0)
        {
            _nodes![middle].Above = place;
        }

        ChangeBelow(_nodes![place].Above, place, up);
        Child(up, right) = place;
        _nodes[place].Above = up;
        Measure(place);
        Measure(up);
    }

    // Puts another, or nothing, where one hangs.
    private void ChangeBelow(int above, int place, int other)
    {
        if (above == 0)
        {
            Root = other;
        }
        else
        {
            Child(above, place == _nodes![above].Right) = other;
        }

        if (other != 0)
        {
            _nodes![other].Above = above;
        }
    }

    private void BalanceAdded(int place)
    {
        Node[] nodes = _nodes!;
        while (nodes[place].Above is var parent && nodes[parent].IsRed)
        {
            int above = nodes[parent].Above;
            bool right = parent == nodes[above].Right;
            int uncle = Below(above, !right);
            if (nodes[uncle].IsRed)
            {
                nodes[parent].IsRed = nodes[uncle].IsRed = false;
                nodes[above].IsRed = true;
                place = above;
                continue;
            }

            if (place == Below(parent, !right))
            {
                Rotate(parent, right);
                (place, parent) = (parent, place);
            }

            nodes[parent].IsRed = false;
            nodes[above].IsRed = true;
            Rotate(above, !right);
        }

        nodes[Root].IsRed = false;
    }

    // One with two below it gives its place and colour to the next one.
    private void Unlink(int place)
    {
        Node[] nodes = _nodes!;
        Node gone = nodes[place];
        int parent = gone.Above;
        int child = gone.Left == 0 ? gone.Right : gone.Left;
        bool wasRed = gone.IsRed;
        bool right = parent != 0 && place == nodes[parent].Right;
        if (gone.Left != 0 && gone.Right != 0)
        {
            int next = Next(place);
            wasRed = nodes[next].IsRed;
            child = nodes[next].Right;
            right = next == gone.Right;
            parent = right ? next : nodes[next].Above;
            if (!right)
            {
                ChangeBelow(parent, next, child);
                nodes[next].Right = gone.Right;
                nodes[gone.Right].Above = next;
            }

            nodes[next].Left = gone.Left;
            nodes[gone.Left].Above = next;
            ChangeBelow(gone.Above, place, next);
            nodes[next].IsRed = gone.IsRed;
        }
        else
        {
            ChangeBelow(parent, place, child);
        }

        Extend(parent);
        if (!wasRed)
        {
            BalanceRemoved(child, parent, right);
        }
    }

    // One black link is missing on the way to a place, which may be empty.
    private void BalanceRemoved(int place, int parent, bool right)
    {
        Node[] nodes = _nodes!;
        while (parent != 0 && !nodes[place].IsRed)
        {
            int sibling = Below(parent, !right);
            if (nodes[sibling].IsRed)
            {
                nodes[sibling].IsRed = false;
                nodes[parent].IsRed = true;
                Rotate(parent, right);
                sibling = Below(parent, !right);
            }

            int near = Below(sibling, right);
            int far = Below(sibling, !right);
            if (!nodes[near].IsRed && !nodes[far].IsRed)
            {
                nodes[sibling].IsRed = true;
                place = parent;
                parent = nodes[place].Above;
                right = place == nodes[parent].Right;
                continue;
            }

            if (!nodes[far].IsRed)
            {
                Rotate(sibling, !right);
                far = sibling;
                sibling = near;
            }

            nodes[sibling].IsRed = nodes[parent].IsRed;
            nodes[parent].IsRed = nodes[far].IsRed = false;
            Rotate(parent, right);
            return;
        }

        nodes[place].IsRed = false;
    }

    private struct Node
    {
        internal ReceivedPacket Packet;

        // Where the one ends that reaches farthest of this and all below it.
        internal SeqNumber Most;
        internal int Left;
        internal int Right;

        // The lowest bit is the colour of the link.
        private int _above;

        internal int Above
        {
            readonly get => _above >> 1;
            set => _above = (value << 1) | (_above & 1);
        }

        internal bool IsRed
        {
            readonly get => (_above & 1) != 0;
            set => _above = (_above & ~1) | (value ? 1 : 0);
        }

        internal void SetAbove(int above, bool isRed) => _above = (above << 1) | (isRed ? 1 : 0);
    }
}
