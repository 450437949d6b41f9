using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>What UDP is to IP.</summary>
internal interface IUdpPorts
{
    /// <summary>Gives a datagram whose checksum is right to its socket, or to all that a group or a broadcast has.
    /// Linux:
    /// udp_unicast_rcv_skb, __udp4_lib_mcast_deliver.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="info">What its link knows of it.</param>
    /// <param name="interface">The interface that it came by.</param>
    /// <returns>False when nobody has its port.</returns>
    bool Take(in IpPacket packet, PacketInfo info, int @interface);

    /// <summary>An ICMP error quotes a datagram of ours. Linux: __udp4_lib_err, __udp6_lib_err.</summary>
    /// <param name="error">What it says.</param>
    /// <returns>What the socket that sent it makes of it.</returns>
    DatagramErrorUse OnIcmpError(in DatagramError error);
}

/// <summary>What UDP makes of an ICMP error.</summary>
internal enum DatagramErrorUse : byte
{
    /// <summary>No socket has these ends.</summary>
    NoSocket,

    /// <summary>A socket took it, or ignores it.</summary>
    Taken,

    /// <summary>As <see cref="Taken"/>, and an MTU that it tells may be believed: the socket is not
    /// IP_PMTUDISC_INTERFACE
    /// or IP_PMTUDISC_OMIT.</summary>
    TakenWithMtu,
}

/// <summary>An ICMP error about a datagram, or a segment.</summary>
/// <param name="message">Its ends, seen from this host, type, code and MTU.</param>
/// <param name="offender">Who sent the error.</param>
/// <param name="interface">The interface that it came by.</param>
/// <param name="info">What the error queue has as ee_info: the MTU, or the offset of a bad parameter.</param>
/// <param name="payload">What is quoted of the datagram behind its UDP header, of a segment with its header.</param>
internal readonly ref struct DatagramError(
    in IcmpError message, in InetAddress offender, int @interface, uint info, ReadOnlySpan<byte> payload)
{
    internal IcmpError Message { get; } = message;

    internal InetAddress Offender { get; } = offender;

    internal int Interface { get; } = @interface;

    internal uint Info { get; } = info;

    internal ReadOnlySpan<byte> Payload { get; } = payload;
}

/// <summary>What IP hands packets to: the seam below TCP. Linux: struct net_protocol.</summary>
internal interface ITransport
{
    /// <summary>Takes a packet in.</summary>
    /// <returns>False when it is for a connection that a call works on and must come again after it.</returns>
    bool OnPacket(in IpPacket packet, PacketInfo info, int @interface);

    /// <summary>An ICMP error quotes a packet of this transport.</summary>
    void OnIcmpError(in DatagramError error);
}
