using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>Says which UDP ports are open.</summary>
internal interface IUdpPorts
{
    /// <summary>Whether a datagram to this address and port, by this interface, has a socket.</summary>
    bool IsOpen(in InetAddress address, ushort port, int @interface);
}

/// <summary>What IP hands packets to: the seam below TCP. Linux: struct net_protocol.</summary>
internal interface ITransport
{
    /// <summary>Takes a packet in.</summary>
    /// <returns>False when it is for a connection that a call works on and must come again after it.</returns>
    bool OnPacket(in IpPacket packet, PacketInfo info, int @interface);

    /// <summary>An ICMP error quotes a packet of this transport.</summary>
    void OnIcmpError(in IcmpError error);
}
