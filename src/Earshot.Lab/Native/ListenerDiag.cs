using System;
using System.Collections.Generic;
using Earshot.Core;

namespace Earshot.Lab.Native;

/// <summary>Asks the kernel for its listeners and their queues, over NETLINK_SOCK_DIAG.</summary>
/// <remarks>/proc/net/tcp shows the accept queue's length but not its limit, so the lab asks as ss does.</remarks>
internal sealed unsafe class ListenerDiag : IDisposable
{
    private const int SockDiagByFamily = 20;
    private const int MessageError = 2;
    private const int MessageDone = 3;
    private const ushort RequestDump = 0x301;
    private const int ProtocolTcp = 6;
    private const int ListenMask = 1 << 10;
    private const int RequestLength = 72;
    private const int BufferLength = 32 * 1024;

    // nlmsghdr is 16 bytes; struct inet_diag_msg after it: sport be16 @4, rqueue u32 @56, wqueue u32 @60.
    private const int HeaderLength = 16;
    private const int PortOffset = HeaderLength + 4;
    private const int AcceptOffset = HeaderLength + 56;
    private const int LimitOffset = HeaderLength + 60;
    private const int RowLength = HeaderLength + 72;

    private readonly int _descriptor;
    private readonly byte[] _buffer = new byte[BufferLength];

    private ListenerDiag(int descriptor) => _descriptor = descriptor;

    /// <summary>Opens the socket; it stays in the namespace of the calling thread.</summary>
    public static bool TryOpen(
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ListenerDiag? diag, out string problem)
    {
        int descriptor = Libc.Socket(Libc.AfNetlink, Libc.SockRaw | Libc.SockCloexec, Libc.NetlinkSockDiag);
        problem = descriptor < 0 ? $"socket(NETLINK_SOCK_DIAG): {LastError.Name}" : "";
        diag = descriptor < 0 ? null : new ListenerDiag(descriptor);
        return diag is not null;
    }

    /// <summary>The IPv4 TCP listeners: port, accept queue length and limit, in the kernel's order.</summary>
    /// <param name="rows">The listeners.</param>
    /// <param name="problem">The errno when the kernel did not answer.</param>
    /// <returns>Whether the kernel answered.</returns>
    public bool TryRead(out List<(int Port, int Accept, int Limit)> rows, out string problem) =>
        TryRead(Libc.AfInet, out rows, out problem);

    /// <summary>The TCP listeners of a family.</summary>
    /// <param name="family">AF_INET or AF_INET6.</param>
    /// <param name="rows">The listeners.</param>
    /// <param name="problem">The errno when the kernel did not answer.</param>
    /// <returns>Whether the kernel answered.</returns>
    public bool TryRead(int family, out List<(int Port, int Accept, int Limit)> rows, out string problem)
    {
        rows = [];
        byte* request = stackalloc byte[RequestLength];
        new Span<byte>(request, RequestLength).Clear();
        *(uint*)request = RequestLength;
        *(ushort*)(request + 4) = SockDiagByFamily;
        *(ushort*)(request + 6) = RequestDump;
        request[HeaderLength] = (byte)family;
        request[HeaderLength + 1] = ProtocolTcp;
        *(uint*)(request + HeaderLength + 4) = ListenMask;
        if (Libc.Send(_descriptor, request, RequestLength, 0) < 0)
        {
            problem = $"sock_diag: {LastError.Name}";
            return false;
        }

        fixed (byte* buffer = _buffer)
        {
            while (true)
            {
                nint length = Libc.Receive(_descriptor, buffer, BufferLength, 0);
                if (length < 0)
                {
                    problem = $"sock_diag: {LastError.Name}";
                    return false;
                }

                if (!Take(new ReadOnlySpan<byte>(buffer, (int)length), rows, out problem))
                {
                    return problem.Length == 0;
                }
            }
        }
    }

    /// <summary>Reads the messages of one datagram; false at the end of the dump or at an error.</summary>
    private static bool Take(ReadOnlySpan<byte> bytes, List<(int Port, int Accept, int Limit)> rows, out string problem)
    {
        problem = "";
        while (bytes.Length >= HeaderLength)
        {
            int length = BitConverter.ToInt32(bytes);
            int type = BitConverter.ToUInt16(bytes[4..]);
            if (length < HeaderLength || length > bytes.Length)
            {
                problem = "sock_diag: a message that cannot be read";
                return false;
            }

            int status = length >= HeaderLength + 4 ? BitConverter.ToInt32(bytes[HeaderLength..]) : 0;
            if (type == MessageDone || type == MessageError)
            {
                problem = status < 0 ? $"sock_diag: {Errno.Name(-status)}" : "";
                return false;
            }

            if (type == SockDiagByFamily && length >= RowLength)
            {
                rows.Add((
                    (bytes[PortOffset] << 8) | bytes[PortOffset + 1],
                    BitConverter.ToInt32(bytes[AcceptOffset..]),
                    BitConverter.ToInt32(bytes[LimitOffset..])));
            }

            bytes = bytes[Math.Min((length + 3) & ~3, bytes.Length)..];
        }

        return true;
    }

    public void Dispose() => _ = Libc.Close(_descriptor);
}
