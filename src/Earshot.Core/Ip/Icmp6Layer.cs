using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Earshot.Core.Ip.Groups;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>ICMPv6: echoes, errors to us and from us. Linux: icmpv6_rcv, icmp6_send (net/ipv6/icmp.c).</summary>
/// <remarks>Links without addresses of their own need no neighbour discovery: those messages are ignored.</remarks>
internal sealed class Icmp6Layer
{
    // An error is at most the smallest MTU in all, so that it reaches everyone. RFC 4443 §2.4.
    private const int LargestError = 1280;
    private const int PortsAndSequence = 8;

    private readonly StackContext _context;
    private readonly RouteTable _routes;
    private readonly IpOutput _output;
    private readonly IcmpLimiter _limiter;
    private readonly ITransport _tcp;
    private readonly IUdpPorts _udp;

    internal Icmp6Layer(
        StackContext context, RouteTable routes, IpOutput output, IcmpLimiter limiter, ITransport tcp, IUdpPorts udp)
    {
        _udp = udp;
        _context = context;
        _routes = routes;
        _output = output;
        _limiter = limiter;
        _tcp = tcp;
    }

    /// <summary>Who speaks of groups.</summary>
    internal MldReports? Groups { get; set; }

    /// <summary>Who speaks with neighbours; null: no link has addresses of its own.</summary>
    internal IDiscovery? Discovery { get; set; }

    /// <summary>Takes an ICMPv6 message in.</summary>
    internal void OnPacket(in IpPacket packet, int @interface)
    {
        Mib mib = _context.Mib;
        mib.Count(Counter.Icmp6InMsgs);
        FourTuple hosts = new(new InetEndpoint(packet.Destination, 0), new InetEndpoint(packet.Source, 0));
        ReadOnlySpan<byte> payload = packet.Payload;
        ulong pseudo = Checksum.PseudoHeader(
            packet.Source, packet.Destination, IpPacket.ProtocolIcmpV6, payload.Length);
        if (!Checksum.IsValid(Checksum.Add(payload, pseudo)))
        {
            mib.Count(Counter.Icmp6InCsumErrors);
            mib.Count(Counter.Icmp6InErrors);
            _context.Judge(hosts, new Verdict(RuleId.IcmpBad));
            return;
        }

        if (!IcmpPacket.TryParse(payload, out IcmpPacket message))
        {
            mib.Count(Counter.Icmp6InErrors);
            _context.Judge(hosts, new Verdict(RuleId.IcmpBad));
            return;
        }

        switch (message.Type)
        {
            case Icmp6Type.Echo:
                mib.Count(Counter.Icmp6InEchos);
                Echo(packet, message, hosts);
                return;
            case Icmp6Type.EchoReply:
                mib.Count(Counter.Icmp6InEchoReplies);
                break;
            case >= DiscoveryType.ListenerQuery and <= DiscoveryType.ListenerDone or DiscoveryType.ListenerReport:
                mib.Count(message.Type switch
                {
                    DiscoveryType.ListenerQuery => Counter.Icmp6InGroupMembQueries,
                    DiscoveryType.ListenerReport1 => Counter.Icmp6InGroupMembResponses,
                    DiscoveryType.ListenerDone => Counter.Icmp6InGroupMembReductions,
                    _ => Counter.Icmp6InMLDv2Reports,
                });
                Groups?.OnPacket(packet, @interface);
                break;
            case > DiscoveryType.ListenerDone and <= DiscoveryType.Redirect:
                mib.Count(message.Type switch
                {
                    DiscoveryType.RouterAdvert => Counter.Icmp6InRouterAdvertisements,
                    DiscoveryType.NeighborSolicit => Counter.Icmp6InNeighborSolicits,
                    DiscoveryType.NeighborAdvert => Counter.Icmp6InNeighborAdvertisements,
                    DiscoveryType.Redirect => Counter.Icmp6InRedirects,
                    _ => Counter.None,
                });
                Discovery?.OnDiscovery(packet, @interface);
                break;
            case < Icmp6Type.Echo:
                OnError(packet, message, hosts, @interface);
                return;
        }

        _context.Judge(hosts, new Verdict(RuleId.IcmpIgnored, message.Type, message.Code));
    }

    /// <summary>Tells the sender of a packet that it cannot be taken. Linux: icmp6_send.</summary>
    /// <param name="packet">The packet as it came.</param>
    /// <param name="type">Destination unreachable or parameter problem.</param>
    /// <param name="code">Code.</param>
    /// <param name="rest">The four bytes after the checksum.</param>
    /// <param name="interface">The interface that it came by.</param>
    internal void SendError(in IpPacket packet, byte type, byte code, uint rest, int @interface)
    {
        const byte UnknownOption = 2;
        bool mayBeMulticast = type == Icmp6Type.ParameterProblem && code == UnknownOption;
        if (packet.Source.IsAny || packet.Source.IsMulticast || IsError(packet)
            || (packet.Destination.IsMulticast && !mayBeMulticast)
            || !_routes.TryRoute(packet.Source, out Route route))
        {
            return;
        }

        bool isLoopback = @interface == RouteTable.LoopbackInterface;
        if (!_limiter.TryTake(packet.Source, isLoopback, (128 - route.PrefixLength) / 32, out bool hostRefused))
        {
            _context.Mib.Count(hostRefused ? Counter.Icmp6OutRateLimitHost : Counter.None);
            return;
        }

        int quoted = Math.Min(
            packet.Bytes.Length, LargestError - IpPacket.IPv6HeaderLength - IcmpPacket.HeaderLength);
        int length = IcmpPacket.HeaderLength + quoted;
        InetAddress from = _routes.IsLocal(packet.Destination) ? packet.Destination : route.Source;
        if (!TryBegin(route, from, packet.Source, 0, length, out Span<byte> message))
        {
            return;
        }

        packet.Bytes[..quoted].CopyTo(message[IcmpPacket.HeaderLength..]);
        End(route, message, from, packet.Source, type, code, rest);
        _context.Mib.Count(type switch
        {
            Icmp6Type.ParameterProblem => Counter.Icmp6OutParmProblems,
            Icmp6Type.TimeExceeded => Counter.Icmp6OutTimeExcds,
            _ => Counter.Icmp6OutDestUnreachs,
        });
    }

    /// <summary>Tells this host's own sender of a packet that no neighbour took it.</summary>
    internal void SendUnreachable(in IpPacket packet)
    {
        const byte CodeAddressUnreachable = 3;
        SendError(packet, Icmp6Type.DestinationUnreachable, CodeAddressUnreachable, 0, RouteTable.LoopbackInterface);
    }

    private static bool IsError(in IpPacket packet) => packet.Protocol == IpPacket.ProtocolIcmpV6
        && (packet.Payload.Length < 1 || packet.Payload[0] < Icmp6Type.Echo);

    private void Echo(in IpPacket packet, in IcmpPacket message, in FourTuple hosts)
    {
        int length = message.Bytes.Length;
        if (!_routes.TryRoute(packet.Source, out Route route))
        {
            return;
        }

        InetAddress from = packet.Destination.IsMulticast ? route.Source : packet.Destination;
        if (TryBegin(route, from, packet.Source, packet.Tos, length, out Span<byte> reply))
        {
            message.Data.CopyTo(reply[IcmpPacket.HeaderLength..]);
            End(route, reply, from, packet.Source, Icmp6Type.EchoReply, message.Code, message.Rest);
            _context.Mib.Count(Counter.Icmp6OutEchoReplies);
            _context.Judge(hosts, new Verdict(RuleId.IcmpEcho));
        }
    }

    private bool TryBegin(
        in Route route, in InetAddress from, in InetAddress to, byte trafficClass, int length, out Span<byte> message)
    {
        var fields = new IpFields(
            from, to, IpPacket.ProtocolIcmpV6, 0, trafficClass, (byte)_context.Sysctls.IpDefaultTtl,
            DontFragment: false, _context.FlowLabel(from, to, 0));
        return _output.TryBegin(route, fields, length, out message);
    }

    private void End(
        in Route route, Span<byte> message, in InetAddress from, in InetAddress to, byte type, byte code, uint rest)
    {
        message[0] = type;
        message[1] = code;
        message[2] = 0;
        message[3] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(message[IcmpPacket.RestOffset..], rest);
        ulong pseudo = Checksum.PseudoHeader(from, to, IpPacket.ProtocolIcmpV6, message.Length);
        Unsafe.WriteUnaligned(
            ref message[IcmpPacket.ChecksumOffset], Checksum.Finish(Checksum.Add(message, pseudo)));
        _output.End(route, to, message.Length);
        _context.Mib.Count(Counter.Icmp6OutMsgs);
    }

    private void OnError(in IpPacket packet, in IcmpPacket message, in FourTuple hosts, int @interface)
    {
        Mib mib = _context.Mib;
        mib.Count(message.Type switch
        {
            Icmp6Type.DestinationUnreachable => Counter.Icmp6InDestUnreachs,
            Icmp6Type.PacketTooBig => Counter.Icmp6InPktTooBigs,
            Icmp6Type.TimeExceeded => Counter.Icmp6InTimeExcds,
            Icmp6Type.ParameterProblem => Counter.Icmp6InParmProblems,
            _ => Counter.Icmp6InErrors,
        });
        byte protocol = WalkQuote(message.Data, out int at);
        ReadOnlySpan<byte> quote = message.Data;
        if (protocol is not (IpPacket.ProtocolTcp or IpPacket.ProtocolUdp))
        {
            _context.Judge(hosts, new Verdict(RuleId.IcmpIgnored, message.Type, message.Code));
            return;
        }

        ReadOnlySpan<byte> transport = quote[at..];
        var tuple = new FourTuple(
            new InetEndpoint(
                InetAddress.ReadIPv6(quote[IpPacket.IPv6SourceOffset..]),
                BinaryPrimitives.ReadUInt16BigEndian(transport)),
            new InetEndpoint(
                InetAddress.ReadIPv6(quote[IpPacket.IPv6DestinationOffset..]),
                BinaryPrimitives.ReadUInt16BigEndian(transport[2..])));
        uint mtu = message.Type == Icmp6Type.PacketTooBig ? Math.Min(message.Rest, ushort.MaxValue) : 0;
        var seq = new SeqNumber(BinaryPrimitives.ReadUInt32BigEndian(transport[4..]));
        var error = new IcmpError(tuple, seq, message.Type, message.Code, (ushort)mtu, packet.Ttl);
        uint info = message.Type is Icmp6Type.PacketTooBig or Icmp6Type.ParameterProblem ? message.Rest : 0;
        if (protocol == IpPacket.ProtocolTcp)
        {
            _tcp.OnIcmpError(new DatagramError(error, packet.Source, @interface, info, transport));
            return;
        }

        DatagramErrorUse use = _udp.OnIcmpError(new DatagramError(
            error, packet.Source, @interface, info, transport[PortsAndSequence..]));
        if (use == DatagramErrorUse.NoSocket)
        {
            mib.Count(Counter.Icmp6InErrors);
        }
        else if (use == DatagramErrorUse.TakenWithMtu && error.IsPathMtu)
        {
            _routes.LearnMtu(tuple.Remote.Address, (int)mtu);
        }

        _context.Judge(hosts, new Verdict(RuleId.IcmpIgnored, message.Type, message.Code));
    }

    /// <summary>Walks over the extension headers of the packet that an error quotes.</summary>
    /// <param name="quote">The packet, or its beginning.</param>
    /// <param name="at">Where the transport's header begins, of which eight bytes are there.</param>
    /// <returns>Its protocol; 59 (nothing follows) when it cannot be found.</returns>
    private static byte WalkQuote(ReadOnlySpan<byte> quote, out int at)
    {
        const int HeadersWalked = 8;
        const byte NoNextHeader = 59;
        at = IpPacket.IPv6HeaderLength;
        if (quote.Length < IpPacket.IPv6HeaderLength)
        {
            return NoNextHeader;
        }

        byte next = quote[IpPacket.NextHeaderOffset];
        for (int i = 0; i < HeadersWalked && next is 0 or 43 or 44 or 60 && at + 2 <= quote.Length; i++)
        {
            byte following = quote[at];
            at += next == 44 ? 8 : (quote[at + 1] + 1) * 8;
            next = following;
        }

        return quote.Length < at + PortsAndSequence ? NoNextHeader : next;
    }
}

/// <summary>Takes messages of neighbour discovery.</summary>
internal interface IDiscovery
{
    /// <summary>Takes a message whose checksum is right.</summary>
    void OnDiscovery(in IpPacket packet, int index);
}
