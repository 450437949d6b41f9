using System.Net.Sockets;

namespace Earshot.Cli.Control;

/// <summary>Linux's names of the errors that .NET's <see cref="SocketError"/> stands for.</summary>
internal static class SocketErrorNames
{
    /// <summary>The errno's name, as <c>ECONNREFUSED</c>; .NET's own name when connect() and bind() never give
    /// it.</summary>
    internal static string Errno(SocketError error) => error switch
    {
        SocketError.AccessDenied => nameof(Core.Errno.EACCES),
        SocketError.AddressAlreadyInUse => nameof(Core.Errno.EADDRINUSE),
        SocketError.AddressNotAvailable => nameof(Core.Errno.EADDRNOTAVAIL),
        SocketError.ConnectionRefused => nameof(Core.Errno.ECONNREFUSED),
        SocketError.ConnectionReset => nameof(Core.Errno.ECONNRESET),
        SocketError.HostUnreachable => nameof(Core.Errno.EHOSTUNREACH),
        SocketError.InvalidArgument => nameof(Core.Errno.EINVAL),
        SocketError.IsConnected => nameof(Core.Errno.EISCONN),
        SocketError.NetworkUnreachable => nameof(Core.Errno.ENETUNREACH),
        SocketError.NoBufferSpaceAvailable => nameof(Core.Errno.ENOBUFS),
        SocketError.TimedOut => nameof(Core.Errno.ETIMEDOUT),
        SocketError.TooManyOpenSockets => nameof(Core.Errno.EMFILE),
        _ => error.ToString(),
    };
}
