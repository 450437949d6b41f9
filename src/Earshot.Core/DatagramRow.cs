namespace Earshot.Core;

/// <summary>One line of <c>/proc/net/udp</c>: a bound datagram socket.</summary>
public readonly record struct DatagramRow
{
    /// <summary>Its ends, queues and owner. The state is ESTABLISHED of a connected socket, else CLOSE; the receive
    /// queue counts what the datagrams cost.</summary>
    public SocketRow Socket { get; init; }

    /// <summary>The socket's inode.</summary>
    public long Inode { get; init; }

    /// <summary>Datagrams lost because the receive buffer was full.</summary>
    public long Drops { get; init; }
}
