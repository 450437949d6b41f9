namespace Earshot.Core.Sockets;

/// <summary>The socket options whose value is a number; what they mean is Linux's.</summary>
public enum SocketOption
{
    /// <summary>SO_REUSEADDR: 0 or 1.</summary>
    ReuseAddress,

    /// <summary>SO_ERROR: the pending error as a positive errno; reading clears it. Read-only.</summary>
    Error,

    /// <summary>SO_SNDBUF: bytes; stored doubled.</summary>
    SendBuffer,

    /// <summary>SO_RCVBUF: bytes; stored doubled.</summary>
    ReceiveBuffer,

    /// <summary>SO_LINGER: seconds, 0 to reset at close, -1 for off.</summary>
    Linger,

    /// <summary>SO_KEEPALIVE: 0 or 1.</summary>
    KeepAlive,

    /// <summary>SO_ACCEPTCONN: 1 of a listener. Read-only.</summary>
    AcceptConnections,

    /// <summary>TCP_NODELAY: 0 or 1.</summary>
    NoDelay,

    /// <summary>TCP_MAXSEG: 0, or 88 to 32767 bytes.</summary>
    MaximumSegment,

    /// <summary>TCP_SYNCNT: 1 to 127 retransmissions of a SYN, and of a listener's SYN-ACKs.</summary>
    SynCount,

    /// <summary>TCP_LINGER2: seconds in FIN_WAIT2; -1 not to keep it.</summary>
    Linger2,

    /// <summary>TCP_USER_TIMEOUT: milliseconds, 0 for off.</summary>
    UserTimeout,

    /// <summary>IP_TOS: 0 to 255; its two ECN bits are ignored.</summary>
    TypeOfService,

    /// <summary>IP_TTL: 1 to 255, -1 for the default.</summary>
    TimeToLive,

    /// <summary>SO_REUSEPORT: 0 or 1.</summary>
    ReusePort,

    /// <summary>SO_DOMAIN: 2 (AF_INET) or 10 (AF_INET6). Read-only.</summary>
    Domain,

    /// <summary>SO_TYPE: 1 (SOCK_STREAM) or 2 (SOCK_DGRAM). Read-only.</summary>
    SocketType,

    /// <summary>SO_PROTOCOL: 6 (TCP) or 17 (UDP). Read-only.</summary>
    Protocol,

    /// <summary>SO_INCOMING_CPU: the number of a core, -1 for none.</summary>
    IncomingCpu,

    /// <summary>SO_BINDTOIFINDEX: the index of an interface, 0 for any.</summary>
    BindToInterface,

    /// <summary>SO_RCVBUFFORCE: bytes, without limit; stored doubled. Write-only.</summary>
    ReceiveBufferForce,

    /// <summary>TCP_DEFER_ACCEPT: seconds, kept as a number of SYN-ACK timeouts.</summary>
    DeferAccept,

    /// <summary>TCP_WINDOW_CLAMP: bytes, at least 1152; 0 for none.</summary>
    WindowClamp,

    /// <summary>TCP_SAVE_SYN: 0, 1 (from the IP header on) or 2 (from the link's header on).</summary>
    SaveSyn,

    /// <summary>TCP_FASTOPEN: Fast Open connections that may be unfinished, cut to net.core.somaxconn.</summary>
    FastOpen,

    /// <summary>TCP_FASTOPEN_NO_COOKIE: 0 or 1.</summary>
    FastOpenNoCookie,

    /// <summary>IP_MINTTL: 0 to 255.</summary>
    MinimumTimeToLive,

    /// <summary>IP_FREEBIND: 0 or 1.</summary>
    FreeBind,

    /// <summary>IP_TRANSPARENT: 0 or 1.</summary>
    Transparent,

    /// <summary>IP_BIND_ADDRESS_NO_PORT: 0 or 1.</summary>
    BindAddressNoPort,

    /// <summary>IP_LOCAL_PORT_RANGE: the lowest port, plus the highest times 65536; 0 for the sysctl.</summary>
    LocalPortRange,

    /// <summary>IPV6_V6ONLY: 0 or 1.</summary>
    IPv6Only,

    /// <summary>IPV6_TCLASS: 0 to 255, -1 for 0; its two ECN bits are ignored.</summary>
    TrafficClass,

    /// <summary>IPV6_UNICAST_HOPS: 0 to 255, -1 for the default.</summary>
    UnicastHops,

    /// <summary>IPV6_MINHOPCOUNT: 0 to 255.</summary>
    MinimumHopCount,
}

/// <summary>Linux's level and name of each <see cref="SocketOption"/>.</summary>
internal static class SocketOptionTable
{
    internal static (int Level, int Name) Number(SocketOption option) => option switch
    {
        SocketOption.ReuseAddress => (OptionKey.LevelSocket, 2),
        SocketOption.SocketType => (OptionKey.LevelSocket, 3),
        SocketOption.Error => (OptionKey.LevelSocket, 4),
        SocketOption.SendBuffer => (OptionKey.LevelSocket, 7),
        SocketOption.ReceiveBuffer => (OptionKey.LevelSocket, 8),
        SocketOption.KeepAlive => (OptionKey.LevelSocket, 9),
        SocketOption.Linger => (OptionKey.LevelSocket, 13),
        SocketOption.ReusePort => (OptionKey.LevelSocket, 15),
        SocketOption.AcceptConnections => (OptionKey.LevelSocket, 30),
        SocketOption.ReceiveBufferForce => (OptionKey.LevelSocket, 33),
        SocketOption.Protocol => (OptionKey.LevelSocket, 38),
        SocketOption.Domain => (OptionKey.LevelSocket, 39),
        SocketOption.IncomingCpu => (OptionKey.LevelSocket, 49),
        SocketOption.BindToInterface => (OptionKey.LevelSocket, 62),
        SocketOption.NoDelay => (OptionKey.LevelTcp, 1),
        SocketOption.MaximumSegment => (OptionKey.LevelTcp, 2),
        SocketOption.SynCount => (OptionKey.LevelTcp, 7),
        SocketOption.Linger2 => (OptionKey.LevelTcp, 8),
        SocketOption.DeferAccept => (OptionKey.LevelTcp, 9),
        SocketOption.WindowClamp => (OptionKey.LevelTcp, 10),
        SocketOption.UserTimeout => (OptionKey.LevelTcp, 18),
        SocketOption.FastOpen => (OptionKey.LevelTcp, 23),
        SocketOption.SaveSyn => (OptionKey.LevelTcp, 27),
        SocketOption.FastOpenNoCookie => (OptionKey.LevelTcp, 34),
        SocketOption.TypeOfService => (OptionKey.LevelIp, 1),
        SocketOption.TimeToLive => (OptionKey.LevelIp, 2),
        SocketOption.FreeBind => (OptionKey.LevelIp, 15),
        SocketOption.Transparent => (OptionKey.LevelIp, 19),
        SocketOption.MinimumTimeToLive => (OptionKey.LevelIp, 21),
        SocketOption.BindAddressNoPort => (OptionKey.LevelIp, 24),
        SocketOption.LocalPortRange => (OptionKey.LevelIp, 51),
        SocketOption.UnicastHops => (OptionKey.LevelIPv6, 16),
        SocketOption.IPv6Only => (OptionKey.LevelIPv6, 26),
        SocketOption.TrafficClass => (OptionKey.LevelIPv6, 67),
        SocketOption.MinimumHopCount => (OptionKey.LevelIPv6, 73),
        _ => (-1, -1),
    };
}
