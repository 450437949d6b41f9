using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>What an ICMP error says about one of our segments.</summary>
/// <param name="Tuple">The connection, seen from this host.</param>
/// <param name="Seq">The sequence number that the quoted segment had.</param>
/// <param name="Type">ICMP type.</param>
/// <param name="Code">ICMP code.</param>
/// <param name="Mtu">Of a frag-needed: the MTU of the next hop, 0 when it was not told.</param>
internal readonly record struct IcmpError(FourTuple Tuple, SeqNumber Seq, byte Type, byte Code, ushort Mtu)
{
    private const byte CodeFragNeeded = 4;

    /// <summary>Whether it is a frag-needed: the path takes smaller packets only.</summary>
    internal bool IsPathMtu => Type == IcmpType.DestinationUnreachable && Code == CodeFragNeeded;

    /// <summary>Whether a connection request ends by it: net or host unreachable, time exceeded, parameter
    /// problem.</summary>
    internal bool Aborts => Type switch
    {
        IcmpType.DestinationUnreachable => Code is 0 or 1,
        IcmpType.TimeExceeded or IcmpType.ParameterProblem => true,
        _ => false,
    };

    /// <summary>The errno that it becomes; 0: none. Linux: icmp_err_convert.</summary>
    internal int ErrorNumber => Type switch
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
}
