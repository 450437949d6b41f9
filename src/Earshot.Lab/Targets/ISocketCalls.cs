using System;
using System.Collections.Generic;

namespace Earshot.Lab.Targets;

/// <summary>The socket calls of a target, with Linux's numbers: an address is the bytes of a sockaddr, an option is
/// level, number and bytes; each call returns a number of 0 or more, or a negated errno.</summary>
/// <remarks>On the host kernel a call on a blocking descriptor may block the thread; see
/// <see cref="IPacketTarget.Begin"/>. The stack never blocks: what would block returns -EAGAIN.</remarks>
public interface ISocketCalls
{
    /// <summary>socket().</summary>
    int Socket(int domain, int type, int protocol);

    /// <summary>bind().</summary>
    int Bind(int descriptor, ReadOnlySpan<byte> address);

    /// <summary>listen().</summary>
    int Listen(int descriptor, int backlog);

    /// <summary>accept4().</summary>
    /// <param name="descriptor">The listener.</param>
    /// <param name="address">Gets the peer's sockaddr, as much as fits.</param>
    /// <param name="length">Gets the sockaddr's whole length.</param>
    /// <param name="flags">SOCK_NONBLOCK, SOCK_CLOEXEC.</param>
    int Accept(int descriptor, Span<byte> address, out int length, int flags);

    /// <summary>connect().</summary>
    int Connect(int descriptor, ReadOnlySpan<byte> address);

    /// <summary>read().</summary>
    long Read(int descriptor, Span<byte> bytes);

    /// <summary>write().</summary>
    long Write(int descriptor, ReadOnlySpan<byte> bytes);

    /// <summary>sendto(); with an empty address it is send().</summary>
    long Send(int descriptor, ReadOnlySpan<byte> bytes, int flags, ReadOnlySpan<byte> address);

    /// <summary>recvfrom().</summary>
    long Receive(int descriptor, Span<byte> bytes, int flags, Span<byte> address, out int length);

    /// <summary>sendmsg().</summary>
    long SendMessage(int descriptor, SocketMessage message, int flags);

    /// <summary>recvmsg().</summary>
    long ReceiveMessage(int descriptor, SocketMessage message, int flags);

    /// <summary>shutdown(): 0 reading, 1 writing, 2 both.</summary>
    int Shutdown(int descriptor, int how);

    /// <summary>close().</summary>
    int Close(int descriptor);

    /// <summary>getsockopt().</summary>
    /// <param name="descriptor">The socket.</param>
    /// <param name="level">The level, as SOL_SOCKET (1).</param>
    /// <param name="name">The option's number.</param>
    /// <param name="value">Gets the value; its length is the length given to the call.</param>
    /// <param name="length">Gets the length that the call stored.</param>
    int GetOption(int descriptor, int level, int name, Span<byte> value, out int length);

    /// <summary>setsockopt().</summary>
    int SetOption(int descriptor, int level, int name, ReadOnlySpan<byte> value);

    /// <summary>getsockname().</summary>
    int GetSocketName(int descriptor, Span<byte> address, out int length);

    /// <summary>getpeername().</summary>
    int GetPeerName(int descriptor, Span<byte> address, out int length);

    /// <summary>poll().</summary>
    int Poll(Span<PollEntry> entries, int milliseconds);

    /// <summary>epoll_create1().</summary>
    int EpollCreate(int flags);

    /// <summary>epoll_ctl(): 1 adds, 2 removes, 3 changes.</summary>
    int EpollControl(int epoll, int operation, int descriptor, EpollEntry entry);

    /// <summary>epoll_wait().</summary>
    int EpollWait(int epoll, Span<EpollEntry> entries, int milliseconds);

    /// <summary>fcntl() with a number.</summary>
    int FileControl(int descriptor, int command, int argument);

    /// <summary>ioctl() with a pointer to an int.</summary>
    int IoControl(int descriptor, uint request, ref int value);
}

/// <summary>struct pollfd.</summary>
/// <param name="Descriptor">The descriptor; a negative one is skipped.</param>
/// <param name="Events">The bits that are wanted.</param>
/// <param name="Returned">The bits that were found.</param>
public readonly record struct PollEntry(int Descriptor, short Events, short Returned = 0);

/// <summary>struct epoll_event.</summary>
/// <param name="Events">The bits.</param>
/// <param name="Data">What the program wants back with them.</param>
public readonly record struct EpollEntry(uint Events, ulong Data);

/// <summary>struct msghdr: what sendmsg() sends and recvmsg() fills.</summary>
public sealed class SocketMessage
{
    /// <summary>The sockaddr to send to, or room for the sender's.</summary>
    public byte[] Name { get; set; } = [];

    /// <summary>The buffers, in order.</summary>
    public IReadOnlyList<byte[]> Parts { get; init; } = [];

    /// <summary>Control messages to send, or room for those received.</summary>
    public byte[] Control { get; set; } = [];

    /// <summary>Bytes of <see cref="Control"/> that recvmsg() filled.</summary>
    public int ControlLength { get; set; }

    /// <summary>Bytes of <see cref="Name"/> that recvmsg() filled.</summary>
    public int NameLength { get; set; }

    /// <summary>msg_flags as recvmsg() left them.</summary>
    public int Flags { get; set; }
}
