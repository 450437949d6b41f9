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
        Span<byte> bytes = stackalloc byte[InetAddress.IPv6Length];
        endpoint.Address.TryWriteBytes(bytes, out _);
        InetAddress address = endpoint.AddressFamily switch
        {
            AddressFamily.InterNetwork => InetAddress.Read(bytes),
            AddressFamily.InterNetworkV6 => InetAddress.ReadIPv6(bytes),
            _ => throw SocketErrors.Exception(SocketError.AddressFamilyNotSupported),
        };
        return new InetEndpoint(address, (ushort)endpoint.Port);
    }

    internal static IPEndPoint ToIPEndPoint(InetEndpoint endpoint) =>
        new(endpoint.Address.ToIPAddress(), endpoint.Port);
}
