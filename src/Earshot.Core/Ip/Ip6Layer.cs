using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>IPv6: which packets are ours, and what stands behind their extension headers. Linux: ipv6_rcv,
/// ip6_protocol_deliver_rcu.</summary>
internal sealed partial class Ip6Layer : IDisposable
{
    private const byte HopByHop = 0;
    private const byte RoutingHeader = 43;
    private const byte FragmentHeader = 44;
    private const byte NoNextHeader = 59;
    private const byte DestinationOptions = 60;
    private const int SmallestExtension = 8;

    private readonly StackContext _context;
    private readonly RouteTable _routes;
    private readonly ITransport _tcp;
    private readonly Icmp6Layer _icmp;
    private readonly DatagramCheck _datagrams;

    private readonly IUdpPorts _udp;
    private readonly Reassembly _fragments;

    // The packet that is being walked through was put together, or is an atomic fragment.
    private bool _isWhole;

    internal Ip6Layer(
        StackContext context, RouteTable routes, ITransport tcp, INetworkTimers timers, IUdpPorts udp, Icmp6Layer icmp)
    {
        _fragments = new Reassembly(context, timers, NetworkTimer.Fragments6, FragmentLimitsOfIPv6);
        _context = context;
        _udp = udp;
        _datagrams = new DatagramCheck(context);
        _routes = routes;
        _tcp = tcp;
        _icmp = icmp;
    }

    /// <summary>ICMPv6.</summary>
    internal Icmp6Layer Icmp => _icmp;

    /// <summary>What waits for its other pieces.</summary>
    internal Reassembly Fragments => _fragments;

    private enum Walk : byte
    {
        GoOn,
        Dropped,

        /// <summary>The packet is another one now, and stands where the walk goes on.</summary>
        Again,
    }

    /// <summary>Takes a packet in, whatever its bytes are.</summary>
    /// <returns>False when it is for a connection that a call works on and must come again after it.</returns>
    internal bool OnPacket(ReadOnlySpan<byte> bytes, int @interface, PacketInfo info)
    {
        Mib mib = _context.Mib;
        IpParseError error = IpPacket.Parse(bytes, out IpPacket packet);
        if (error != IpParseError.None)
        {
            CountArrival(bytes);
            bool cut = error == IpParseError.Truncated;
            mib.Count(cut ? Counter.Ip6InTruncatedPkts : Counter.Ip6InHdrErrors);
            _context.Judge(default, new Verdict(cut ? RuleId.PacketTruncated : RuleId.PacketHeader));
            return true;
        }

        if (!IsDeliverable(packet, @interface, info))
        {
            return true;
        }

        if (packet.Protocol == IpPacket.ProtocolTcp)
        {
            if (!_tcp.OnPacket(packet, info, @interface))
            {
                return false;
            }

            CountArrival(bytes);
            mib.Count(Counter.Ip6InDelivers);
            return true;
        }

        CountArrival(bytes);
        return !TryWalk(ref packet, out int named, @interface) || Deliver(packet, named, info, @interface);
    }

    /// <inheritdoc/>
    public void Dispose() => _fragments.Dispose();

    private void CountArrival(ReadOnlySpan<byte> bytes)
    {
        Mib mib = _context.Mib;
        mib.Count(Counter.Ip6InReceives);
        mib.Count(Counter.Ip6InOctets, bytes.Length);
        if (bytes.Length > 1)
        {
            mib.Count((Counter)((int)Counter.Ip6InNoECTPkts + ((bytes[1] >> 4) & 3)));
        }
    }

    /// <summary>Addresses that cannot be, and packets for others. Linux: ip6_rcv_core, ip6_forward,
    /// ip6_pkt_discard.</summary>
    private bool IsDeliverable(in IpPacket packet, int @interface, PacketInfo info)
    {
        InetAddress source = packet.Source;
        InetAddress destination = packet.Destination;
        bool isFromLink = @interface != RouteTable.LoopbackInterface && !info.IsLoopedBack;
        bool isNarrow = destination.IsMulticast && ((destination.High >> 48) & 0xf) <= 1;
        if (source.IsMulticast || source.IsIPv4 || destination.IsIPv4
            || (isFromLink && (source.IsLoopback || destination.IsLoopback || isNarrow)))
        {
            return Refuse(packet, Counter.Ip6InHdrErrors, RuleId.PacketMartian);
        }

        switch (_routes.Classify(destination))
        {
            case AddressKind.Local:
                return true;
            case AddressKind.Multicast:
                _context.Mib.Count(Counter.Ip6InMcastPkts);
                return _routes.IsJoined(destination, @interface, InetAddress.IPv6Any)
                    || Refuse(packet, Counter.None, RuleId.PacketNotOurs);
            default:
                bool routed = _routes.TryRoute(destination, out _);
                Refuse(packet, routed ? Counter.Ip6InAddrErrors : Counter.Ip6InNoRoutes, RuleId.PacketNotOurs);
                if (!routed)
                {
                    _icmp.SendError(packet, Icmp6Type.DestinationUnreachable, 0, 0, @interface);
                }

                return false;
        }
    }

    private bool Refuse(in IpPacket packet, Counter counter, RuleId rule)
    {
        CountArrival(packet.Bytes);
        _context.Mib.Count(counter);
        Judge(packet, rule);
        return false;
    }

    /// <summary>Walks over extension headers up to what the packet carries.</summary>
    /// <param name="packet">The packet; afterwards with the headers walked over.</param>
    /// <param name="named">The offset of the byte that names the payload's protocol.</param>
    /// <param name="interface">The interface that it came by.</param>
    /// <returns>False when the packet was dropped.</returns>
    private bool TryWalk(ref IpPacket packet, out int named, int @interface)
    {
        named = IpPacket.NextHeaderOffset;
        _isWhole = false;
        while (packet.Protocol is HopByHop or RoutingHeader or FragmentHeader or DestinationOptions)
        {
            if (packet.Protocol == HopByHop && packet.HeaderLength != IpPacket.IPv6HeaderLength)
            {
                return true;
            }

            ReadOnlySpan<byte> rest = packet.Payload;
            int length = rest.Length < SmallestExtension ? SmallestExtension
                : packet.Protocol == FragmentHeader ? SmallestExtension : (rest[1] + 1) * SmallestExtension;
            if (length > rest.Length)
            {
                _context.Mib.Count(Counter.Ip6InHdrErrors);
                Judge(packet, RuleId.PacketHeader);
                return false;
            }

            Walk walk = packet.Protocol switch
            {
                RoutingHeader => OnRouting(packet, rest, @interface),
                FragmentHeader => OnFragment(ref packet, rest, ref named, @interface),
                _ => OnOptions(packet, rest[..length], @interface),
            };
            if (walk == Walk.Dropped)
            {
                return false;
            }

            if (walk == Walk.Again)
            {
                continue;
            }

            named = packet.HeaderLength;
            packet = packet.Beyond(packet.HeaderLength + length, rest[0]);
        }

        return true;
    }

    /// <summary>A routing header with nothing left to visit is walked over. Linux: ipv6_rthdr_rcv.</summary>
    private Walk OnRouting(in IpPacket packet, ReadOnlySpan<byte> header, int @interface)
    {
        const int TypeOffset = 2;
        const byte SegmentRouting = 4;
        if (header[3] == 0)
        {
            return Walk.GoOn;
        }

        Judge(packet, RuleId.PacketOptions);
        if (header[TypeOffset] != SegmentRouting)
        {
            _context.Mib.Count(Counter.Ip6InHdrErrors);
            Problem(packet, 0, packet.HeaderLength + TypeOffset, @interface);
        }

        return Walk.Dropped;
    }

    /// <summary>Options of a hop-by-hop or destination header. Linux: ip6_parse_tlv.</summary>
    private Walk OnOptions(in IpPacket packet, ReadOnlySpan<byte> header, int @interface)
    {
        const byte PadN = 1;
        const int PaddingLimit = 7;
        const int OptionLimit = 8;
        int padding = 0;
        int options = 0;
        int at = 2;
        while (at < header.Length)
        {
            byte type = header[at];
            int length = type == 0 ? 1 : at + 1 < header.Length ? header[at + 1] + 2 : int.MaxValue;
            if (length > header.Length - at)
            {
                return BadOption(packet);
            }

            if (type is 0 or PadN)
            {
                padding += length;
                bool isClean = type == 0 || !header.Slice(at + 2, length - 2).ContainsAnyExcept((byte)0);
                if (padding > PaddingLimit || !isClean)
                {
                    return BadOption(packet);
                }
            }
            else
            {
                padding = 0;
                int action = type >> 6;
                if (++options > OptionLimit || action == 1)
                {
                    return BadOption(packet);
                }

                if (action > 1)
                {
                    // The highest bits of an unknown option say what to do with the packet. RFC 8200 §4.2.
                    BadOption(packet);
                    if (action == 2 || !packet.Destination.IsMulticast)
                    {
                        Problem(packet, 2, packet.HeaderLength + at, @interface);
                    }

                    return Walk.Dropped;
                }
            }

            at += length;
        }

        return Walk.GoOn;
    }

    private Walk BadOption(in IpPacket packet)
    {
        _context.Mib.Count(Counter.Ip6InHdrErrors);
        Judge(packet, RuleId.PacketOptions);
        return Walk.Dropped;
    }

    private bool Deliver(in IpPacket packet, int named, PacketInfo info, int @interface)
    {
        const byte CodePortUnreachable = 4;
        const byte CodeUnknownHeader = 1;
        Mib mib = _context.Mib;
        if (packet.Destination.IsMulticast && !IsHeard(packet, @interface))
        {
            Judge(packet, RuleId.PacketNotOurs);
            return true;
        }

        switch (packet.Protocol)
        {
            case IpPacket.ProtocolTcp:
                if (!_tcp.OnPacket(packet, info, @interface))
                {
                    return false;
                }

                break;
            case IpPacket.ProtocolIcmpV6:
                _icmp.OnPacket(packet, @interface);
                break;
            case IpPacket.ProtocolUdp when !_datagrams.IsSound(packet, info):
                break;
            case IpPacket.ProtocolUdp when _udp.Take(packet, info, @interface):
                Judge(packet, RuleId.DatagramTaken);
                break;
            case IpPacket.ProtocolUdp:
                _datagrams.CountClosed(packet, !packet.Destination.IsMulticast);
                Judge(packet, RuleId.NoSocket);
                _icmp.SendError(packet, Icmp6Type.DestinationUnreachable, CodePortUnreachable, 0, @interface);
                break;
            case NoNextHeader:
                break;
            default:
                mib.Count(Counter.Ip6InUnknownProtos);
                Judge(packet, RuleId.PacketUnknownProtocol);
                Problem(packet, CodeUnknownHeader, named, @interface);
                return true;
        }

        mib.Count(Counter.Ip6InDelivers);
        return true;
    }

    // What is said of groups is heard whoever says it. Linux: ipv6_is_mld.
    private bool IsHeard(in IpPacket packet, int @interface) =>
        (packet.Protocol == IpPacket.ProtocolIcmpV6 && !packet.Payload.IsEmpty && packet.Payload[0] is
            (>= DiscoveryType.ListenerQuery and <= DiscoveryType.ListenerDone) or DiscoveryType.ListenerReport)
        || _routes.IsJoined(packet.Destination, @interface, packet.Source);

    private void Problem(in IpPacket packet, byte code, int pointer, int @interface) =>
        _icmp.SendError(packet, Icmp6Type.ParameterProblem, code, (uint)pointer, @interface);

    private void Judge(in IpPacket packet, RuleId rule) => _context.Judge(
        new FourTuple(new InetEndpoint(packet.Destination, 0), new InetEndpoint(packet.Source, 0)),
        new Verdict(rule, packet.Protocol));
}
