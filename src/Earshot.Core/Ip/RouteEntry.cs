using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>A route as it stands in the table. Linux: struct fib_info, struct fib6_info.</summary>
internal readonly record struct RouteEntry(
    InterfaceAddress Prefix,
    int Interface,
    InetAddress Gateway,
    InetAddress? Source,
    int Mtu,
    bool IsMtuLocked,
    ushort OwnMss,
    int Metric,
    RouteKind Kind,
    int Order = -1)
{
    internal uint Mask { get; } = ~AddressTable.HostMask(Prefix.PrefixLength);

    internal uint Network { get; } = Prefix.Address.Bits & ~AddressTable.HostMask(Prefix.PrefixLength);

    internal bool HasGateway => !Gateway.IsAny;

    /// <summary>Whether a destination is behind it.</summary>
    internal bool Matches(in InetAddress destination) => destination.IsIPv4
        ? (destination.Bits & Mask) == Network
        : destination.Network(Prefix.PrefixLength) == Prefix.Address;
}
