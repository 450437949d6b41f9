namespace Earshot.Core.Tcp;

/// <summary>How a connection, or what TIME_WAIT keeps of it, holds its local port.</summary>
internal enum PortHold : byte
{
    /// <summary>Not at all: its socket's binding does.</summary>
    None,

    /// <summary>connect() chose it: other destinations may have the same port.</summary>
    Chosen,

    /// <summary>A child of a listener without SO_REUSEADDR, or a connection from a port that was bound.</summary>
    Child,

    /// <summary>The same with SO_REUSEADDR.</summary>
    ReusableChild,
}

/// <summary>Who holds which local port beside bound sockets. Linux: inet_bind_bucket, its owners.</summary>
/// <remarks>An array per kind, made when first needed: connections come and go too fast for a dictionary.</remarks>
internal sealed class PortHolds
{
    private const int Kinds = 4;
    private const int Ports = 65536;
    private readonly int[]?[] _counts = new int[]?[Kinds];
    private int _children;

    /// <summary>Whether any child holds any port.</summary>
    internal bool HasChildren => _children > 0;

    internal void Add(ushort port, PortHold hold)
    {
        if (hold != PortHold.None)
        {
            (_counts[(int)hold] ??= new int[Ports])[port]++;
            _children += hold == PortHold.Chosen ? 0 : 1;
        }
    }

    internal void Remove(ushort port, PortHold hold)
    {
        if (hold != PortHold.None)
        {
            _counts[(int)hold]![port]--;
            _children -= hold == PortHold.Chosen ? 0 : 1;
        }
    }

    /// <summary>How many hold a port in this way.</summary>
    internal int Count(ushort port, PortHold hold) => _counts[(int)hold] is { } counts ? counts[port] : 0;
}
