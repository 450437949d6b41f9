using System;
using System.IO;
using System.Net.Sockets;
using Earshot.Core;

namespace Earshot.Sockets;

/// <summary>Errnos as the exceptions that .NET's own sockets throw for them on Linux.</summary>
internal static class SocketErrors
{
    /// <summary>The <see cref="SocketError"/> that .NET gives for a Linux errno.</summary>
    /// <param name="errno">The errno, positive or negated.</param>
    internal static SocketError FromErrno(int errno) => Math.Abs(errno) switch
    {
        Errno.EPERM or Errno.EACCES => SocketError.AccessDenied,
        Errno.ENOENT or Errno.EADDRNOTAVAIL => SocketError.AddressNotAvailable,
        Errno.EINTR => SocketError.Interrupted,
        Errno.EBADF => SocketError.OperationAborted,
        Errno.EAGAIN => SocketError.WouldBlock,
        Errno.EFAULT => SocketError.Fault,
        Errno.EINVAL => SocketError.InvalidArgument,
        Errno.EMFILE => SocketError.TooManyOpenSockets,
        Errno.ENODATA => SocketError.NoData,
        Errno.EPIPE => SocketError.Shutdown,
        Errno.ENOTSOCK => SocketError.NotSocket,
        Errno.EDESTADDRREQ => SocketError.DestinationAddressRequired,
        Errno.EMSGSIZE => SocketError.MessageSize,
        Errno.ENOPROTOOPT => SocketError.ProtocolOption,
        Errno.EPROTONOSUPPORT => SocketError.ProtocolNotSupported,
        Errno.ESOCKTNOSUPPORT => SocketError.SocketNotSupported,
        Errno.EOPNOTSUPP => SocketError.OperationNotSupported,
        Errno.EAFNOSUPPORT => SocketError.AddressFamilyNotSupported,
        Errno.EADDRINUSE => SocketError.AddressAlreadyInUse,
        Errno.ENETUNREACH => SocketError.NetworkUnreachable,
        Errno.ECONNABORTED => SocketError.ConnectionAborted,
        Errno.ECONNRESET => SocketError.ConnectionReset,
        Errno.ENOBUFS => SocketError.NoBufferSpaceAvailable,
        Errno.EISCONN => SocketError.IsConnected,
        Errno.ENOTCONN => SocketError.NotConnected,
        Errno.ETIMEDOUT => SocketError.TimedOut,
        Errno.ECONNREFUSED => SocketError.ConnectionRefused,
        Errno.EHOSTDOWN => SocketError.HostDown,
        Errno.EHOSTUNREACH => SocketError.HostUnreachable,
        Errno.EALREADY => SocketError.AlreadyInProgress,
        Errno.EINPROGRESS => SocketError.InProgress,

        // .NET has no word of its own for the rest: ENOMEM, EPROTO, ENONET.
        _ => SocketError.SocketError,
    };

    /// <summary>The exception for a call that answered with a negated errno.</summary>
    internal static SocketException Exception(int errno) => Exception(FromErrno(errno));

    internal static SocketException Exception(SocketError error) => new((int)error);

    /// <summary>Passes a call's answer on, or throws the exception for its errno.</summary>
    /// <exception cref="SocketException">The answer is negative.</exception>
    internal static int Check(int result) => result >= 0 ? result : throw Exception(result);

    /// <summary>
    /// What a stream throws for a socket's error: an <see cref="IOException"/> around it, as NetworkStream does.
    /// </summary>
    internal static Exception ForStream(Exception error, bool reading) => error is not SocketException
        ? error
        : new IOException(
            $"Unable to {(reading ? "read data from" : "write data to")} the transport connection: {error.Message}.",
            error);
}
