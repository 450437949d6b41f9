using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Earshot.Core.Tcp;

/// <summary>How a connection, or what TIME_WAIT keeps of it, holds its local port.</summary>
internal enum PortHold : byte
{
    /// <summary>Not at all: its socket's binding does.</summary>
    None,

    /// <summary>connect() chose it: other destinations may have the same port.</summary>
    Chosen,

    /// <summary>A child of a listener without SO_REUSEADDR.</summary>
    Child,

    /// <summary>A child of a listener with SO_REUSEADDR.</summary>
    ReusableChild,
}

/// <summary>Who holds which local port beside bound sockets. Linux: inet_bind_bucket, its owners.</summary>
internal sealed class PortHolds
{
    private readonly Dictionary<ushort, Counts> _counts = [];

    internal void Add(ushort port, PortHold hold)
    {
        if (hold != PortHold.None)
        {
            ref Counts counts = ref CollectionsMarshal.GetValueRefOrAddDefault(_counts, port, out _);
            counts.Change(hold, 1);
        }
    }

    internal void Remove(ushort port, PortHold hold)
    {
        if (hold == PortHold.None)
        {
            return;
        }

        ref Counts counts = ref CollectionsMarshal.GetValueRefOrNullRef(_counts, port);
        counts.Change(hold, -1);
        if (counts.IsEmpty)
        {
            _counts.Remove(port);
        }
    }

    /// <summary>What holds a port.</summary>
    internal Counts Of(ushort port) => _counts.GetValueOrDefault(port);

    /// <summary>Holders of one port by kind.</summary>
    internal struct Counts
    {
        internal int Chosen;
        internal int Children;
        internal int ReusableChildren;

        internal readonly bool IsEmpty => (Chosen | Children | ReusableChildren) == 0;

        internal void Change(PortHold hold, int by)
        {
            switch (hold)
            {
                case PortHold.Chosen:
                    Chosen += by;
                    break;
                case PortHold.Child:
                    Children += by;
                    break;
                case PortHold.ReusableChild:
                    ReusableChildren += by;
                    break;
            }
        }
    }
}
