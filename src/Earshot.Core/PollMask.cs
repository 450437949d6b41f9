using System;

namespace Earshot.Core;

/// <summary>What a socket is ready for, with the bits of Linux's poll.</summary>
[Flags]
public enum PollMask
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>POLLIN: something to read or accept.</summary>
    In = 0x001,

    /// <summary>POLLPRI: urgent data.</summary>
    Pri = 0x002,

    /// <summary>POLLOUT: room to write, or a finished connect.</summary>
    Out = 0x004,

    /// <summary>POLLERR: an error is pending.</summary>
    Err = 0x008,

    /// <summary>POLLHUP: both directions are shut.</summary>
    Hup = 0x010,

    /// <summary>POLLRDNORM.</summary>
    ReadNormal = 0x040,

    /// <summary>POLLWRNORM.</summary>
    WriteNormal = 0x100,

    /// <summary>POLLWRBAND: of datagram sockets.</summary>
    WriteBand = 0x200,

    /// <summary>POLLRDHUP: the peer will send no more.</summary>
    ReadHup = 0x2000,
}

/// <summary>What the outside may learn: a waiter's socket has become ready.</summary>
/// <param name="Descriptor">The socket's descriptor.</param>
/// <param name="Waiter">The token that <see cref="Sockets.SocketCalls.Wait"/> was given.</param>
/// <param name="Mask">What the socket is ready for at this moment.</param>
public readonly record struct StackEvent(int Descriptor, long Waiter, PollMask Mask);
