using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>What an ICMP error says about one of our segments.</summary>
/// <param name="Tuple">The connection, seen from this host.</param>
/// <param name="Seq">The sequence number that the quoted segment had.</param>
/// <param name="Type">ICMP type, or ICMPv6 type when the tuple is of IPv6.</param>
/// <param name="Code">ICMP code.</param>
/// <param name="Mtu">Of a frag-needed or a packet-too-big: the MTU of the next hop, 0 when it was not told.</param>
/// <param name="Ttl">What IP_MINTTL is compared with: the quoted packet's time to live, over IPv6 the error's own hop
/// limit.</param>
internal readonly record struct IcmpError(
    FourTuple Tuple, SeqNumber Seq, byte Type, byte Code, ushort Mtu, byte Ttl)
{
    private const byte CodeFragNeeded = 4;

    /// <summary>Whether it came over IPv6.</summary>
    internal bool IsIPv6 => Tuple.Remote.Address.IsIPv6;

    /// <summary>Whether it is a frag-needed or packet-too-big: the path takes smaller packets only.</summary>
    internal bool IsPathMtu => IsIPv6
        ? Type == Icmp6Type.PacketTooBig
        : Type == IcmpType.DestinationUnreachable && Code == CodeFragNeeded;

    /// <summary>Whether a connection request ends by it: net or host unreachable, time exceeded, parameter
    /// problem.</summary>
    internal bool Aborts => IsIPv6 ? IsHardIPv6 : Type switch
    {
        IcmpType.DestinationUnreachable => Code is 0 or 1,
        IcmpType.TimeExceeded or IcmpType.ParameterProblem => true,
        _ => false,
    };

    /// <summary>Whether the network tells of a fault of its own, which takes one doubling of a timeout back: net or
    /// host unreachable. Linux: tcp_ld_RTO_revert.</summary>
    internal bool RevertsBackoff => IsIPv6
        ? Type == Icmp6Type.DestinationUnreachable && Code == 0
        : Type == IcmpType.DestinationUnreachable && Code is 0 or 1;

    /// <summary>The errno that it becomes; 0: none. Linux: icmp_err_convert.</summary>
    internal int ErrorNumber => IsIPv6 ? ErrorNumberIPv6 : Type switch
    {
        IcmpType.TimeExceeded => Errno.EHOSTUNREACH,
        IcmpType.ParameterProblem => Errno.EPROTO,
        IcmpType.DestinationUnreachable => Code switch
        {
            0 or 6 or 9 or 11 => Errno.ENETUNREACH,
            1 or 10 or 12 or 13 or 14 or 15 => Errno.EHOSTUNREACH,
            2 => Errno.ENOPROTOOPT,
            3 => Errno.ECONNREFUSED,
            4 => Errno.EMSGSIZE,
            5 => Errno.EOPNOTSUPP,
            7 => Errno.EHOSTDOWN,
            8 => Errno.ENONET,
            _ => 0,
        },
        _ => 0,
    };

    /// <summary>Whether a connected datagram socket learns it without having asked for more with IP_RECVERR. Linux:
    /// icmp_err_convert, icmpv6_err_convert.</summary>
    internal bool IsHard => IsIPv6 ? IsHardIPv6 || IsPathMtu : Type switch
    {
        IcmpType.DestinationUnreachable => Code is not (0 or 1 or 5 or 11 or 12),
        IcmpType.ParameterProblem => true,
        _ => false,
    };

    // Linux: icmpv6_err_convert says which errors are final.
    private bool IsHardIPv6 => Type switch
    {
        Icmp6Type.DestinationUnreachable => Code is not (0 or 2 or 3),
        Icmp6Type.ParameterProblem => true,
        _ => false,
    };

    private int ErrorNumberIPv6 => Type switch
    {
        Icmp6Type.DestinationUnreachable => Code switch
        {
            0 => Errno.ENETUNREACH,
            1 or 5 or 6 => Errno.EACCES,
            2 or 3 => Errno.EHOSTUNREACH,
            4 => Errno.ECONNREFUSED,
            _ => Errno.EPROTO,
        },
        Icmp6Type.PacketTooBig => Errno.EMSGSIZE,
        Icmp6Type.TimeExceeded => Errno.EHOSTUNREACH,
        _ => Errno.EPROTO,
    };
}
