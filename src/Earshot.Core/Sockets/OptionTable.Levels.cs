namespace Earshot.Core.Sockets;

/// <content>SOL_SOCKET and SOL_UDP. Each line was seen on the host kernel.</content>
internal static partial class OptionTable
{
    private const int Base = OptionKey.LevelSocket;
    private const int Ip = OptionKey.LevelIp;
    private const int Tcp = OptionKey.LevelTcp;
    private const int Udp = OptionKey.LevelUdp;
    private const int Ip6 = OptionKey.LevelIPv6;

    // What both say of an option that only other families have.
    private const int Not = Errno.EOPNOTSUPP;
    private const int Unknown = Errno.ENOPROTOOPT;
    private const int Invalid = Errno.EINVAL;

    /// <summary>Linux: sk_setsockopt, sk_getsockopt.</summary>
    private static OptionRule[] SocketLevel() =>
    [
        Flag(Base, 1) with { Refuse = static (c, _, v) => v != 0 && !c.IsAdmin ? Errno.EACCES : 0 }, // SO_DEBUG
        Flag(Base, 5), // SO_DONTROUTE
        Flag(Base, 6), // SO_BROADCAST
        Flag(Base, 10), // SO_OOBINLINE
        Flag(Base, 11), // SO_NO_CHECK
        Number(Base, 12) with // SO_PRIORITY
        {
            Refuse = static (c, _, v) => v is >= 0 and <= 6 || c.IsNetwork ? 0 : Errno.EPERM,
        },
        Number(Base, 14) with { Clean = static (_, _, _) => 0 }, // SO_BSDCOMPAT
        Refused(Base, 16, Not, Not), // SO_PASSCRED
        Number(Base, 18, otherwise: 1) with { Clean = static (c, s, v) => c.LowWaterMark(s, v) }, // SO_RCVLOWAT
        Fixed(Base, 19, 1), // SO_SNDLOWAT
        Refused(Base, 34, Not, Not), // SO_PASSSEC
        Number(Base, 36) with { Refuse = static (c, _, _) => c.IsNetwork ? 0 : Errno.EPERM }, // SO_MARK
        Flag(Base, 40), // SO_RXQ_OVFL
        Flag(Base, 41), // SO_WIFI_STATUS
        Number(Base, 42, otherwise: -1), // SO_PEEK_OFF
        Flag(Base, 43), // SO_NOFCS
        Flag(Base, 44) with // SO_LOCK_FILTER
        {
            Refuse = static (_, s, v) => v == 0 && s.Kept(Base, 44) != 0 ? Errno.EPERM : 0,
        },
        Flag(Base, 45), // SO_SELECT_ERR_QUEUE
        Number(Base, 46, 0), // SO_BUSY_POLL
        Fixed(Base, 48, 64), // SO_BPF_EXTENSIONS
        Number(Base, 53) with { GetError = Unknown, Clean = static (_, _, _) => 0 }, // SO_CNX_ADVICE
        Fixed(Base, 56, 0), // SO_INCOMING_NAPI_ID
        Refused(Base, 59, Unknown, Errno.ENODATA), // SO_PEERGROUPS
        Number(Base, 60, 0, 1), // SO_ZEROCOPY
        Flag(Base, 69) with // SO_PREFER_BUSY_POLL
        {
            Refuse = static (c, _, v) => v != 0 && !c.IsAdmin ? Errno.EPERM : 0,
        },
        Number(Base, 70, 0, ushort.MaxValue) with // SO_BUSY_POLL_BUDGET
        {
            GetError = Unknown,
            Refuse = static (c, _, v) => v > 8 && !c.IsAdmin ? Errno.EPERM : 0,
        },
        Number(Base, 73, 0) with { Refuse = static (_, _, _) => Not }, // SO_RESERVE_MEM
        Number(Base, 74, -1, 1, 1) with // SO_TXREHASH
        {
            Holders = OptionHolders.Streams,
            OthersSet = Not,
            OthersGet = Not,
            Clean = static (_, _, v) => v == -1 ? 1 : v,
        },
        Flag(Base, 75), // SO_RCVMARK
        Refused(Base, 76, Not, Not), // SO_PASSPIDFD
        Refused(Base, 77, Unknown, Errno.ENODATA), // SO_PEERPIDFD
        Flag(Base, 82), // SO_PASSRIGHTS
        Refused(Base, 83, Not, Not), // SO_INQ
        Refused(Base, 27, Errno.ENOENT, Unknown), // SO_DETACH_FILTER
    ];

    /// <summary>Linux: udp_lib_setsockopt, udp_lib_getsockopt.</summary>
    private static OptionRule[] UdpLevel() =>
    [
        Flag(Udp, 1) with { Effect = static (c, s, v) => c.SetCork(s, v != 0) }, // UDP_CORK
        Fixed(Udp, 10, 0), // UDPLITE_SEND_CSCOV
        Fixed(Udp, 11, 0), // UDPLITE_RECV_CSCOV
        Number(Udp, 100) with { Refuse = static (_, _, v) => v is 0 or 2 or 3 ? 0 : Unknown }, // UDP_ENCAP
        Flag(Udp, 101), // UDP_NO_CHECK6_TX
        Flag(Udp, 102), // UDP_NO_CHECK6_RX
        Number(Udp, 103, 0, ushort.MaxValue), // UDP_SEGMENT
        Flag(Udp, 104), // UDP_GRO
    ];
}
