using System.Collections.Generic;
using Earshot.Core.Sockets;

namespace Earshot.Cli.Driving;

/// <summary>The names by which setopt and getopt know socket options.</summary>
internal static class OptionNames
{
    /// <summary>SO_LINGER as a switch: on with 0 seconds, so that close() resets, or off.</summary>
    internal const string Linger0 = "linger0";

    private const int LingerOff = -1;

    private static readonly Dictionary<string, SocketOption> Names = new()
    {
        ["reuseaddr"] = SocketOption.ReuseAddress,
        ["reuseport"] = SocketOption.ReusePort,
        ["defer"] = SocketOption.DeferAccept,
        ["fastopen"] = SocketOption.FastOpen,
        ["rcvbuf"] = SocketOption.ReceiveBuffer,
        ["sndbuf"] = SocketOption.SendBuffer,
        ["linger"] = SocketOption.Linger,
        [Linger0] = SocketOption.Linger,
        ["keepalive"] = SocketOption.KeepAlive,
        ["syncnt"] = SocketOption.SynCount,
        ["maxseg"] = SocketOption.MaximumSegment,
        ["nodelay"] = SocketOption.NoDelay,
        ["linger2"] = SocketOption.Linger2,
        ["usertimeout"] = SocketOption.UserTimeout,
        ["tos"] = SocketOption.TypeOfService,
        ["ttl"] = SocketOption.TimeToLive,
        ["v6only"] = SocketOption.IPv6Only,
        ["savesyn"] = SocketOption.SaveSyn,
        ["windowclamp"] = SocketOption.WindowClamp,
        ["freebind"] = SocketOption.FreeBind,
        ["incomingcpu"] = SocketOption.IncomingCpu,
        ["acceptconn"] = SocketOption.AcceptConnections,
        ["error"] = SocketOption.Error,
    };

    /// <summary>All names, for messages.</summary>
    internal static string All => string.Join(", ", Names.Keys);

    /// <summary>The option of a name.</summary>
    /// <exception cref="DriveException">ENOPROTOOPT: there is none.</exception>
    internal static SocketOption Find(string name) => Names.TryGetValue(name, out SocketOption option)
        ? option
        : throw new DriveException(nameof(Core.Errno.ENOPROTOOPT), $"no option '{name}'; there are {All}");

    /// <summary>The value that the stack gets for one that a command gave.</summary>
    internal static int ToStack(string name, int value) =>
        name != Linger0 ? value : value != 0 ? 0 : LingerOff;

    /// <summary>The value that a command shows for one of the stack's.</summary>
    internal static int FromStack(string name, int value) => name != Linger0 ? value : value == 0 ? 1 : 0;
}
