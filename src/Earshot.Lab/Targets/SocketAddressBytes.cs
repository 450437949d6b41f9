using System;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Earshot.Lab.Targets;

/// <summary>struct sockaddr_in and sockaddr_in6, as bytes and as values.</summary>
public static class SocketAddressBytes
{
    /// <summary>AF_INET.</summary>
    public const int Inet = 2;

    /// <summary>AF_INET6.</summary>
    public const int Inet6 = 10;

    /// <summary>Bytes of a sockaddr_in.</summary>
    public const int InetLength = 16;

    /// <summary>Bytes of a sockaddr_in6.</summary>
    public const int Inet6Length = 28;

    /// <summary>The sockaddr of an address and a port, in the address's family.</summary>
    public static byte[] Make(IPAddress address, int port)
    {
        ArgumentNullException.ThrowIfNull(address);
        bool six = address.AddressFamily == AddressFamily.InterNetworkV6;
        var bytes = new byte[six ? Inet6Length : InetLength];
        BitConverter.TryWriteBytes(bytes, (ushort)(six ? Inet6 : Inet));
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), (ushort)port);
        address.TryWriteBytes(bytes.AsSpan(six ? 8 : 4), out _);
        return bytes;
    }

    /// <summary>The family of a sockaddr; 0 when it is too short to have one.</summary>
    public static int Family(ReadOnlySpan<byte> sockaddr) =>
        sockaddr.Length < sizeof(ushort) ? 0 : BitConverter.ToUInt16(sockaddr);

    /// <summary>Reads a sockaddr.</summary>
    /// <param name="sockaddr">The bytes.</param>
    /// <param name="endpoint">Its address and port.</param>
    /// <returns>False when it is neither a whole sockaddr_in nor a sockaddr_in6.</returns>
    public static bool TryRead(ReadOnlySpan<byte> sockaddr, out IPEndPoint endpoint)
    {
        endpoint = new IPEndPoint(IPAddress.Any, 0);
        int family = Family(sockaddr);
        bool four = family == Inet && sockaddr.Length >= InetLength;
        bool six = family == Inet6 && sockaddr.Length >= Inet6Length - 4;
        if (!four && !six)
        {
            return false;
        }

        var address = new IPAddress(four ? sockaddr.Slice(4, 4) : sockaddr.Slice(8, 16));
        endpoint = new IPEndPoint(address, BinaryPrimitives.ReadUInt16BigEndian(sockaddr[2..]));
        return true;
    }
}
