using System.Linq;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Earshot.Core;
using Earshot.Core.Wire;

namespace Earshot.Cli.Driving;

/// <summary>The kernel's side of a device, and the address that the stack takes beside it.</summary>
internal static class KernelSide
{
    /// <summary>The stack's address where the kernel has none to be a neighbour of: one of those that RFC 5737 keeps
    /// for examples.</summary>
    internal static readonly InterfaceAddress Fallback = InterfaceAddress.Parse("192.0.2.2/24");

    private const int BitsOfAddress = 32;

    /// <summary>The address next to the kernel's first on the device.</summary>
    internal static InterfaceAddress NeighborOn(string device)
    {
        NetworkInterface? found = NetworkInterface.GetAllNetworkInterfaces().FirstOrDefault(i => i.Name == device);
        UnicastIPAddressInformation? kernel = found?.GetIPProperties().UnicastAddresses
            .FirstOrDefault(a => a.Address.AddressFamily == AddressFamily.InterNetwork
                && a.PrefixLength < BitsOfAddress);
        return kernel is null ? Fallback : Neighbor(kernel.Address, kernel.PrefixLength);
    }

    /// <summary>The address after the kernel's, or before it where that would not be a host's.</summary>
    internal static InterfaceAddress Neighbor(IPAddress kernel, int prefixLength)
    {
        uint own = InetAddress.Parse(kernel.ToString()).Bits;
        uint hosts = prefixLength == 0 ? uint.MaxValue : (1u << (BitsOfAddress - prefixLength)) - 1;

        // A network of two addresses has no broadcast address. RFC 3021.
        uint last = hosts == 1 ? 1 : hosts - 1;
        uint host = own & hosts;
        uint other = host < last ? host + 1 : host - 1;
        return new InterfaceAddress(new InetAddress((own & ~hosts) | other), prefixLength);
    }
}
