using Earshot.Core.Ip;
using Earshot.Core.Wire;

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

    /// <summary>SO_MARK: what goes beside each packet.</summary>
    internal readonly uint Mark => Others is null ? 0 : (uint)OptionValues.Get(Others, OptionValues.Mark);

    /// <summary>TCP_FASTOPEN_CONNECT: connect() puts the SYN off until there is data for it.</summary>
    internal bool FastOpenConnect;

    /// <summary>TCP_CORK.</summary>
    internal bool Cork;

    /// <summary>TCP_NOTSENT_LOWAT in bytes; 0: the sysctl.</summary>
    internal uint UnsentLimit;
    internal bool KeepAlive;

    /// <summary>SO_OOBINLINE: an urgent byte stays in the stream.</summary>
    internal bool UrgentInline;

    /// <summary>SO_RCVLOWAT: bytes that make a socket readable; 0 counts as 1.</summary>
    internal int ReceiveLowWater;

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

    /// <summary>A shutdown() that found no connection ended reading all the same, and a listener's children begin
    /// so.</summary>
    internal bool ReadShut;

    /// <summary>The same of writing: a child sends its FIN as soon as it is established.</summary>
    internal bool WriteShut;

    /// <summary>The place of its congestion control among the stack's. Linux: icsk_ca_ops.</summary>
    internal byte Congestion;

    /// <summary>Whether TCP_CONGESTION chose it; children of a listener begin with the stack's default otherwise.
    /// Linux: icsk_ca_setsockopt.</summary>
    internal bool CongestionChosen;

    /// <summary>SO_REUSEPORT.</summary>
    internal bool ReusePort;

    /// <summary>Whether the socket is one of AF_INET6.</summary>
    internal bool IsIPv6;

    /// <summary>IPV6_V6ONLY, also set by bind() to an IPv6 address of its own.</summary>
    internal bool IPv6Only;

    /// <summary>Who made the socket. Linux: sk_uid.</summary>
    internal uint Uid;

    /// <summary>SO_BINDTODEVICE: the index of an interface; 0: any.</summary>
    internal int Device;

    /// <summary>SO_INCOMING_CPU; -1: not set.</summary>
    internal int IncomingCpu;

    /// <summary>IP_MINTTL: IPv4 packets with less are dropped.</summary>
    internal byte MinimumTtl;

    /// <summary>IPV6_TCLASS.</summary>
    internal byte TrafficClass;

    /// <summary>IPV6_UNICAST_HOPS; -1: the sysctl.</summary>
    internal short HopLimit;

    /// <summary>IPV6_MINHOPCOUNT: IPv6 packets with less are dropped.</summary>
    internal byte MinimumHopLimit;

    /// <summary>IP_MTU_DISCOVER: 1 and 2 set DF.</summary>
    internal byte PathMtuDiscovery;

    /// <summary>TCP_KEEPIDLE in seconds; 0: the sysctl.</summary>
    internal short KeepIdle;

    /// <summary>TCP_KEEPINTVL in seconds; 0: the sysctl.</summary>
    internal short KeepInterval;

    /// <summary>TCP_KEEPCNT; 0: the sysctl.</summary>
    internal byte KeepCount;

    /// <summary>TCP_RTO_MAX_MS: the most that a retransmission timeout grows to; 0: the profile's.</summary>
    internal int MaximumRto;

    /// <summary>TCP_RTO_MIN_US in microseconds; 0: net.ipv4.tcp_rto_min_us.</summary>
    internal readonly int MinimumRto => Others is null ? 0 : (int)OptionValues.Get(Others, OptionValues.RtoMin);

    /// <summary>TCP_DELACK_MAX_US: the most that an ACK waits, in microseconds.</summary>
    internal readonly int MostAckDelay => Others is null ? OptionValues.UsualDelackMax
        : (int)OptionValues.Get(Others, OptionValues.DelackMax, OptionValues.UsualDelackMax);

    /// <summary>TCP_THIN_LINEAR_TIMEOUTS.</summary>
    internal bool ThinLinearTimeouts;

    /// <summary>Options that TCP does not read; null: none was set.</summary>
    internal OptionValues? Others;

    /// <summary>What an accepted connection begins with: nearly all of it. Linux: sk_clone, tcp_create_openreq_child,
    /// inet_csk_clone_lock.</summary>
    internal readonly SocketOptions ForChild()
    {
        SocketOptions child = this;
        child.DeferAccept = 0;
        child.FastOpenLimit = 0;
        child.Others = OptionValues.Without(Others, OptionValues.Priority);
        return child;
    }

    /// <summary>Whether packets carry DF.</summary>
    internal readonly bool DontFragment => PathMtuDiscovery is 1 or 2;

    /// <summary>IP_RECVERR, of an AF_INET6 socket IPV6_RECVERR: ICMP errors are told at once.</summary>
    internal readonly bool AsksForErrors => Others is not null && OptionValues.Get(
        Others, IsIPv6 ? (41 << 16) | 25 : 11) != 0;

    /// <summary>The key that segments to and from a peer are signed with; null: they are not.</summary>
    internal readonly byte[]? KeyOf(in InetAddress peer) => Others?.Keys?.Find(peer, Device);

    /// <summary>The type of service of packets to a peer: IP_TOS, or over IPv6 IPV6_TCLASS.</summary>
    internal readonly byte TosTo(in InetAddress peer) => peer.IsIPv4 ? Tos : TrafficClass;

    /// <summary>Hops that packets to a peer may make; -1: the default.</summary>
    internal readonly short HopsTo(in InetAddress peer) => !peer.IsIPv4 ? HopLimit : Ttl == 0 ? (short)-1 : Ttl;
}

/// <summary>What stands behind a listener or a connection: a socket that a program holds.</summary>
internal interface ITcpOwner
{
    /// <summary>The socket's options.</summary>
    ref readonly SocketOptions Options { get; }

    /// <summary>Options of IPv4 that its packets carry; null: none.</summary>
    AddedHeaders? Headers { get; }

    /// <summary>An ICMP error ends a connection request: it goes to the error queue.</summary>
    void OnQuotedError(in Ip.DatagramError error);

    /// <summary>Something has become of a byte that was marked.</summary>
    void OnMark(Established.Sending.SendMark mark, uint key);

    /// <summary>Readiness has changed: waiters whose interest it meets are woken.</summary>
    void OnReadiness(PollMask changed);
}
