using System;
using System.Buffers.Binary;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>struct sockaddr_in and sockaddr_in6 as they lie in memory.</summary>
internal static class SocketName
{
    internal const int Unspecified = 0;
    internal const int Inet = 2;
    internal const int Inet6 = 10;

    /// <summary>Bytes of a sockaddr_in.</summary>
    internal const int Length = 16;

    /// <summary>Bytes of a sockaddr_in6.</summary>
    internal const int Length6 = 28;

    /// <summary>Bytes of a sockaddr_in6 without its scope id, which may be left out. Linux:
    /// SIN6_LEN_RFC2133.</summary>
    internal const int LeastLength6 = 24;

    /// <summary>Bytes of the longest sockaddr. Linux: struct sockaddr_storage.</summary>
    internal const int Longest = 128;

    private const int PortOffset = 2;
    private const int AddressOffset = 4;
    private const int AddressOffset6 = 8;
    private const int ScopeOffset = 24;

    /// <summary>The family; -1 when the bytes are too few for one.</summary>
    internal static int Family(ReadOnlySpan<byte> name) =>
        name.Length < sizeof(ushort) ? -1 : BinaryPrimitives.ReadUInt16LittleEndian(name);

    /// <summary>Reads a name of a socket's own family.</summary>
    /// <returns>0; -EINVAL (too short), -EAFNOSUPPORT (of another family).</returns>
    internal static int Read(ReadOnlySpan<byte> name, bool isIPv6, out InetEndpoint endpoint)
    {
        endpoint = default;
        if (name.Length < (isIPv6 ? LeastLength6 : Length))
        {
            return -Errno.EINVAL;
        }

        if (Family(name) != (isIPv6 ? Inet6 : Inet))
        {
            return -Errno.EAFNOSUPPORT;
        }

        endpoint = isIPv6 ? Read6(name) : Read4(name);
        return 0;
    }

    /// <summary>Reads a sockaddr_in of at least 16 bytes, whatever family it says.</summary>
    internal static InetEndpoint Read4(ReadOnlySpan<byte> name) => new(
        InetAddress.Read(name[AddressOffset..]), BinaryPrimitives.ReadUInt16BigEndian(name[PortOffset..]));

    /// <summary>Reads a sockaddr_in6 of at least 24 bytes.</summary>
    internal static InetEndpoint Read6(ReadOnlySpan<byte> name) => new(
        InetAddress.ReadIPv6(name[AddressOffset6..]), BinaryPrimitives.ReadUInt16BigEndian(name[PortOffset..]));

    /// <summary>The scope id of a sockaddr_in6; 0 where it was left out.</summary>
    internal static int Scope(ReadOnlySpan<byte> name) =>
        name.Length < Length6 ? 0 : BinaryPrimitives.ReadInt32LittleEndian(name[ScopeOffset..]);

    /// <summary>Writes an endpoint as a socket of a family shows it.</summary>
    /// <param name="name">Room for 28 bytes.</param>
    /// <param name="endpoint">The endpoint; an IPv4 address on an AF_INET6 socket is shown mapped.</param>
    /// <param name="isIPv6">The family.</param>
    /// <param name="scope">The interface of a link-local address.</param>
    /// <returns>The length.</returns>
    internal static int Write(Span<byte> name, InetEndpoint endpoint, bool isIPv6, int scope = 0)
    {
        name[..Length6].Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(name, (ushort)(isIPv6 ? Inet6 : Inet));
        BinaryPrimitives.WriteUInt16BigEndian(name[PortOffset..], endpoint.Port);
        if (!isIPv6)
        {
            endpoint.Address.Write(name[AddressOffset..]);
            return Length;
        }

        endpoint.Address.WriteIPv6(name[AddressOffset6..]);
        if (endpoint.Address.IsLinkLocal)
        {
            BinaryPrimitives.WriteInt32LittleEndian(name[ScopeOffset..], scope);
        }

        return Length6;
    }

    /// <summary>Gives a name to a program: as much as there is room for, and its whole length.</summary>
    internal static void Give(
        Span<byte> room, ref int length, InetEndpoint endpoint, bool isIPv6, int scope = 0)
    {
        Span<byte> name = stackalloc byte[Length6];
        int full = Write(name, endpoint, isIPv6, scope);
        int given = Math.Min(Math.Min(full, length), room.Length);
        name[..given].CopyTo(room);
        length = full;
    }
}
