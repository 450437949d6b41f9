using System;
using System.Text;
using Earshot.Core.Wire;

namespace Earshot.Lab.Native;

/// <summary>The socket calls of the article's two programs, and what it takes to make a namespace usable.</summary>
/// <remarks>Each returns what the call returned: 0 or a descriptor, or minus the errno.</remarks>
internal static unsafe class HostSocket
{
    private const int SockaddrLength = 16;
    private const int InterfaceRequestLength = 40;
    private const int InterfaceFlagsOffset = 16;
    private const nuint GetInterfaceFlags = 0x8913;
    private const nuint SetInterfaceFlags = 0x8914;
    private const short InterfaceUp = 1;

    public static int Open(bool blocking) =>
        Result(Libc.Socket(Libc.AfInet, Libc.SockStream | Libc.SockCloexec | (blocking ? 0 : Libc.SockNonblock), 0));

    public static int Bind(int descriptor, InetAddress address, int port)
    {
        byte* sockaddr = stackalloc byte[SockaddrLength];
        Fill(sockaddr, address, port);
        return Result(Libc.Bind(descriptor, sockaddr, SockaddrLength));
    }

    public static int Listen(int descriptor, int backlog) => Result(Libc.Listen(descriptor, backlog));

    public static int Connect(int descriptor, InetAddress address, int port)
    {
        byte* sockaddr = stackalloc byte[SockaddrLength];
        Fill(sockaddr, address, port);
        return Result(Libc.Connect(descriptor, sockaddr, SockaddrLength));
    }

    /// <summary>Ends a connect() that blocks in another thread: it returns an error there.</summary>
    public static void Interrupt(int descriptor) => _ = Libc.Shutdown(descriptor, Libc.ShutRdwr);

    public static void Close(int descriptor) => _ = Libc.Close(descriptor);

    /// <summary>Takes the pending error of a socket; 0 is none.</summary>
    public static int TakeError(int descriptor)
    {
        int error = 0;
        int length = sizeof(int);
        return Libc.GetOption(descriptor, Libc.SolSocket, Libc.SoError, (byte*)&error, &length) < 0
            ? LastError.Number
            : error;
    }

    /// <summary>Waits until a descriptor is ready or the time is over.</summary>
    /// <returns>Whether it is ready.</returns>
    public static bool Wait(int descriptor, bool writable, TimeSpan time)
    {
        var poll = new Libc.PollDescriptor
        {
            Descriptor = descriptor,
            Wanted = writable ? Libc.PollOut : Libc.PollIn,
        };
        return Libc.Poll(&poll, 1, Milliseconds(time)) > 0;
    }

    /// <summary>Waits until one of several descriptors is writable or failed, or the time is over.</summary>
    /// <param name="descriptors">The descriptors; -1 is skipped.</param>
    /// <param name="ready">Set for each that is ready.</param>
    /// <param name="time">How long to wait at most.</param>
    public static void WaitWritable(ReadOnlySpan<int> descriptors, Span<bool> ready, TimeSpan time)
    {
        var polls = new Libc.PollDescriptor[descriptors.Length];
        for (int i = 0; i < polls.Length; i++)
        {
            polls[i] = new Libc.PollDescriptor { Descriptor = descriptors[i], Wanted = Libc.PollOut };
        }

        fixed (Libc.PollDescriptor* first = polls)
        {
            _ = Libc.Poll(first, (nuint)polls.Length, Milliseconds(time));
        }

        for (int i = 0; i < polls.Length; i++)
        {
            ready[i] = polls[i].Found != 0;
        }
    }

    /// <summary>Puts the loopback device of the calling thread's namespace up.</summary>
    public static int LoopbackUp()
    {
        int descriptor = Result(Libc.Socket(Libc.AfInet, Libc.SockDgram | Libc.SockCloexec, 0));
        if (descriptor < 0)
        {
            return descriptor;
        }

        byte* request = stackalloc byte[InterfaceRequestLength];
        var bytes = new Span<byte>(request, InterfaceRequestLength);
        bytes.Clear();
        Encoding.ASCII.GetBytes("lo", bytes);
        int result = Result(Libc.Control(descriptor, GetInterfaceFlags, request));
        if (result >= 0)
        {
            *(short*)(request + InterfaceFlagsOffset) |= InterfaceUp;
            result = Result(Libc.Control(descriptor, SetInterfaceFlags, request));
        }

        _ = Libc.Close(descriptor);
        return result;
    }

    /// <summary>Waits until one of two descriptors is readable or the time is over.</summary>
    public static void WaitReadable(int one, int other, TimeSpan time)
    {
        var polls = stackalloc Libc.PollDescriptor[2];
        polls[0] = new Libc.PollDescriptor { Descriptor = one, Wanted = Libc.PollIn };
        polls[1] = new Libc.PollDescriptor { Descriptor = other, Wanted = Libc.PollIn };
        long nanoseconds = Math.Max(time.Ticks, 0) * 100;
        var left = new Libc.TimeSpec
        {
            Seconds = nanoseconds / 1_000_000_000,
            Nanoseconds = nanoseconds % 1_000_000_000,
        };
        _ = Libc.PollPrecisely(polls, 2, &left, null);
    }

    /// <summary>Sleeps for a moment.</summary>
    public static void Pause()
    {
        var moment = new Libc.TimeSpec { Nanoseconds = 20_000 };
        _ = Libc.PollPrecisely(null, 0, &moment, null);
    }

    /// <summary>Now by the clock with which the kernel stamps packets, in nanoseconds since 1970.</summary>
    public static long Now()
    {
        long* time = stackalloc long[2];
        _ = Libc.ClockNow(Libc.ClockRealtime, time);
        return (time[0] * 1_000_000_000L) + time[1];
    }

    private static int Milliseconds(TimeSpan time) =>
        (int)Math.Clamp(Math.Ceiling(time.TotalMilliseconds), 0, int.MaxValue);

    private static int Result(int returned) => returned < 0 ? -LastError.Number : returned;

    // struct sockaddr_in: family u16 in host order, port and address in network order, 8 bytes of zero.
    private static void Fill(byte* sockaddr, InetAddress address, int port)
    {
        var bytes = new Span<byte>(sockaddr, SockaddrLength);
        bytes.Clear();
        *(ushort*)sockaddr = Libc.AfInet;
        bytes[2] = (byte)(port >> 8);
        bytes[3] = (byte)port;
        address.Write(bytes[4..8]);
    }
}
