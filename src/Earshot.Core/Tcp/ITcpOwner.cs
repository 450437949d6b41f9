namespace Earshot.Core.Tcp;

/// <summary>The options of a socket that TCP reads; an accepted connection starts with a copy of its
/// listener's.</summary>
internal struct SocketOptions
{
    internal int SendBuffer;
    internal int ReceiveBuffer;
    internal bool SendBufferLocked;
    internal bool ReceiveBufferLocked;
    internal bool ReuseAddress;
    internal bool NoDelay;
    internal bool KeepAlive;

    /// <summary>Seconds, 0 to reset at close, -1 for off.</summary>
    internal int Linger;

    /// <summary>TCP_MAXSEG; 0: not set.</summary>
    internal ushort MaximumSegment;

    /// <summary>TCP_SYNCNT; 0: the sysctl.</summary>
    internal byte SynCount;

    /// <summary>TCP_LINGER2 in seconds; 0: the sysctl, -1: FIN_WAIT2 is not kept.</summary>
    internal int Linger2;

    /// <summary>TCP_USER_TIMEOUT in milliseconds; 0: off.</summary>
    internal int UserTimeout;

    internal byte Tos;

    /// <summary>IP_TTL; 0: the sysctl.</summary>
    internal byte Ttl;

    /// <summary>TCP_DEFER_ACCEPT as a number of SYN-ACK timeouts; 0: off.</summary>
    internal byte DeferAccept;

    /// <summary>TCP_SAVE_SYN: 0 off, 1 from the IP header on, 2 from the link's header on.</summary>
    internal byte SaveSyn;

    /// <summary>TCP_WINDOW_CLAMP in bytes; 0: none.</summary>
    internal int WindowClamp;

    /// <summary>TCP_FASTOPEN: most Fast Open connections that may be unfinished; 0: off. Linux: max_qlen.</summary>
    internal uint FastOpenLimit;

    /// <summary>TCP_FASTOPEN_NO_COOKIE: data in a SYN is taken without a cookie.</summary>
    internal bool FastOpenNoCookie;

    /// <summary>TCP_FASTOPEN_KEY: 16 bytes, or 32 with a backup key; null: the stack's own.</summary>
    internal byte[]? FastOpenKeys;
}

/// <summary>What stands behind a listener or a connection: a socket that a program holds.</summary>
internal interface ITcpOwner
{
    /// <summary>The socket's options.</summary>
    ref SocketOptions Options { get; }

    /// <summary>Readiness has changed: waiters whose interest it meets are woken.</summary>
    void OnReadiness(PollMask changed);
}
