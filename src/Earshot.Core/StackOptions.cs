using System;
using System.Collections.Generic;
using Earshot.Core.Congestion;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;

namespace Earshot.Core;

/// <summary>What a stack is made from.</summary>
public sealed record StackOptions
{
    /// <summary>The most packets that may wait for the caller, as Linux's txqueuelen.</summary>
    public const int DefaultTransmitQueueLimit = 1000;

    /// <summary>The most descriptors that a stack hands out unless told otherwise.</summary>
    public const int DefaultDescriptorLimit = 1_048_576;

    /// <summary>The most connection requests of all listeners together unless told otherwise.</summary>
    public const int DefaultRequestLimit = 16_777_216;

    /// <summary>The connections of which everything is at hand unless told otherwise.</summary>
    public const int DefaultBusyConnections = 2048;

    /// <summary>The kernel to behave like.</summary>
    public KernelProfile Profile { get; init; } = KernelProfile.Linux618;

    /// <summary>Where all chance comes from: same seed, same inputs, same bytes. On a real device draw it from the
    /// operating system.</summary>
    public Seed256 Seed { get; init; } = Chance.Spread(1);

    /// <summary>The interfaces beside loopback; the first has index 2.</summary>
    public IReadOnlyList<InterfaceOptions> Interfaces { get; init; } = [];

    /// <summary>Routes beside those of the interfaces' own prefixes.</summary>
    public IReadOnlyList<RouteOptions> Routes { get; init; } = [];

    /// <summary>Congestion controls beside those that every stack has; their names must be new.</summary>
    public IReadOnlyList<ICongestionControl> CongestionControls { get; init; } = [];

    /// <summary>The lowest descriptor: 3, since 0, 1 and 2 belong to every program, unless they need not be
    /// like a program's.</summary>
    public int FirstDescriptor { get; init; } = 3;

    /// <summary>Descriptors beyond which socket() answers EMFILE: one more than the highest.</summary>
    public int DescriptorLimit { get; init; } = DefaultDescriptorLimit;

    /// <summary>The time of day, UTC, at the zero of the stack's clock; only ICMP timestamps tell it.</summary>
    public TimeSpan TimeOfDay { get; init; }

    /// <summary>Packets that may wait for <see cref="NetworkStack.TryTransmit"/>; more are dropped.</summary>
    public int TransmitQueueLimit { get; init; } = DefaultTransmitQueueLimit;

    /// <summary>Connections of which everything is at hand though nothing is queued, in flight or unread on them; of
    /// others it is written down in short until something happens.</summary>
    public int BusyConnections { get; init; } = DefaultBusyConnections;

    /// <summary>What each piece takes that a longer write() pushes before its end, zero or more: the stack's clock goes
    /// on by it, so that what leaves later in the call counts as sent later, to the microsecond that RACK tells apart.
    /// Zero (the default): a call happens at one moment. A kernel needs about a microsecond.</summary>
    public TimeSpan PieceTime { get; init; }

    /// <summary>The number of the core that the stack runs on, which SO_INCOMING_CPU is compared with.</summary>
    public int Processor { get; init; }

    /// <summary>Whether sysctl net.ipv4.tcp_ecn takes 3 to 5 as well, as kernels after 6.18 do: 3 asks for accurate ECN
    /// (RFC 9768) and grants it, 4 asks for ECN and grants either, 5 grants either.</summary>
    public bool HasAccurateEcn { get; init; }

    /// <summary>Connection requests that may exist at a time; a SYN beyond them is dropped.</summary>
    public int RequestLimit { get; init; } = DefaultRequestLimit;
}

/// <summary>An interface: raw IP packets, or Ethernet.</summary>
public sealed record InterfaceOptions
{
    /// <summary>Its name, as <c>tun0</c>.</summary>
    public string Name { get; init; } = "if0";

    /// <summary>Bytes of the largest packet: 68 to 65535.</summary>
    public int Mtu { get; init; } = 1500;

    /// <summary>Its addresses with their prefix lengths.</summary>
    public IReadOnlyList<InterfaceAddress> Addresses { get; init; } = [];

    /// <summary>What its link does for the stack.</summary>
    public InterfaceOffload Offload { get; init; }

    /// <summary>How it speaks Ethernet: then its packets are whole frames; null (the default): it carries raw IP
    /// packets.</summary>
    public EthernetOptions? Ethernet { get; init; }
}

/// <summary>An address of an interface.</summary>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">Bits that all hosts of its network share: 0 to 32, of an IPv6 address 0 to 128.</param>
public readonly record struct InterfaceAddress(InetAddress Address, int PrefixLength)
{
    /// <summary>Reads <c>10.0.0.1/24</c> or <c>2001:db8::1/64</c>.</summary>
    /// <exception cref="FormatException">The text is not ADDRESS/LENGTH.</exception>
    public static InterfaceAddress Parse(ReadOnlySpan<char> text)
    {
        int slash = text.IndexOf('/');
        return slash > 0 && InetAddress.TryParse(text[..slash], out InetAddress address)
            && int.TryParse(text[(slash + 1)..], out int length) && length >= 0
            && length <= (address.IsIPv4 && !text.Contains(':') ? 32 : 128)
            ? new InterfaceAddress(address, length)
            : throw new FormatException($"'{text}' is not ADDRESS/LENGTH, such as 10.0.0.1/24");
    }

    /// <summary>The address as <c>10.0.0.1/24</c>.</summary>
    public override string ToString() => $"{Address}/{PrefixLength}";
}

/// <summary>A route.</summary>
/// <param name="Destination">The prefix; 0.0.0.0/0 is the default route.</param>
/// <param name="Interface">The interface's index, 2 for the first after loopback.</param>
/// <param name="Gateway">The next hop, or none for hosts on the link.</param>
public sealed record RouteOptions(InterfaceAddress Destination, int Interface = 2, InetAddress? Gateway = null)
{
    /// <summary>What becomes of packets to the prefix.</summary>
    public RouteKind Kind { get; init; }

    /// <summary>The source address of packets when nobody chose one (<c>src</c>); null: the interface's own, by Linux's
    /// rules.</summary>
    public InetAddress? Source { get; init; }

    /// <summary>Bytes of the largest packet on this way (<c>mtu</c>), up to 65535; 0: the interface's MTU.</summary>
    public int Mtu { get; init; }

    /// <summary>Whether packets go without DF whatever a socket asks, and what ICMP tells of the path is not believed
    /// (<c>mtu lock</c>).</summary>
    public bool IsMtuLocked { get; init; }

    /// <summary>The MSS to announce (<c>advmss</c>), in bytes; 0: it follows from the MTU.</summary>
    public int AdvertisedMss { get; init; }

    /// <summary>Of routes to the same prefix the lowest metric wins; 0 is the default, over IPv6 1024.</summary>
    public int Metric { get; init; }
}

/// <summary>What becomes of packets to a route's prefix. Linux: RTN_UNICAST and its neighbours.</summary>
public enum RouteKind : byte
{
    /// <summary>They are sent.</summary>
    Unicast,

    /// <summary>The sender is told EHOSTUNREACH.</summary>
    Unreachable,

    /// <summary>The sender is told EACCES.</summary>
    Prohibit,

    /// <summary>The sender is told EINVAL.</summary>
    Blackhole,

    /// <summary>As if there were no route: ENETUNREACH.</summary>
    Throw,
}
