namespace Earshot.Core.Sockets;

/// <content>SOL_IP, SOL_TCP and SOL_IPV6. Each line was seen on the host kernel.</content>
internal static partial class OptionTable
{
    /// <summary>Linux: do_ip_setsockopt, do_ip_getsockopt.</summary>
    private static OptionRule[] IpLevel() =>
    [
        Fixed(Ip, 3, 0), // IP_HDRINCL
        Fixed(Ip, 5, 0, Invalid), // IP_ROUTER_ALERT
        Flag(Ip, 6), // IP_RECVOPTS
        Flag(Ip, 7), // IP_RETOPTS
        Flag(Ip, 8), // IP_PKTINFO
        Flag(Ip, 11) with { Effect = static (_, s, v) => s.SetReceiveErrors(v != 0) }, // IP_RECVERR
        Flag(Ip, 12), // IP_RECVTTL
        Flag(Ip, 13), // IP_RECVTOS
        Flag(Ip, 15) with { Length = OptionLength.AtLeastOne }, // IP_FREEBIND
        Flag(Ip, 18), // IP_PASSSEC
        Flag(Ip, 19) with // IP_TRANSPARENT
        {
            Length = OptionLength.AtLeastOne,
            Refuse = static (c, _, v) => v == 0 || c.IsNetwork ? 0 : Errno.EPERM,
        },
        Flag(Ip, 20), // IP_ORIGDSTADDR
        Fixed(Ip, 22, 0), // IP_NODEFRAG
        Flag(Ip, 23), // IP_CHECKSUM
        Flag(Ip, 24), // IP_BIND_ADDRESS_NO_PORT
        Flag(Ip, 25) with // IP_RECVFRAGSIZE
        {
            Holders = OptionHolders.Datagrams,
            OthersSet = Invalid,
            OthersGet = 0,
        },
        Number(Ip, 26, 0, 1), // IP_RECVERR_RFC4884
        Number(Ip, 33, -1, 255, 1) with // IP_MULTICAST_TTL
        {
            Length = OptionLength.AtLeastOne,
            Holders = OptionHolders.Datagrams,
            OthersSet = Invalid,
            OthersGet = 0,
            Clean = static (_, _, v) => v == -1 ? 1 : v,
        },
        Flag(Ip, 34, 1) with { Length = OptionLength.AtLeastOne }, // IP_MULTICAST_LOOP
        // An AF_INET6 socket begins without it; the value that is kept is one more, so that 0 is "not set".
        Number(Ip, 49, 0, 1) with // IP_MULTICAST_ALL
        {
            Length = OptionLength.AtLeastOne,
            Clean = static (_, _, v) => v + 1,
            Get = static (_, s) => s.HearsAllGroups ? 1 : 0,
        },
        Refused(Ip, 64, Invalid, Invalid), // IPT_SO_SET_REPLACE
        Refused(Ip, 65, Invalid, Invalid), // IPT_SO_SET_ADD_COUNTERS
        Refused(Ip, 66, Unknown, Invalid), // IPT_SO_GET_REVISION_MATCH
        Refused(Ip, 67, Unknown, Invalid), // IPT_SO_GET_REVISION_TARGET
    ];

    /// <summary>Linux: do_tcp_setsockopt, do_tcp_getsockopt.</summary>
    private static OptionRule[] TcpLevel() =>
    [
        Flag(Tcp, 12, 1), // TCP_QUICKACK
        Number(Tcp, 16, 0, 1), // TCP_THIN_LINEAR_TIMEOUTS
        Number(Tcp, 17, 0, 1) with { Clean = static (_, _, _) => 0 }, // TCP_THIN_DUPACK
        Number(Tcp, 19, -1, 1) with // TCP_REPAIR
        {
            Clean = static (_, _, v) => v == 1 ? 1 : 0,
            Refuse = static (c, _, _) => c.IsAdmin ? 0 : Errno.EPERM,
        },
        Refused(Tcp, 20, Errno.EPERM, Invalid), // TCP_REPAIR_QUEUE
        Refused(Tcp, 21, Invalid, Invalid), // TCP_QUEUE_SEQ
        Refused(Tcp, 22, Invalid, Unknown), // TCP_REPAIR_OPTIONS
        Number(Tcp, 24) with { SetError = Errno.EPERM, Get = static (c, s) => c.TimestampClock(s) }, // TCP_TIMESTAMP
        Refused(Tcp, 29, Errno.EPERM, Invalid), // TCP_REPAIR_WINDOW
        Number(Tcp, 30, 0, 1) with { Refuse = static (c, s, _) => c.MayFastOpenConnect(s) }, // TCP_FASTOPEN_CONNECT
        Refused(Tcp, 35, Unknown, Invalid), // TCP_ZEROCOPY_RECEIVE
        Number(Tcp, 36, 0, 1), // TCP_INQ
        Number(Tcp, 37, 0, (1 << 28) - 1), // TCP_TX_DELAY
        Fixed(Tcp, 43, 0), // TCP_IS_MPTCP
        Number(Tcp, 45, otherwise: 200_000) with // TCP_RTO_MIN_US
        {
            Refuse = static (c, _, v) => c.IsTicks(v) ? 0 : Invalid,
            Clean = static (c, _, v) => c.ToTicks(v),
        },
        Number(Tcp, 46, otherwise: 200_000) with // TCP_DELACK_MAX_US
        {
            Refuse = static (c, _, v) => c.IsTicks(v) ? 0 : Invalid,
            Clean = static (c, _, v) => c.ToTicks(v),
        },
    ];

    /// <summary>Linux: do_ipv6_setsockopt, do_ipv6_getsockopt.</summary>
    private static OptionRule[] IPv6Level() =>
    [
        Flag(Ip6, 2), // IPV6_2292PKTINFO
        Flag(Ip6, 3), // IPV6_2292HOPOPTS
        Flag(Ip6, 4), // IPV6_2292DSTOPTS
        Flag(Ip6, 5), // IPV6_2292RTHDR
        Flag(Ip6, 8), // IPV6_2292HOPLIMIT
        Flag(Ip6, 11), // IPV6_FLOWINFO
        Number(Ip6, 18, -1, 255, 1) with // IPV6_MULTICAST_HOPS
        {
            Holders = OptionHolders.Datagrams,
            OthersGet = 0,
            Clean = static (_, _, v) => v == -1 ? 1 : v,
        },
        Number(Ip6, 19, 0, 1, 1), // IPV6_MULTICAST_LOOP
        Fixed(Ip6, 22, 0), // IPV6_ROUTER_ALERT
        Number(Ip6, 23, 0, 5, 1), // IPV6_MTU_DISCOVER
        Flag(Ip6, 25) with { Effect = static (_, s, v) => s.SetReceiveErrors(v != 0) }, // IPV6_RECVERR
        Refused(Ip6, 27, Invalid, Unknown), // IPV6_JOIN_ANYCAST
        Refused(Ip6, 28, Invalid, Unknown), // IPV6_LEAVE_ANYCAST
        Flag(Ip6, 29, 1), // IPV6_MULTICAST_ALL
        Flag(Ip6, 30), // IPV6_ROUTER_ALERT_ISOLATE
        Number(Ip6, 31, 0, 1), // IPV6_RECVERR_RFC4884
        Refused(Ip6, 32, Invalid, Invalid), // IPV6_FLOWLABEL_MGR
        Flag(Ip6, 33), // IPV6_FLOWINFO_SEND
        Flag(Ip6, 49), // IPV6_RECVPKTINFO
        Flag(Ip6, 51), // IPV6_RECVHOPLIMIT
        Flag(Ip6, 53), // IPV6_RECVHOPOPTS
        Flag(Ip6, 56), // IPV6_RECVRTHDR
        Flag(Ip6, 58), // IPV6_RECVDSTOPTS
        Flag(Ip6, 60), // IPV6_RECVPATHMTU
        Flag(Ip6, 62) with { Length = OptionLength.Any }, // IPV6_DONTFRAG
        Refused(Ip6, 64, Invalid, Invalid), // IP6T_SO_SET_REPLACE
        Refused(Ip6, 65, Invalid, Invalid), // IP6T_SO_SET_ADD_COUNTERS
        Flag(Ip6, 66), // IPV6_RECVTCLASS
        Refused(Ip6, 68, Unknown, Invalid) with { Length = OptionLength.Any }, // IP6T_SO_GET_REVISION_MATCH
        Refused(Ip6, 69, Unknown, Invalid) with { Length = OptionLength.Any }, // IP6T_SO_GET_REVISION_TARGET
        Flag(Ip6, 70, 1) with { Length = OptionLength.Any }, // IPV6_AUTOFLOWLABEL
        Flag(Ip6, 74), // IPV6_ORIGDSTADDR
        Flag(Ip6, 77) with { Length = OptionLength.Any }, // IPV6_RECVFRAGSIZE
    ];
}
