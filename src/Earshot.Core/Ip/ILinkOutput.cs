using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>Where packets go that leave by an interface with addresses of its own: the seam above Ethernet.</summary>
internal interface ILinkOutput
{
    /// <summary>Hands on a packet that stands in a queue's room behind the place for a frame header.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="route">The way.</param>
    /// <param name="destination">To whom.</param>
    /// <param name="length">Bytes of the packet.</param>
    /// <param name="info">What is left to the link.</param>
    /// <returns>Whether it left or waits; false: it was dropped.</returns>
    bool Output(PacketQueue queue, in Route route, in InetAddress destination, int length, in PacketInfo info);

    /// <summary>A destination showed that it takes packets: so does the neighbour on the way to it.</summary>
    void Confirm(int index, in InetAddress destination);
}

/// <summary>What the layer below hands packets to.</summary>
internal interface IIpInput
{
    /// <summary>Takes a packet in.</summary>
    /// <returns>False when it is for a connection that a call works on and must come again after it.</returns>
    bool OnPacket(ReadOnlySpan<byte> bytes, int @interface, PacketInfo info);

    /// <summary>A packet of ours found no neighbour: whoever sent it is told host unreachable, by an ICMP error on
    /// loopback. Linux: ipv4_link_failure, ip6_link_failure.</summary>
    void OnUnreachable(ReadOnlySpan<byte> packet, int @interface);
}
