using System;
using System.Runtime.CompilerServices;
using Earshot.Core.Ip.Groups;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>Which packets are ours, and whose they are. Linux: ip_rcv, ip_route_input, ip_local_deliver.</summary>
internal sealed partial class IpLayer : INetworkTimerOwner, IIpInput, IDisposable
{
    /// <summary>An interface that is not loopback: where errors about packets come from whose interface is not
    /// known any more.</summary>
    internal const int FirstWired = RouteTable.FirstInterface;

    private const byte CodeProtocolUnreachable = 2;
    private const byte CodePortUnreachable = 3;

    private readonly StackContext _context;
    private readonly RouteTable _routes;
    private readonly IpOutput _output;
    private readonly ITransport _tcp;
    private readonly IcmpLayer _icmp;
    private readonly IUdpPorts _udp;
    private readonly Ip6Layer _ipv6;
    private readonly DatagramCheck _datagrams;
    private readonly Reassembly _fragments;
    private readonly IgmpReports _groups;
    private readonly MldReports _groups6;

    internal IpLayer(
        StackContext context,
        RouteTable routes,
        IpOutput output,
        ITransport tcp,
        INetworkTimers timers,
        IUdpPorts udp)
    {
        var limiter = new IcmpLimiter(context);
        var icmp = new IcmpLayer(context, routes, output, limiter, tcp, udp);
        _ipv6 = new Ip6Layer(
            context, routes, tcp, timers, udp, new Icmp6Layer(context, routes, output, limiter, tcp, udp));
        _fragments = new Reassembly(context, timers, NetworkTimer.Fragments, FragmentLimitsOfIPv4);
        timers.NetworkOwner = this;
        _context = context;
        _udp = udp;
        _datagrams = new DatagramCheck(context);
        _routes = routes;
        _tcp = tcp;
        _icmp = icmp;
        _output = output;
        output.Routes = routes;
        _groups = new IgmpReports(context, routes, output, timers);
        _groups6 = new MldReports(context, routes, output, timers);
        _ipv6.Icmp.Groups = _groups6;
        routes.Addresses.Reports = _groups;
        routes.Addresses.Reports6 = _groups6;
    }

    /// <summary>Whose the timers of links are; null: no link has addresses of its own.</summary>
    internal INetworkTimerOwner? LinkTimers { get; set; }

    /// <summary>ICMPv6.</summary>
    internal Icmp6Layer Icmp6 => _ipv6.Icmp;

    internal FragmentUsage FragmentsOf(bool isIPv6)
    {
        Reassembly fragments = isIPv6 ? _ipv6.Fragments : _fragments;
        return new FragmentUsage(fragments.Count, fragments.Memory);
    }

    /// <summary>What fragments cost that wait for others, in bytes.</summary>
    internal long FragmentMemory => _fragments.Memory + _ipv6.Fragments.Memory;

    /// <inheritdoc/>
    public void OnTimer(NetworkTimer kind, int owner)
    {
        switch (kind)
        {
            case NetworkTimer.Fragments:
                OnFragmentTimer(owner);
                break;
            case NetworkTimer.Fragments6:
                _ipv6.OnFragmentTimer(owner);
                break;
            case NetworkTimer.Groups:
                _groups.OnTimer(owner);
                break;
            case NetworkTimer.Report:
                _groups6.OnTimer(owner);
                break;
            default:
                LinkTimers!.OnTimer(kind, owner);
                break;
        }
    }

    /// <inheritdoc/>
    public void OnUnreachable(ReadOnlySpan<byte> packet, int @interface)
    {
        if (IpPacket.Parse(packet, out IpPacket parsed) != IpParseError.None)
        {
            return;
        }

        if (parsed.IsIPv6)
        {
            _ipv6.Icmp.SendUnreachable(parsed);
        }
        else
        {
            _icmp.SendUnreachable(parsed);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _fragments.Dispose();
        _groups.Dispose();
        _groups6.Dispose();
        _ipv6.Dispose();
    }

    /// <summary>Takes a packet in, whatever its bytes are.</summary>
    /// <returns>False when it is for a connection that a call works on and must come again after it.</returns>
    public bool OnPacket(ReadOnlySpan<byte> bytes, int @interface, PacketInfo info)
    {
        Mib mib = _context.Mib;
        if (bytes.Length > 0 && bytes[0] >> 4 == 6)
        {
            return _ipv6.OnPacket(bytes, @interface, info);
        }

        IpParseError error = IpPacket.Parse(bytes, out IpPacket packet);
        if (error != IpParseError.None)
        {
            CountArrival(bytes);
            Refuse(error);
            return true;
        }

        if (!IsDeliverable(packet, @interface, info, out RuleId refusal))
        {
            CountArrival(bytes);
            if (refusal == RuleId.PacketNotOurs)
            {
                mib.Count(Counter.IpInAddrErrors);
            }

            Judge(packet, refusal);
            return true;
        }

        if (packet.Protocol == IpPacket.ProtocolTcp && packet.HeaderLength == IpPacket.MinimumHeaderLength
            && !packet.IsFragment)
        {
            if (!_tcp.OnPacket(packet, info, @interface))
            {
                return false;
            }

            CountArrival(bytes);
            mib.Count(Counter.IpInDelivers);
            return true;
        }

        CountArrival(bytes);
        return DeliverOther(packet, @interface, info);
    }

    private void CountArrival(ReadOnlySpan<byte> bytes)
    {
        Mib mib = _context.Mib;
        mib.Count(Counter.IpInReceives);
        mib.Count(Counter.IpExtInOctets, bytes.Length);
        if (bytes.Length >= IpPacket.MinimumHeaderLength && bytes[0] is >= 0x45 and <= 0x4f)
        {
            // The four counters stand in the order of the two bits: no ECT, ECT(1), ECT(0), CE.
            mib.Count((Counter)((int)Counter.IpExtInNoECTPkts + (bytes[IpPacket.TosOffset] & 3)));
        }
    }

    private bool DeliverTransport(in IpPacket packet, int @interface, PacketInfo info)
    {
        Mib mib = _context.Mib;
        switch (packet.Protocol)
        {
            case IpPacket.ProtocolTcp:
                if (!_tcp.OnPacket(packet, info, @interface))
                {
                    return false;
                }

                mib.Count(Counter.IpInDelivers);
                return true;
            case IpPacket.ProtocolIcmp:
                _icmp.OnPacket(packet, @interface);
                mib.Count(Counter.IpInDelivers);
                return true;
            case IpPacket.ProtocolUdp:
                mib.Count(Counter.IpInDelivers);
                if (!_datagrams.IsSound(packet, info))
                {
                    return true;
                }

                if (_udp.Take(packet, info, @interface))
                {
                    Judge(packet, RuleId.DatagramTaken);
                    return true;
                }

                _datagrams.CountClosed(packet, _routes.IsLocal(packet.Destination));
                Judge(packet, RuleId.NoSocket);
                if (!info.IsLoopedBack)
                {
                    _icmp.SendError(packet, IcmpType.DestinationUnreachable, CodePortUnreachable, 0, @interface);
                }

                return true;
            case GroupMessage.Protocol:
                mib.Count(Counter.IpInDelivers);
                _groups.OnPacket(packet, @interface);
                return true;
            default:
                mib.Count(Counter.IpInUnknownProtos);
                Judge(packet, RuleId.PacketUnknownProtocol);
                _icmp.SendError(packet, IcmpType.DestinationUnreachable, CodeProtocolUnreachable, 0, @interface);
                return true;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Refuse(IpParseError error)
    {
        Mib mib = _context.Mib;
        switch (error)
        {
            case IpParseError.Truncated:
                mib.Count(Counter.IpExtInTruncatedPkts);
                break;
            case IpParseError.Checksum:
                mib.Count(Counter.IpExtInCsumErrors);
                mib.Count(Counter.IpInHdrErrors);
                break;
            default:
                mib.Count(Counter.IpInHdrErrors);
                break;
        }

        RuleId rule = error == IpParseError.Truncated ? RuleId.PacketTruncated : RuleId.PacketHeader;
        _context.Judge(default, new Verdict(rule));
    }

    /// <summary>Martians are dropped without a counter, strangers with one. Linux: ip_route_input_slow.</summary>
    private bool IsDeliverable(in IpPacket packet, int @interface, PacketInfo info, out RuleId refusal)
    {
        refusal = RuleId.PacketMartian;
        const uint LoopbackNetwork = 127;
        const uint MulticastNetworks = 0xe;
        InetAddress destination = packet.Destination;
        if (@interface != RouteTable.LoopbackInterface && !info.IsLoopedBack)
        {
            uint source = packet.SourceBits, to = packet.DestinationBits;
            bool martianSource = source >> 28 == MulticastNetworks || source == uint.MaxValue
                || source >> 24 == LoopbackNetwork || (source >> 24 == 0 && to != uint.MaxValue)
                || _routes.IsLocal(packet.Source);
            if (martianSource || to >> 24 is LoopbackNetwork or 0)
            {
                return false;
            }
        }

        switch (_routes.Classify(destination))
        {
            case AddressKind.Local or AddressKind.Broadcast:
                return true;
            case AddressKind.Multicast:
                // What is said of groups is heard whoever says it.
                InetAddress heard = packet.Protocol == GroupMessage.Protocol ? InetAddress.Any : packet.Source;
                return _routes.IsJoined(destination, @interface, heard);
            default:
                refusal = RuleId.PacketNotOurs;
                return false;
        }
    }

    private void Judge(in IpPacket packet, RuleId rule) => _context.Judge(
        new FourTuple(new InetEndpoint(packet.Destination, 0), new InetEndpoint(packet.Source, 0)),
        new Verdict(rule, packet.Protocol));
}
