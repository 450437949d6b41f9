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
}

/// <summary>What stands behind a listener or a connection: a socket that a program holds.</summary>
internal interface ITcpOwner
{
    /// <summary>The socket's options.</summary>
    ref SocketOptions Options { get; }

    /// <summary>Readiness has changed: waiters whose interest it meets are woken.</summary>
    void OnReadiness(PollMask changed);
}
