using System;
using Earshot.Core;
using Earshot.Core.Sockets;

namespace Earshot.Sockets;

/// <summary>What an <see cref="EarshotListener"/> is made with; the defaults are those of .NET's own sockets on
/// Linux.</summary>
public sealed record EarshotListenerOptions
{
    /// <summary>As of listen(): what is more than net.core.somaxconn, or negative, counts as that.</summary>
    public int Backlog { get; init; } = int.MaxValue;

    /// <summary>SO_REUSEADDR: the port may still be held by connections of an earlier listener.</summary>
    public bool ReuseAddress { get; init; } = true;

    /// <summary>SO_REUSEPORT: several listeners share the port, and each connection goes to one of them.</summary>
    public bool ReusePort { get; init; }

    /// <summary>Who of the group gets a connection; null: the stack chooses by hash.</summary>
    /// <remarks>It runs on the stack's thread, must not call the stack, and wants <see cref="ReusePort"/>.</remarks>
    public ReusePortSelector? ReusePortSelector { get; init; }

    /// <summary>TCP_DEFER_ACCEPT: a connection without data waits about this long before it is accepted; zero for off,
    /// rounded up to whole seconds.</summary>
    public TimeSpan DeferAccept { get; init; }

    /// <summary>IPV6_V6ONLY: a listener on [::] leaves IPv4 to others; null: the sysctl bindv6only.</summary>
    public bool? IPv6Only { get; init; }

    internal int Apply(SocketCalls calls, int fd)
    {
        int result = calls.SetOption(fd, SocketOption.ReuseAddress, ReuseAddress ? 1 : 0);
        result = result < 0 || !ReusePort ? result : calls.SetOption(fd, SocketOption.ReusePort, 1);
        result = result < 0 || ReusePortSelector is null
            ? result : calls.SetReusePortSelector(fd, ReusePortSelector);
        int seconds = (int)Math.Min(Math.Ceiling(DeferAccept.TotalSeconds), int.MaxValue);
        result = result < 0 || seconds <= 0 ? result : calls.SetOption(fd, SocketOption.DeferAccept, seconds);
        return result < 0 || IPv6Only is not { } only
            ? result : calls.SetOption(fd, SocketOption.IPv6Only, only ? 1 : 0);
    }
}
