using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.NetworkInformation;
using Earshot.Core;
using Earshot.Core.Wire;

namespace Earshot.Cli.Driving;

/// <summary>The kernel's side of a device, and the addresses that the stack takes beside it.</summary>
internal static class KernelSide
{
    private const int BitsOfHalf = 64;

    /// <summary>The stack's addresses where the kernel has none to be a neighbour of: of those that RFC 5737 and
    /// RFC 3849 keep for examples.</summary>
    internal static readonly IReadOnlyList<InterfaceAddress> Fallback =
        [InterfaceAddress.Parse("192.0.2.2/24"), InterfaceAddress.Parse("2001:db8::2/64")];

    /// <summary>The addresses next to the kernel's first ones on the device, one of each version.</summary>
    internal static IReadOnlyList<InterfaceAddress> NeighborsOn(string device)
    {
        NetworkInterface? found = NetworkInterface.GetAllNetworkInterfaces().FirstOrDefault(i => i.Name == device);
        List<InterfaceAddress> neighbors = [];
        foreach (UnicastIPAddressInformation kernel in found?.GetIPProperties().UnicastAddresses
            .Where(a => !a.Address.IsIPv6LinkLocal).DistinctBy(a => a.Address.AddressFamily) ?? [])
        {
            if (TryNeighbor(kernel.Address, kernel.PrefixLength, out InterfaceAddress neighbor))
            {
                neighbors.Add(neighbor);
            }
        }

        return neighbors.Count > 0 ? neighbors : Fallback;
    }

    /// <summary>The address after the kernel's, or before it where that would not be a host's.</summary>
    /// <returns>False when the kernel is alone in its network.</returns>
    internal static bool TryNeighbor(IPAddress kernel, int prefixLength, out InterfaceAddress neighbor)
    {
        neighbor = default;
        byte[] bytes = kernel.GetAddressBytes();
        bool isIPv4 = bytes.Length == InetAddress.Length;
        int hostBits = (bytes.Length * 8) - prefixLength;
        if (hostBits < 1)
        {
            return false;
        }

        // The whole host part of an IPv6 address of a short prefix does not matter: its last 64 bits do.
        InetAddress own = isIPv4 ? InetAddress.Read(bytes) : InetAddress.ReadIPv6(bytes);
        ulong hosts = hostBits >= BitsOfHalf ? ulong.MaxValue : (1ul << hostBits) - 1;
        ulong low = isIPv4 ? own.Bits : own.Low;

        // IPv4 networks of more than two addresses end with a broadcast address. RFC 3021.
        ulong last = isIPv4 && hosts > 1 ? hosts - 1 : hosts;
        ulong other = (low & hosts) < last ? low + 1 : low - 1;
        neighbor = new InterfaceAddress(
            isIPv4 ? new InetAddress((uint)other) : new InetAddress(own.High, other), prefixLength);
        return true;
    }
}
