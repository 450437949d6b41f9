using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip.Neighbors;

/// <summary>IPv6 on Ethernet: neighbours, duplicate addresses, routers. RFC 4861, 4862. Linux:
/// ndisc_rcv, addrconf_dad_work, addrconf_rs_timer.</summary>
internal sealed partial class NeighborDiscovery
{
    private const byte HopLimit = 255;
    private const int MessageHeader = 8;
    private const int TargetOffset = 8;
    private const int SolicitLength = 24;
    private const uint FlagRouter = 0x8000_0000;
    private const uint FlagSolicited = 0x4000_0000;
    private const uint FlagOverride = 0x2000_0000;

    private static readonly InetAddress AllNodes = InetAddress.Parse("ff02::1");
    private static readonly InetAddress AllRouters = InetAddress.Parse("ff02::2");

    private readonly StackContext _context;
    private readonly RouteTable _routes;
    private readonly INetworkTimers _timers;
    private readonly EthernetLayer _ethernet;
    private readonly NeighborTable _table;
    private readonly Chance _chance;

    internal NeighborDiscovery(
        StackContext context, RouteTable routes, IpOutput output, INetworkTimers timers, EthernetLayer ethernet,
        NeighborTable table)
    {
        _ = output;
        _context = context;
        _routes = routes;
        _timers = timers;
        _ethernet = ethernet;
        _table = table;
        _chance = context.Stream(ChanceStream.Discovery);
    }

    /// <summary>The multicast address by which the host with an address is asked for. RFC 4291 §2.7.1.</summary>
    internal static InetAddress SolicitedNode(in InetAddress address) =>
        new(0xff02_0000_0000_0000, 0x0000_0001_ff00_0000 | (address.Low & 0xffffff));

    /// <summary>Takes a message in whose checksum is right.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="index">The interface that it came by.</param>
    internal void OnMessage(in IpPacket packet, int index)
    {
        ReadOnlySpan<byte> message = packet.Payload;
        if (_ethernet.Port(index) is not { } port || packet.Ttl != HopLimit || message[1] != 0)
        {
            return;
        }

        int fixedLength = message[0] switch
        {
            DiscoveryType.RouterAdvert => 16,
            DiscoveryType.NeighborSolicit or DiscoveryType.NeighborAdvert => SolicitLength,
            DiscoveryType.Redirect => 40,
            _ => int.MaxValue,
        };
        if (message.Length < fixedLength
            || !DiscoveryOptions.TryParse(message[fixedLength..], out DiscoveryOptions options))
        {
            return;
        }

        switch (message[0])
        {
            case DiscoveryType.NeighborSolicit:
                OnSolicit(packet, options, port);
                break;
            case DiscoveryType.NeighborAdvert:
                OnAdvert(packet, options, port);
                break;
            case DiscoveryType.RouterAdvert when packet.Source.IsLinkLocal && port.Options.AcceptsRouters:
                OnRouter(packet, options, port);
                break;
            case DiscoveryType.Redirect when packet.Source.IsLinkLocal:
                InetAddress gateway = InetAddress.ReadIPv6(message[TargetOffset..]);
                InetAddress destination = InetAddress.ReadIPv6(message[(TargetOffset + InetAddress.IPv6Length)..]);
                _routes.LearnGateway(destination, packet.Source, gateway, index);
                break;
        }
    }

    /// <summary>Asks for a neighbour.</summary>
    internal void Solicit(EthernetPort port, Neighbor neighbor)
    {
        bool isProbe = neighbor.State == NeighborState.Probe;
        InetAddress to = isProbe ? neighbor.Address : SolicitedNode(neighbor.Address);
        InetAddress from = SourceSelection.IPv6(_routes.Addresses.All, port.Index, neighbor.Address);
        MacAddress hardware = isProbe ? neighbor.Hardware : MacAddress.ForGroup(to);
        SendSolicit(port, from, to, hardware, neighbor.Address, default);
    }

    // With nonce: the question whether an address is free; else with our own link-layer address.
    private void SendSolicit(
        EthernetPort port, in InetAddress from, in InetAddress to, MacAddress hardware, in InetAddress target,
        ReadOnlySpan<byte> nonce)
    {
        Span<byte> message = stackalloc byte[SolicitLength + DiscoveryOptions.LinkLayerLength];
        message.Clear();
        message[0] = DiscoveryType.NeighborSolicit;
        target.WriteIPv6(message[TargetOffset..]);
        Span<byte> option = message[SolicitLength..];
        if (nonce.Length > 0)
        {
            option[0] = DiscoveryOptions.Nonce;
            option[1] = 1;
            nonce.CopyTo(option[2..]);
        }
        else
        {
            DiscoveryOptions.WriteLinkLayer(option, DiscoveryOptions.SourceLinkLayer, port.Address);
        }

        Send(port, from, to, hardware, message, Counter.Icmp6OutNeighborSolicits);
    }

    private void SendAdvert(
        EthernetPort port, in InetAddress from, in InetAddress to, MacAddress hardware, uint flags, bool told)
    {
        Span<byte> message = stackalloc byte[SolicitLength + DiscoveryOptions.LinkLayerLength];
        message.Clear();
        message[0] = DiscoveryType.NeighborAdvert;
        BinaryPrimitives.WriteUInt32BigEndian(message[IcmpPacket.RestOffset..], flags);
        from.WriteIPv6(message[TargetOffset..]);
        DiscoveryOptions.WriteLinkLayer(
            message[SolicitLength..], DiscoveryOptions.TargetLinkLayer, port.Address);
        Send(
            port, from, to, hardware, told ? message : message[..SolicitLength],
            Counter.Icmp6OutNeighborAdvertisements);
    }

    /// <summary>Sends a message, which gets its checksum, in a frame of its own.</summary>
    private void Send(
        EthernetPort port, in InetAddress from, in InetAddress to, MacAddress hardware, Span<byte> message,
        Counter counter)
    {
        int length = IpPacket.IPv6HeaderLength + message.Length;
        ulong pseudo = Checksum.PseudoHeader(from, to, IpPacket.ProtocolIcmpV6, message.Length);
        Unsafe.WriteUnaligned(
            ref message[IcmpPacket.ChecksumOffset], Checksum.Finish(Checksum.Add(message, pseudo)));
        if (!_ethernet.TryBeginFrame(port, hardware, EthernetFrame.TypeIPv6, length, out Span<byte> packet))
        {
            return;
        }

        var fields = new IpFields(from, to, IpPacket.ProtocolIcmpV6, 0, 0, HopLimit, DontFragment: false);
        IpPacket.WriteHeader(packet, fields, message.Length);
        message.CopyTo(packet[IpPacket.IPv6HeaderLength..]);
        Finish(port, length, counter);
    }

    private void Finish(EthernetPort port, int length, Counter counter)
    {
        _ethernet.EndFrame(port, length);
        Mib mib = _context.Mib;
        mib.Count(Counter.Ip6OutRequests);
        mib.Count(Counter.Ip6OutTransmits);
        mib.Count(Counter.Ip6OutOctets, length);
        mib.Count(Counter.Icmp6OutMsgs);
        mib.Count(counter);
    }

    /// <summary>Somebody asks for an address. Linux: ndisc_recv_ns.</summary>
    private void OnSolicit(in IpPacket packet, in DiscoveryOptions options, EthernetPort port)
    {
        InetAddress target = InetAddress.ReadIPv6(packet.Payload[TargetOffset..]);
        bool isQuestion = packet.Source.IsAny;
        bool hasSource = options.TryLinkLayer(DiscoveryOptions.SourceLinkLayer, out MacAddress hardware);
        if (target.IsMulticast
            || (isQuestion && (hasSource || packet.Destination != SolicitedNode(target))))
        {
            return;
        }

        if (FindConfigured(port, target) is { IsTentative: true } tentative)
        {
            // Two hosts that look at the same moment are both without it; our own question come back is none.
            if (isQuestion && !options.FindNonce().SequenceEqual(tentative.Nonce))
            {
                GiveUp(port, tentative);
            }

            return;
        }

        if (!_routes.IsLocalOn(target, port.Index))
        {
            return;
        }

        if (isQuestion)
        {
            SendAdvert(port, target, AllNodes, MacAddress.ForGroup(AllNodes), FlagOverride, told: true);
            return;
        }

        bool isMulticast = packet.Destination.IsMulticast;
        Neighbor? asker = hasSource || !isMulticast ? _table.FindOrAdd(packet.Source, port.Index) : null;
        if (asker is not null)
        {
            _table.Update(asker, hardware, NeighborState.Stale, overrides: true);
        }

        if (asker is not { IsValid: true })
        {
            return;
        }

        _table.MaySend(asker);
        uint flags = FlagSolicited | (isMulticast ? FlagOverride : 0);
        SendAdvert(port, target, packet.Source, asker.Hardware, flags, told: isMulticast);
    }

    /// <summary>Somebody tells its address. Linux: ndisc_recv_na.</summary>
    private void OnAdvert(in IpPacket packet, in DiscoveryOptions options, EthernetPort port)
    {
        InetAddress target = InetAddress.ReadIPv6(packet.Payload[TargetOffset..]);
        uint flags = BinaryPrimitives.ReadUInt32BigEndian(packet.Payload[IcmpPacket.RestOffset..]);
        bool solicited = (flags & FlagSolicited) != 0;
        if (target.IsMulticast || (solicited && packet.Destination.IsMulticast))
        {
            return;
        }

        if (FindConfigured(port, target) is { HasEnded: false } own)
        {
            if (own.IsTentative)
            {
                GiveUp(port, own);
            }

            return;
        }

        if (_table.Find(target, port.Index) is not { } neighbor || neighbor.State == NeighborState.Failed)
        {
            return;
        }

        options.TryLinkLayer(DiscoveryOptions.TargetLinkLayer, out MacAddress hardware);
        neighbor.IsRouter = (flags & FlagRouter) != 0;
        _table.Update(
            neighbor, hardware, solicited ? NeighborState.Reachable : NeighborState.Stale,
            (flags & FlagOverride) != 0, weak: true);
    }
}
