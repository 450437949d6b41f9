using System;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Sockets;
using Earshot.Core.Time;

namespace Earshot.Lab.Targets;

/// <summary>The embedded stack's calls with Linux's numbers.</summary>
/// <param name="stack">The stack.</param>
internal sealed class StackSocketCalls(NetworkStack stack) : ISocketCalls
{
    private const int NonBlocking = 0x800;
    private const int OutOfBand = 1;
    private const int DontWait = 0x40;
    private const int WaitAll = 0x100;
    private const int Peek = 0x2;
    private const int ErrorQueue = 0x2000;
    private const int SolSocket = 1;
    private const int ReceiveTimeout = 20;
    private const int SendTimeout = 21;
    private const int GetFlags = 3;

    /// <summary>The call that is being made by <see cref="StackPendingCall"/>.</summary>
    public StackPendingCall? Current { get; set; }

    /// <summary>Whether the last call said for itself that it must not wait.</summary>
    public bool WasNonBlocking { get; private set; }

    /// <summary>The stack's moment.</summary>
    public Instant Now => stack.Now;

    /// <summary>Whether calls on a descriptor wait.</summary>
    public bool IsBlocking(int descriptor) =>
        stack.Calls.FileControl(descriptor, GetFlags) is var flags && (flags < 0 || (flags & NonBlocking) == 0);

    public int Socket(int domain, int type, int protocol) => stack.Calls.Socket(domain, type, protocol);

    public int Bind(int descriptor, ReadOnlySpan<byte> address) => stack.Calls.Bind(descriptor, address);

    public int Listen(int descriptor, int backlog) => stack.Calls.Listen(descriptor, backlog);

    public int Accept(int descriptor, Span<byte> address, out int length, int flags)
    {
        WasNonBlocking = false;
        length = address.Length;
        int result = OrTimeOut(
            descriptor, ReceiveTimeout, stack.Calls.Accept(descriptor, address, ref length, flags));
        length = result < 0 ? 0 : length;
        return result;
    }

    public int Connect(int descriptor, ReadOnlySpan<byte> address)
    {
        WasNonBlocking = false;
        int result = stack.Calls.Connect(descriptor, address);

        // A blocking connect() is asked for its outcome again; by then the outcome may have been told.
        return result == -Errno.EISCONN && Current is { Progress: > 0 } ? 0 : Remember(result);
    }

    public long Read(int descriptor, Span<byte> bytes)
    {
        WasNonBlocking = false;
        return OrTimeOut(descriptor, ReceiveTimeout, stack.Calls.Receive(descriptor, bytes));
    }

    public long Write(int descriptor, ReadOnlySpan<byte> bytes) => Send(descriptor, bytes, 0, default);

    public long Send(int descriptor, ReadOnlySpan<byte> bytes, int flags, ReadOnlySpan<byte> address) =>
        Send(descriptor, new OutgoingMessage { Data = bytes, Name = address, HasName = !address.IsEmpty }, flags);

    public long Receive(int descriptor, Span<byte> bytes, int flags, Span<byte> address, out int length)
    {
        var message = new IncomingMessage { Data = bytes, Name = address };
        int result = Receive(descriptor, ref message, flags);
        length = message.NameLength;
        return result;
    }

    public long SendMessage(int descriptor, SocketMessage message, int flags) => Send(
        descriptor,
        new OutgoingMessage
        {
            Data = message.Parts.SelectMany(static p => p).ToArray(),
            Name = message.Name,
            HasName = message.Name.Length > 0,
            Control = message.Control,
        },
        flags);

    public long ReceiveMessage(int descriptor, SocketMessage message, int flags)
    {
        var bytes = new byte[message.Parts.Sum(static p => p.Length)];
        var room = new IncomingMessage { Data = bytes, Name = message.Name, Control = message.Control };
        int result = Receive(descriptor, ref room, flags);
        int at = 0;
        foreach (byte[] part in message.Parts)
        {
            bytes.AsSpan(at, part.Length).CopyTo(part);
            at += part.Length;
        }

        message.Flags = room.Flags;
        message.NameLength = room.NameLength;
        message.ControlLength = room.ControlLength;
        return result;
    }

    public int Shutdown(int descriptor, int how) => stack.Calls.Shutdown(descriptor, how);

    public int Close(int descriptor) => stack.Calls.Close(descriptor);

    public int GetOption(int descriptor, int level, int name, Span<byte> value, out int length)
    {
        length = value.Length;
        return stack.Calls.GetSocketOption(descriptor, level, name, value, ref length);
    }

    public int SetOption(int descriptor, int level, int name, ReadOnlySpan<byte> value) =>
        stack.Calls.SetSocketOption(descriptor, level, name, value);

    public int GetSocketName(int descriptor, Span<byte> address, out int length)
    {
        length = address.Length;
        return stack.Calls.GetSocketName(descriptor, address, ref length);
    }

    public int GetPeerName(int descriptor, Span<byte> address, out int length)
    {
        length = address.Length;
        return stack.Calls.GetPeerName(descriptor, address, ref length);
    }

    public int Poll(Span<PollEntry> entries, int milliseconds)
    {
        const short alwaysTold = 0x8 | 0x10;
        const short invalid = 0x20;
        int ready = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            int mask = entries[i].Descriptor < 0 ? 0 : stack.Calls.Poll(entries[i].Descriptor);
            short found = mask < 0 ? invalid : (short)(mask & ((ushort)entries[i].Events | alwaysTold));
            entries[i] = entries[i] with { Returned = found };
            ready += found != 0 ? 1 : 0;
        }

        return OrWait(ready, milliseconds);
    }

    public int EpollCreate(int flags) => stack.Calls.EpollCreate(flags);

    public int EpollControl(int epoll, int operation, int descriptor, EpollEntry entry) =>
        stack.Calls.EpollControl(epoll, operation, descriptor, new EpollEvent(entry.Events, entry.Data));

    public int EpollWait(int epoll, Span<EpollEntry> entries, int milliseconds)
    {
        Span<EpollEvent> events = new EpollEvent[Math.Max(entries.Length, 1)];
        int ready = stack.Calls.EpollWait(epoll, events, entries.Length);
        for (int i = 0; i < ready; i++)
        {
            entries[i] = new EpollEntry(events[i].Events, events[i].Data);
        }

        return OrWait(ready, milliseconds);
    }

    public int FileControl(int descriptor, int command, int argument) =>
        stack.Calls.FileControl(descriptor, command, argument);

    public int IoControl(int descriptor, uint request, ref int value) =>
        stack.Calls.IoControl(descriptor, request, ref value);

    private long Send(int descriptor, OutgoingMessage message, int flags)
    {
        WasNonBlocking = (flags & DontWait) != 0;
        int done = (int)(Current?.Progress ?? 0);
        int whole = message.Data.Length;
        message.Data = message.Data[done..];
        int result = OrTimeOut(descriptor, SendTimeout, stack.Calls.SendMessage(descriptor, message, flags));
        if (result < 0 || Current is not { Blocking: true } || WasNonBlocking)
        {
            return result < 0 && result != -Errno.EAGAIN && done > 0 ? done : result;
        }

        // A blocking write comes back when all of it is written.
        Current.Progress += result;
        return Current.Progress < whole ? -Errno.EAGAIN : Current.Progress;
    }

    private int Receive(int descriptor, ref IncomingMessage message, int flags)
    {
        // A blocking read with MSG_WAITALL comes back when all of it is read; the error queue and urgent data never
        // wait.
        WasNonBlocking = (flags & (DontWait | ErrorQueue | OutOfBand)) != 0;
        bool all = (flags & WaitAll) != 0 && (flags & Peek) == 0 && !WasNonBlocking && Current is { Blocking: true };
        int done = all ? (int)Current!.Progress : 0;
        Span<byte> room = message.Data;
        message.Data = room[done..];
        int result = OrTimeOut(descriptor, ReceiveTimeout, stack.Calls.ReceiveMessage(descriptor, ref message, flags));
        message.Data = room;
        if (!all || result <= 0)
        {
            return done > 0 && (result != -Errno.EAGAIN || WasNonBlocking) ? done : result;
        }

        Current!.Progress = done + result;
        return done + result < room.Length ? -Errno.EAGAIN : done + result;
    }

    private int Remember(int result)
    {
        if (Current is { } current && result is -Errno.EINPROGRESS)
        {
            current.Progress = 1;
        }

        return result;
    }

    // SO_RCVTIMEO and SO_SNDTIMEO end a wait: the call then returns what a non-blocking one would.
    private int OrTimeOut(int descriptor, int option, int result)
    {
        Span<byte> time = stackalloc byte[2 * sizeof(long)];
        int length = time.Length;
        if (result != -Errno.EAGAIN || Current is not { Blocking: true } current || WasNonBlocking
            || stack.Calls.GetSocketOption(descriptor, SolSocket, option, time, ref length) < 0)
        {
            return result;
        }

        TimeSpan longest = TimeSpan.FromSeconds(BitConverter.ToInt64(time))
            + TimeSpan.FromMicroseconds(BitConverter.ToInt64(time[sizeof(long)..]));
        if (longest > TimeSpan.Zero)
        {
            current.Deadline ??= Now + longest;
            WasNonBlocking = Now >= current.Deadline;
        }

        return result;
    }

    private int OrWait(int ready, int milliseconds)
    {
        WasNonBlocking = false;
        if (ready != 0 || milliseconds == 0 || Current is not { } current)
        {
            return ready;
        }

        if (milliseconds > 0)
        {
            current.Deadline ??= Now + TimeSpan.FromMilliseconds(milliseconds);
            if (Now >= current.Deadline)
            {
                return 0;
            }
        }

        return -Errno.EAGAIN;
    }
}
