using System;
using System.Net;
using System.Net.Sockets;
using Earshot.Core.Wire;

namespace Earshot.Sockets;

/// <summary>.NET's endpoints as the stack's, and back.</summary>
internal static class Endpoints
{
    /// <summary>The stack's form of an endpoint; an IPv4 address mapped into IPv6 counts as IPv4.</summary>
    /// <exception cref="SocketException">AddressFamilyNotSupported: neither.</exception>
    internal static InetEndpoint ToInet(IPEndPoint endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        IPAddress address = endpoint.Address.IsIPv4MappedToIPv6 ? endpoint.Address.MapToIPv4() : endpoint.Address;
        if (address.AddressFamily != AddressFamily.InterNetwork)
        {
            throw SocketErrors.Exception(SocketError.AddressFamilyNotSupported);
        }

        Span<byte> bytes = stackalloc byte[InetAddress.Length];
        address.TryWriteBytes(bytes, out _);
        return new InetEndpoint(InetAddress.Read(bytes), (ushort)endpoint.Port);
    }

    internal static IPEndPoint ToIPEndPoint(InetEndpoint endpoint) =>
        new(endpoint.Address.ToIPAddress(), endpoint.Port);
}
