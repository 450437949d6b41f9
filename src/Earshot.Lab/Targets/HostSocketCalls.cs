using System;
using Earshot.Lab.Native;

namespace Earshot.Lab.Targets;

/// <summary>The host kernel's socket calls.</summary>
/// <param name="space">The namespace that socket() is called in.</param>
/// <remarks>A wait without end is made in slices, so that the end of the target ends it.</remarks>
internal sealed unsafe class HostSocketCalls(HostNamespace space) : ISocketCalls
{
    private const int Slice = 100;
    private const int EpollEventLength = 12;

    /// <summary>Ends waits that have no end of their own.</summary>
    public volatile bool Stopping;

    /// <summary>The namespace the sockets are in.</summary>
    public HostNamespace Space => space;

    public int Socket(int domain, int type, int protocol) =>
        Result(Libc.Socket(domain, type | Libc.SockCloexec, protocol));

    public int Bind(int descriptor, ReadOnlySpan<byte> address)
    {
        fixed (byte* start = address)
        {
            return Result(Libc.Bind(descriptor, start, address.Length));
        }
    }

    public int Listen(int descriptor, int backlog) => Result(Libc.Listen(descriptor, backlog));

    public int Accept(int descriptor, Span<byte> address, out int length, int flags)
    {
        int real = address.Length;
        fixed (byte* start = address)
        {
            int result = Result(Libc.Accept(descriptor, start, start == null ? null : &real, flags));
            length = real;
            return result;
        }
    }

    public int Connect(int descriptor, ReadOnlySpan<byte> address)
    {
        fixed (byte* start = address)
        {
            return Result(Libc.Connect(descriptor, start, address.Length));
        }
    }

    public long Read(int descriptor, Span<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            return Result(Libc.Read(descriptor, start, bytes.Length));
        }
    }

    public long Write(int descriptor, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            return Result(Libc.Write(descriptor, start, bytes.Length));
        }
    }

    public long Send(int descriptor, ReadOnlySpan<byte> bytes, int flags, ReadOnlySpan<byte> address)
    {
        fixed (byte* start = bytes)
        fixed (byte* to = address)
        {
            return Result(Libc.SendTo(descriptor, start, bytes.Length, flags, to, address.Length));
        }
    }

    public long Receive(int descriptor, Span<byte> bytes, int flags, Span<byte> address, out int length)
    {
        int real = address.Length;
        fixed (byte* start = bytes)
        fixed (byte* from = address)
        {
            long result = Result(
                Libc.ReceiveFrom(descriptor, start, bytes.Length, flags, from, from == null ? null : &real));
            length = real;
            return result;
        }
    }

    public long SendMessage(int descriptor, SocketMessage message, int flags) =>
        Message(message, header => Libc.SendMessage(descriptor, (Libc.MessageHeader*)header, flags));

    public long ReceiveMessage(int descriptor, SocketMessage message, int flags) =>
        Message(message, header => Libc.ReceiveMessage(descriptor, (Libc.MessageHeader*)header, flags));

    public int Shutdown(int descriptor, int how) => Result(Libc.Shutdown(descriptor, how));

    public int Close(int descriptor) => Result(Libc.Close(descriptor));

    public int GetOption(int descriptor, int level, int name, Span<byte> value, out int length)
    {
        int real = value.Length;
        byte* none = stackalloc byte[1];
        fixed (byte* start = value)
        {
            int result = Result(Libc.GetOption(descriptor, level, name, start == null ? none : start, &real));
            length = real;
            return result;
        }
    }

    public int SetOption(int descriptor, int level, int name, ReadOnlySpan<byte> value)
    {
        byte* none = stackalloc byte[1];
        fixed (byte* start = value)
        {
            return Result(Libc.SetOption(descriptor, level, name, start == null ? none : start, value.Length));
        }
    }

    public int GetSocketName(int descriptor, Span<byte> address, out int length)
    {
        int real = address.Length;
        fixed (byte* start = address)
        {
            int result = Result(Libc.SocketName(descriptor, start, &real));
            length = real;
            return result;
        }
    }

    public int GetPeerName(int descriptor, Span<byte> address, out int length)
    {
        int real = address.Length;
        fixed (byte* start = address)
        {
            int result = Result(Libc.PeerName(descriptor, start, &real));
            length = real;
            return result;
        }
    }

    public int Poll(Span<PollEntry> entries, int milliseconds)
    {
        var polls = new Libc.PollDescriptor[entries.Length];
        for (int i = 0; i < polls.Length; i++)
        {
            polls[i] = new Libc.PollDescriptor { Descriptor = entries[i].Descriptor, Wanted = entries[i].Events };
        }

        int result;
        fixed (Libc.PollDescriptor* first = polls)
        {
            var start = first;
            result = InSlices(milliseconds, time => Libc.Poll(start, (nuint)polls.Length, time));
        }

        for (int i = 0; i < polls.Length; i++)
        {
            entries[i] = entries[i] with { Returned = polls[i].Found };
        }

        return result;
    }

    public int EpollCreate(int flags) => Result(Libc.EpollCreate(flags | Libc.SockCloexec));

    public int EpollControl(int epoll, int operation, int descriptor, EpollEntry entry)
    {
        byte* happening = stackalloc byte[EpollEventLength];
        Put(happening, entry);
        return Result(Libc.EpollControl(epoll, operation, descriptor, happening));
    }

    public int EpollWait(int epoll, Span<EpollEntry> entries, int milliseconds)
    {
        var happenings = new byte[Math.Max(entries.Length, 1) * EpollEventLength];
        int most = entries.Length;
        int result;
        fixed (byte* first = happenings)
        {
            byte* start = first;
            result = InSlices(milliseconds, time => Libc.EpollWait(epoll, start, most, time));
            for (int i = 0; i < result; i++)
            {
                byte* one = first + (i * EpollEventLength);
                entries[i] = new EpollEntry(*(uint*)one, *(ulong*)(one + 4));
            }
        }

        return result;
    }

    public int FileControl(int descriptor, int command, int argument) =>
        Result(Libc.FileControl(descriptor, command, argument));

    public int IoControl(int descriptor, uint request, ref int value)
    {
        fixed (int* argument = &value)
        {
            return Result(Libc.Control(descriptor, request, (byte*)argument));
        }
    }

    private static int Result(int returned) => returned < 0 ? -LastError.Number : returned;

    private static long Result(nint returned) => returned < 0 ? -LastError.Number : returned;

    // struct epoll_event is packed on x86-64: events u32, data u64.
    private static void Put(byte* happening, EpollEntry entry)
    {
        *(uint*)happening = entry.Events;
        *(ulong*)(happening + 4) = entry.Data;
    }

    private static long Message(SocketMessage message, Func<nint, nint> call)
    {
        var handles = new System.Runtime.InteropServices.GCHandle[message.Parts.Count];
        var parts = new Libc.IoVector[message.Parts.Count + 1];
        for (int i = 0; i < handles.Length; i++)
        {
            handles[i] = System.Runtime.InteropServices.GCHandle.Alloc(
                message.Parts[i], System.Runtime.InteropServices.GCHandleType.Pinned);
            parts[i].Start = (byte*)handles[i].AddrOfPinnedObject();
            parts[i].Length = (nuint)message.Parts[i].Length;
        }

        fixed (byte* name = message.Name)
        fixed (byte* control = message.Control)
        fixed (Libc.IoVector* first = parts)
        {
            var header = new Libc.MessageHeader
            {
                Name = name,
                NameLength = message.Name.Length,
                Parts = first,
                PartCount = (nuint)handles.Length,
                Control = control,
                ControlLength = (nuint)message.Control.Length,
                Flags = message.Flags,
            };
            long result = Result(call((nint)(&header)));
            message.Flags = header.Flags;
            message.ControlLength = (int)header.ControlLength;
            message.NameLength = header.NameLength;
            foreach (System.Runtime.InteropServices.GCHandle handle in handles)
            {
                handle.Free();
            }

            return result;
        }
    }

    // 0 of a slice is "nothing yet"; an errno or a count ends it.
    private int InSlices(int milliseconds, Func<int, int> wait)
    {
        long start = Environment.TickCount64;
        while (true)
        {
            long left = milliseconds < 0 ? Slice : milliseconds - (Environment.TickCount64 - start);
            int result = Result(wait((int)Math.Clamp(left, 0, Slice)));
            if (result != 0 || left <= 0 || Stopping)
            {
                return result;
            }
        }
    }
}
