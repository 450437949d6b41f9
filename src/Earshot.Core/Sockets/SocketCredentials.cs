using System;

namespace Earshot.Core.Sockets;

/// <summary>What a caller may do beside the ordinary: the Linux capabilities that socket calls ask for.</summary>
[Flags]
public enum SocketCapabilities
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>CAP_NET_BIND_SERVICE: bind to a port below ip_unprivileged_port_start.</summary>
    BindService = 1,

    /// <summary>CAP_NET_ADMIN: SO_RCVBUFFORCE, SO_MARK, IP_TRANSPARENT and the like.</summary>
    NetAdmin = 2,

    /// <summary>CAP_NET_RAW: change SO_BINDTODEVICE once it is set.</summary>
    NetRaw = 4,

    /// <summary>All of them.</summary>
    All = BindService | NetAdmin | NetRaw,
}

/// <summary>Who makes socket calls.</summary>
/// <param name="Uid">The user, which a socket keeps: a group of SO_REUSEPORT has one.</param>
/// <param name="Capabilities">What the caller may do, asked for at each call.</param>
public readonly record struct SocketCredentials(uint Uid, SocketCapabilities Capabilities)
{
    /// <summary>The superuser, with all capabilities: whom a new stack takes its caller for.</summary>
    public static SocketCredentials Root => new(0, SocketCapabilities.All);

    internal bool Has(SocketCapabilities capability) => (Capabilities & capability) != 0;
}
