using System;

namespace Earshot.Core;

/// <summary>What a listener or a connection tells of itself beside its line in netstat.</summary>
public sealed record SocketDetail
{
    /// <summary>The inode, which a socket has as long as a program holds it; else 0.</summary>
    public long Inode { get; init; }

    /// <summary>The reference count of <c>/proc/net/tcp</c>: one, one for each timer that runs, and for a listener
    /// one for each request and connection that waits.</summary>
    public int References { get; init; }

    /// <summary>Whether the receiving side is shut.</summary>
    public bool IsReadShut { get; init; }

    /// <summary>Whether the sending side is shut.</summary>
    public bool IsWriteShut { get; init; }

    /// <summary>ACKs that leave at once, twice, and one more when ACKs ride on answers: a column of
    /// <c>/proc/net/tcp</c>.</summary>
    public int QuickAcks { get; init; }

    /// <summary>Of a listener, how many connections may wait for their third ACK with fast open; else 0.</summary>
    public int FastOpenLimit { get; init; }

    /// <summary>Memory, as <c>ss -m</c> shows it.</summary>
    public SocketMemory Memory { get; init; }

    /// <summary>What TCP_INFO tells.</summary>
    public required TcpInfo Info { get; init; }
}

/// <summary>The memory of a socket, with the letters of <c>ss -m</c>. Linux: sock_diag_put_meminfo.</summary>
/// <remarks>A packet costs its bytes and 832 more, as a small one does on Linux's loopback; large ones and those of
/// other devices cost there what their driver made of them (docs/deviations.md, D3).</remarks>
public readonly record struct SocketMemory
{
    /// <summary>r: bytes of what is received and not read.</summary>
    public long Received { get; init; }

    /// <summary>rb: SO_RCVBUF.</summary>
    public long ReceiveBuffer { get; init; }

    /// <summary>tb: SO_SNDBUF.</summary>
    public long SendBuffer { get; init; }

    /// <summary>f: bytes reserved and not used, to whole pages.</summary>
    public long Reserved { get; init; }

    /// <summary>w: bytes of what is queued for sending.</summary>
    public long Queued { get; init; }

    /// <summary>d: segments that the socket dropped; of a listener the refused SYNs and ACKs among them.</summary>
    public long Drops { get; init; }
}

/// <summary>A connection that waits to be accepted.</summary>
public readonly record struct QueuedConnection
{
    /// <summary>The peer.</summary>
    public Wire.InetEndpoint Remote { get; init; }

    /// <summary>Its state: the peer may have closed it already.</summary>
    public TcpState State { get; init; }

    /// <summary>How long it has waited.</summary>
    public TimeSpan Age { get; init; }

    /// <summary>Bytes that it has received meanwhile.</summary>
    public long BytesWaiting { get; init; }

    /// <summary>What a SYN cookie remembered of its handshake; null when it came without one.</summary>
    public CookieRemains? Cookie { get; init; }
}
