using System;
using Earshot.Core.Tcp;

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
}

/// <summary>Ranges and meanings of the options. Linux: sk_setsockopt, do_tcp_setsockopt, do_ip_setsockopt.</summary>
internal static class SocketOptionTable
{
    private const int LeastSendBuffer = 4608;
    private const int LeastReceiveBuffer = 2304;
    private const int MaximumLinger2 = 120;

    internal static int Set(Sysctls sysctls, ref SocketOptions options, SocketOption option, int value)
    {
        switch (option)
        {
            case SocketOption.ReuseAddress:
                options.ReuseAddress = value != 0;
                return 0;
            case SocketOption.SendBuffer:
                options.SendBuffer = Buffer(value, sysctls.WmemMax, LeastSendBuffer);
                options.SendBufferLocked = true;
                return 0;
            case SocketOption.ReceiveBuffer:
                options.ReceiveBuffer = Buffer(value, sysctls.RmemMax, LeastReceiveBuffer);
                options.ReceiveBufferLocked = true;
                return 0;
            case SocketOption.Linger:
                options.Linger = Math.Max(value, -1);
                return 0;
            case SocketOption.KeepAlive:
                options.KeepAlive = value != 0;
                return 0;
            case SocketOption.NoDelay:
                options.NoDelay = value != 0;
                return 0;
            case SocketOption.MaximumSegment when value is 0 or (>= 88 and <= 32767):
                options.MaximumSegment = (ushort)value;
                return 0;
            case SocketOption.SynCount when value is >= 1 and <= 127:
                options.SynCount = (byte)value;
                return 0;
            case SocketOption.Linger2:
                options.Linger2 = value < 0 ? -1 : Math.Min(value, MaximumLinger2);
                return 0;
            case SocketOption.UserTimeout when value >= 0:
                options.UserTimeout = value;
                return 0;
            case SocketOption.TypeOfService:
                options.Tos = (byte)(value & ~3);
                return 0;
            case SocketOption.TimeToLive when value is -1 or (>= 1 and <= 255):
                options.Ttl = (byte)Math.Max(value, 0);
                return 0;
            case SocketOption.Error or SocketOption.AcceptConnections:
                return -Errno.ENOPROTOOPT;
            default:
                return -Errno.EINVAL;
        }
    }

    internal static int Get(Sysctls sysctls, in SocketOptions options, SocketOption option) => option switch
    {
        SocketOption.ReuseAddress => options.ReuseAddress ? 1 : 0,
        SocketOption.SendBuffer => options.SendBuffer,
        SocketOption.ReceiveBuffer => options.ReceiveBuffer,
        SocketOption.Linger => options.Linger,
        SocketOption.KeepAlive => options.KeepAlive ? 1 : 0,
        SocketOption.NoDelay => options.NoDelay ? 1 : 0,
        SocketOption.MaximumSegment => options.MaximumSegment,
        SocketOption.SynCount => options.SynCount != 0 ? options.SynCount : sysctls.TcpSynRetries,
        SocketOption.Linger2 => options.Linger2 == 0 ? sysctls.TcpFinTimeout : options.Linger2,
        SocketOption.UserTimeout => options.UserTimeout,
        SocketOption.TypeOfService => options.Tos,
        SocketOption.TimeToLive => options.Ttl != 0 ? options.Ttl : sysctls.IpDefaultTtl,
        _ => 0,
    };

    // The value counts as unsigned, is cut to the sysctl and doubled: half is for the kernel's own structures.
    private static int Buffer(int value, int most, int least) =>
        Math.Max((int)Math.Min((uint)value, (uint)most) * 2, least);
}
