using System;
using System.Runtime.InteropServices;

namespace Earshot.Monitor.Native;

/// <summary>Whether a datagram of a dump holds its end.</summary>
internal delegate bool EndOfDump(ReadOnlySpan<byte> datagram);

/// <summary>A NETLINK_SOCK_DIAG socket; it belongs for ever to the network namespace of the thread that opened
/// it.</summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    // The kernel fills a dump's messages up to 32 KiB, whatever larger buffer is offered.
    private const int BufferLength = 32 * 1024;
    private const int ReceiveBufferLength = 1 << 20;
    private const int MostAtOnce = 64;
    private const int MessageLength = 512;

    // struct mmsghdr on 64-bit Linux: msghdr of 56 bytes (iovec pointer @16, count @24), then the length, padded to 64.
    private const int HeaderLength = 64;
    private const int VectorPointerOffset = 16;
    private const int VectorCountOffset = 24;
    private const int LengthOffset = 56;

    private readonly int _descriptor;
    private readonly byte* _many;
    private byte* _buffer;
    private int _capacity = 2 * BufferLength;
    private bool _disposed;

    private NetlinkSocket(int descriptor)
    {
        _descriptor = descriptor;
        _buffer = (byte*)NativeMemory.Alloc((nuint)_capacity);
        _many = (byte*)NativeMemory.AlignedAlloc(MostAtOnce * (MessageLength + HeaderLength + 16), 64);
        byte* vectors = _many + (MostAtOnce * HeaderLength), texts = vectors + (MostAtOnce * 16);
        new Span<byte>(_many, MostAtOnce * HeaderLength).Clear();
        for (int i = 0; i < MostAtOnce; i++)
        {
            ((nint*)(vectors + (16 * i)))[0] = (nint)(texts + (MessageLength * i));
            ((nint*)(vectors + (16 * i)))[1] = MessageLength;
            *(nint*)(_many + (HeaderLength * i) + VectorPointerOffset) = (nint)(vectors + (16 * i));
            *(nint*)(_many + (HeaderLength * i) + VectorCountOffset) = 1;
        }
    }

    /// <summary>The most messages one <see cref="ReceiveMany"/> takes.</summary>
    public static int LargestBatch => MostAtOnce;

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    /// <param name="problem">The errno when there is none.</param>
    public static NetlinkSocket? TryOpen(out int problem)
    {
        int descriptor = Libc.Socket(Libc.AfNetlink, Libc.SockRaw | Libc.SockCloexec, Libc.NetlinkSockDiag);
        problem = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        if (descriptor < 0)
        {
            return null;
        }

        return Of(descriptor);
    }

    /// <summary>Takes over a socket that is open and speaks as the kernel does.</summary>
    internal static NetlinkSocket Of(int descriptor)
    {
        int length = ReceiveBufferLength;
        _ = Libc.SetOption(descriptor, Libc.SolSocket, Libc.SoRcvbuf, (byte*)&length, sizeof(int));
        long* timeout = stackalloc long[2] { 2, 0 };
        _ = Libc.SetOption(descriptor, Libc.SolSocket, Libc.SoRcvtimeo, (byte*)timeout, 16);
        return new NetlinkSocket(descriptor);
    }

    /// <summary>The number of the namespace this socket is in, unique as long as the machine runs; null before Linux
    /// 5.14.</summary>
    public ulong? NamespaceCookie()
    {
        ulong cookie = 0;
        int length = sizeof(ulong);
        return Libc.GetOption(_descriptor, Libc.SolSocket, Libc.SoNetnsCookie, (byte*)&cookie, &length) < 0
            ? null
            : cookie;
    }

    /// <summary>Sends requests.</summary>
    /// <returns>0, or the errno.</returns>
    public int Send(ReadOnlySpan<byte> requests)
    {
        fixed (byte* bytes = requests)
        {
            while (Libc.Send(_descriptor, bytes, requests.Length, 0) < 0)
            {
                int error = Marshal.GetLastPInvokeError();
                if (error != Libc.ErrorInterrupted)
                {
                    return error;
                }
            }
        }

        return 0;
    }

    /// <summary>Waits for a whole dump, up to its end, before anybody looks at it: while a reader pauses, sockets that
    /// come and go make the kernel repeat or skip others.</summary>
    /// <param name="isEnd">Whether a datagram holds the end of the dump.</param>
    /// <param name="answers">All messages; valid until the next call.</param>
    /// <returns>0, or the errno; ENOBUFS when answers were lost.</returns>
    public int ReceiveDump(EndOfDump isEnd, out ReadOnlySpan<byte> answers)
    {
        int used = 0;
        answers = default;
        while (true)
        {
            if (_capacity - used < BufferLength)
            {
                _capacity *= 2;
                _buffer = (byte*)NativeMemory.Realloc(_buffer, (nuint)_capacity);
            }

            nint length = Libc.Receive(_descriptor, _buffer + used, BufferLength, 0);
            if (length < 0)
            {
                int error = Marshal.GetLastPInvokeError();
                if (error == Libc.ErrorInterrupted)
                {
                    continue;
                }

                return error;
            }

            bool ends = isEnd(new ReadOnlySpan<byte>(_buffer + used, (int)length));
            used += (int)length;
            if (ends)
            {
                answers = new ReadOnlySpan<byte>(_buffer, used);
                return 0;
            }
        }
    }

    /// <summary>Takes the answers that are there, each in a datagram of its own, with one call.</summary>
    /// <returns>How many there are; below 0 the negative errno.</returns>
    public int ReceiveMany()
    {
        int count = Libc.ReceiveMany(_descriptor, _many, MostAtOnce, Libc.MsgDontWait, null);
        return count >= 0 ? count : -Marshal.GetLastPInvokeError();
    }

    /// <summary>One of the answers that <see cref="ReceiveMany"/> took.</summary>
    public ReadOnlySpan<byte> Answer(int index)
    {
        byte* texts = _many + (MostAtOnce * (HeaderLength + 16));
        int length = *(int*)(_many + (HeaderLength * index) + LengthOffset);
        return new ReadOnlySpan<byte>(texts + (MessageLength * index), Math.Min(length, MessageLength));
    }

    /// <summary>Throws away what is left of answers nobody read.</summary>
    public void Drain()
    {
        while (Libc.Receive(_descriptor, _buffer, BufferLength, Libc.MsgDontWait) >= 0)
        {
        }
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _ = Libc.Close(_descriptor);
            NativeMemory.Free(_buffer);
            NativeMemory.AlignedFree(_many);
        }
    }
}
