using System.Net.Sockets;

namespace Earshot.Cli.Control;

/// <summary>Linux's names of the errors that .NET's <see cref="SocketError"/> stands for.</summary>
internal static class SocketErrorNames
{
    /// <summary>The errno's name, as <c>ECONNREFUSED</c>; .NET's own name when it stands for several.</summary>
    internal static string Errno(SocketError error) => error switch
    {
        SocketError.AccessDenied => nameof(Core.Errno.EACCES),
        SocketError.AddressAlreadyInUse => nameof(Core.Errno.EADDRINUSE),
        SocketError.AddressFamilyNotSupported => nameof(Core.Errno.EAFNOSUPPORT),
        SocketError.AddressNotAvailable => nameof(Core.Errno.EADDRNOTAVAIL),
        SocketError.AlreadyInProgress => nameof(Core.Errno.EALREADY),
        SocketError.ConnectionAborted => nameof(Core.Errno.ECONNABORTED),
        SocketError.ConnectionRefused => nameof(Core.Errno.ECONNREFUSED),
        SocketError.ConnectionReset => nameof(Core.Errno.ECONNRESET),
        SocketError.DestinationAddressRequired => nameof(Core.Errno.EDESTADDRREQ),
        SocketError.Fault => nameof(Core.Errno.EFAULT),
        SocketError.HostDown => nameof(Core.Errno.EHOSTDOWN),
        SocketError.HostUnreachable => nameof(Core.Errno.EHOSTUNREACH),
        SocketError.InProgress => nameof(Core.Errno.EINPROGRESS),
        SocketError.Interrupted => nameof(Core.Errno.EINTR),
        SocketError.InvalidArgument => nameof(Core.Errno.EINVAL),
        SocketError.IsConnected => nameof(Core.Errno.EISCONN),
        SocketError.MessageSize => nameof(Core.Errno.EMSGSIZE),
        SocketError.NetworkUnreachable => nameof(Core.Errno.ENETUNREACH),
        SocketError.NoBufferSpaceAvailable => nameof(Core.Errno.ENOBUFS),
        SocketError.NoData => nameof(Core.Errno.ENODATA),
        SocketError.NotConnected => nameof(Core.Errno.ENOTCONN),
        SocketError.NotSocket => nameof(Core.Errno.ENOTSOCK),
        SocketError.OperationAborted => nameof(Core.Errno.EBADF),
        SocketError.OperationNotSupported => nameof(Core.Errno.EOPNOTSUPP),
        SocketError.ProtocolNotSupported => nameof(Core.Errno.EPROTONOSUPPORT),
        SocketError.ProtocolOption => nameof(Core.Errno.ENOPROTOOPT),
        SocketError.Shutdown => nameof(Core.Errno.EPIPE),
        SocketError.SocketNotSupported => nameof(Core.Errno.ESOCKTNOSUPPORT),
        SocketError.TimedOut => nameof(Core.Errno.ETIMEDOUT),
        SocketError.TooManyOpenSockets => nameof(Core.Errno.EMFILE),
        SocketError.WouldBlock => nameof(Core.Errno.EAGAIN),
        _ => error.ToString(),
    };
}
