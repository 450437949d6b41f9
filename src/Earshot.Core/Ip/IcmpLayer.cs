using System;
using System.Buffers.Binary;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>ICMP: echoes, errors to us and from us. Linux: icmp_rcv, icmp_send (net/ipv4/icmp.c).</summary>
internal sealed class IcmpLayer
{
    // An error is at most 576 bytes in all, so that it reaches everyone. RFC 1812 §4.3.2.3.
    private const int LargestError = 576;
    private const byte TosOfErrors = 0xc0;
    private const int PortsAndSequence = 8;

    // RFC 8335: known to Linux though beyond the last of the old types, and not answered by default.
    private const byte ExtendedEcho = 42;
    private const byte ExtendedEchoReply = 43;
    private const byte TosBitsKept = 0x1e;

    private readonly StackContext _context;
    private readonly RouteTable _routes;
    private readonly IpOutput _output;
    private readonly IcmpLimiter _limiter;
    private readonly ITransport _tcp;
    private readonly IUdpPorts _udp;
    private readonly IpIdentifications _identifications;

    internal IcmpLayer(
        StackContext context,
        RouteTable routes,
        IpOutput output,
        IcmpLimiter limiter,
        ITransport tcp,
        IUdpPorts udp)
    {
        _udp = udp;
        _context = context;
        _routes = routes;
        _output = output;
        _tcp = tcp;
        _limiter = limiter;
        _identifications = new IpIdentifications(context);
    }

    /// <summary>Takes an ICMP message in.</summary>
    internal void OnPacket(in IpPacket packet, int @interface)
    {
        Mib mib = _context.Mib;
        mib.Count(Counter.IcmpInMsgs);
        FourTuple hosts = new(new InetEndpoint(packet.Destination, 0), new InetEndpoint(packet.Source, 0));
        if (!IcmpPacket.IsChecksumValid(packet.Payload))
        {
            mib.Count(Counter.IcmpInCsumErrors);
            mib.Count(Counter.IcmpInErrors);
            _context.Judge(hosts, new Verdict(RuleId.IcmpBad));
            return;
        }

        if (!IcmpPacket.TryParse(packet.Payload, out IcmpPacket message)
            || message.Type is > IcmpType.Maximum and not (ExtendedEcho or ExtendedEchoReply))
        {
            mib.Count(Counter.IcmpInErrors);
            _context.Judge(hosts, new Verdict(RuleId.IcmpBad));
            return;
        }

        bool unicast = _routes.IsLocal(packet.Destination);
        switch (message.Type)
        {
            case IcmpType.Echo or IcmpType.Timestamp:
                mib.Count(message.Type == IcmpType.Echo ? Counter.IcmpInEchos : Counter.IcmpInTimestamps);
                if (!unicast && _context.Sysctls.IcmpEchoIgnoreBroadcasts != 0)
                {
                    // icmp_echo_ignore_broadcasts: an amplifier is not offered.
                    mib.Count(Counter.IcmpInErrors);
                    _context.Judge(hosts, new Verdict(RuleId.IcmpIgnored, message.Type, message.Code));
                }
                else if (message.Type == IcmpType.Echo)
                {
                    Echo(packet, message, hosts);
                }
                else
                {
                    Timestamp(packet, message, hosts);
                }

                return;
            case IcmpType.DestinationUnreachable or IcmpType.TimeExceeded or IcmpType.ParameterProblem
                or IcmpType.SourceQuench or IcmpType.Redirect:
                OnError(packet, message, hosts, @interface);
                return;
        }

        CountOther(message.Type);
        _context.Judge(hosts, new Verdict(RuleId.IcmpIgnored, message.Type, message.Code));
    }

    /// <summary>Tells the sender of a packet that it cannot be taken. Linux: icmp_send.</summary>
    /// <param name="packet">The packet as it came.</param>
    /// <param name="type">Destination unreachable or parameter problem.</param>
    /// <param name="code">Code.</param>
    /// <param name="rest">The four bytes after the checksum.</param>
    /// <param name="interface">The interface that it came by.</param>
    internal void SendError(in IpPacket packet, byte type, byte code, uint rest, int @interface)
    {
        if (packet.IsLaterFragment || packet.Source.IsAny || packet.Source.IsMulticast
            || !(_routes.IsLocal(packet.Destination) || _routes.IsLocal(packet.Source)) || IsError(packet)
            || !_routes.TryRoute(packet.Source, out Route route))
        {
            return;
        }

        if (_limiter.IsLimited(type)
            && !_limiter.TryTake(packet.Source, isLoopback: @interface == RouteTable.LoopbackInterface))
        {
            return;
        }

        int room = LargestError - IpPacket.MinimumHeaderLength - IcmpPacket.HeaderLength
            - (_output.ReplyOptions?.Length ?? 0);
        int quoted = Math.Min(packet.Bytes.Length, room);
        byte tos = (byte)((packet.Tos & TosBitsKept) | TosOfErrors);
        int length = IcmpPacket.HeaderLength + quoted;
        if (!TryBegin(route, From(packet, route), packet.Source, tos, length, out Span<byte> message))
        {
            return;
        }

        packet.Bytes[..quoted].CopyTo(message[IcmpPacket.HeaderLength..]);
        IcmpPacket.WriteHeader(message, type, code, rest);
        _output.EndReply(route, packet.Source, length);
        _context.Mib.Count(Counter.IcmpOutMsgs);
        _context.Mib.Count(type switch
        {
            IcmpType.ParameterProblem => Counter.IcmpOutParmProbs,
            IcmpType.TimeExceeded => Counter.IcmpOutTimeExcds,
            _ => Counter.IcmpOutDestUnreachs,
        });
    }

    /// <summary>Tells this host's own sender of a packet that no neighbour took it.</summary>
    internal void SendUnreachable(in IpPacket packet)
    {
        const byte CodeHostUnreachable = 1;
        SendError(
            packet, IcmpType.DestinationUnreachable, CodeHostUnreachable, 0, RouteTable.LoopbackInterface);
    }

    private static bool IsError(in IpPacket packet) =>
        packet.Protocol == IpPacket.ProtocolIcmp && (packet.Payload.Length < 1
            || packet.Payload[0] is IcmpType.DestinationUnreachable or IcmpType.SourceQuench or IcmpType.Redirect
                or IcmpType.TimeExceeded or IcmpType.ParameterProblem or > IcmpType.Maximum);

    private void Echo(in IpPacket packet, in IcmpPacket message, in FourTuple hosts)
    {
        if (_context.Sysctls.IcmpEchoIgnoreAll != 0)
        {
            _context.Judge(hosts, new Verdict(RuleId.IcmpIgnored, message.Type, message.Code));
            return;
        }

        int length = message.Bytes.Length;
        if (_routes.TryRoute(packet.Source, out Route route)
            && TryBegin(route, From(packet, route), packet.Source, packet.Tos, length, out Span<byte> reply))
        {
            message.Data.CopyTo(reply[IcmpPacket.HeaderLength..]);
            IcmpPacket.WriteHeader(reply, IcmpType.EchoReply, message.Code, message.Rest);
            _output.EndReply(route, packet.Source, length);
            _context.Mib.Count(Counter.IcmpOutMsgs);
            _context.Mib.Count(Counter.IcmpOutEchoReps);
            _context.Judge(hosts, new Verdict(RuleId.IcmpEcho));
        }
    }

    /// <summary>Tells the time of day. Linux: icmp_timestamp.</summary>
    private void Timestamp(in IpPacket packet, in IcmpPacket message, in FourTuple hosts)
    {
        const int Times = 3 * sizeof(uint);
        const int Length = IcmpPacket.HeaderLength + Times;
        if (message.Data.Length < sizeof(uint))
        {
            _context.Mib.Count(Counter.IcmpInErrors);
            _context.Judge(hosts, new Verdict(RuleId.IcmpBad));
            return;
        }

        if (_routes.TryRoute(packet.Source, out Route route)
            && TryBegin(route, From(packet, route), packet.Source, packet.Tos, Length, out Span<byte> reply))
        {
            // Every reply built this way is counted as an echo's. Received and sent are one moment. Originate is the
            // asker's own.
            uint now = _context.MillisecondsOfDay;
            Span<byte> times = reply[IcmpPacket.HeaderLength..];
            message.Data[..sizeof(uint)].CopyTo(times);
            BinaryPrimitives.WriteUInt32BigEndian(times[sizeof(uint)..], now);
            BinaryPrimitives.WriteUInt32BigEndian(times[(2 * sizeof(uint))..], now);
            IcmpPacket.WriteHeader(reply, IcmpType.TimestampReply, 0, message.Rest);
            _output.EndReply(route, packet.Source, Length);
            _context.Mib.Count(Counter.IcmpOutMsgs);
            _context.Mib.Count(Counter.IcmpOutEchoReps);
            _context.Judge(hosts, new Verdict(RuleId.IcmpEcho));
        }
    }

    // A reply comes from the address that was asked, unless that was everybody's.
    private InetAddress From(in IpPacket packet, in Route route) =>
        _routes.IsLocal(packet.Destination) ? packet.Destination : route.Source;

    // ICMP goes without DF, with a running identification.
    private bool TryBegin(
        in Route route, InetAddress from, InetAddress to, byte tos, int length, out Span<byte> message)
    {
        var fields = new IpFields(
            from, to, IpPacket.ProtocolIcmp, _identifications.Next(from, to, IpPacket.ProtocolIcmp), tos,
            (byte)_context.Sysctls.IpDefaultTtl, DontFragment: false);
        return _output.TryBeginReply(route, fields, length, out message);
    }

    private void OnError(in IpPacket packet, in IcmpPacket message, in FourTuple hosts, int @interface)
    {
        Mib mib = _context.Mib;
        mib.Count(message.Type switch
        {
            IcmpType.DestinationUnreachable => Counter.IcmpInDestUnreachs,
            IcmpType.TimeExceeded => Counter.IcmpInTimeExcds,
            IcmpType.ParameterProblem => Counter.IcmpInParmProbs,
            IcmpType.SourceQuench => Counter.IcmpInSrcQuenchs,
            _ => Counter.IcmpInRedirects,
        });

        // The quote: a header and eight bytes at least. Its source is us.
        ReadOnlySpan<byte> quote = message.Data;
        int header = quote.Length > 0 ? (quote[0] & 0xf) * 4 : 0;
        if (quote.Length < IpPacket.MinimumHeaderLength || header < IpPacket.MinimumHeaderLength
            || quote.Length < header + PortsAndSequence)
        {
            mib.Count(Counter.IcmpInErrors);
            _context.Judge(hosts, new Verdict(RuleId.IcmpBad));
            return;
        }

        OnQuote(packet, message, hosts, @interface, header);
    }

    // The quoted header has been checked, and eight bytes behind it.
    private void OnQuote(
        in IpPacket packet, in IcmpPacket message, in FourTuple hosts, int @interface, int header)
    {
        ReadOnlySpan<byte> quote = message.Data;
        var tuple = new FourTuple(
            new InetEndpoint(InetAddress.Read(quote[IpPacket.SourceOffset..]), ReadPort(quote[header..])),
            new InetEndpoint(
                InetAddress.Read(quote[IpPacket.DestinationOffset..]), ReadPort(quote[(header + 2)..])));
        if (message.Type == IcmpType.Redirect)
        {
            Redirect(packet, message, tuple.Remote.Address, @interface);
        }

        // A source quench and a redirect change nothing for a socket, but whom they are for is looked for all the same.
        bool fragNeeded = message.Type == IcmpType.DestinationUnreachable && message.Code == 4;
        bool used = message.Type != IcmpType.DestinationUnreachable || message.Code <= 15;
        bool believed = !fragNeeded || _context.Sysctls.IpNoPmtuDisc != 2;
        bool isReassembly = message.Type == IcmpType.TimeExceeded && message.Code == 1;
        if (!used || !believed || isReassembly)
        {
            _context.Judge(hosts, new Verdict(RuleId.IcmpIgnored, message.Type, message.Code));
            return;
        }

        ReadOnlySpan<byte> transport = quote[header..];
        ushort mtu = fragNeeded && _context.Sysctls.IpNoPmtuDisc is 0 or 3 ? (ushort)message.Rest : (ushort)0;
        switch (quote[IpPacket.ProtocolOffset])
        {
            case IpPacket.ProtocolTcp:
                var seq = new SeqNumber(BinaryPrimitives.ReadUInt32BigEndian(transport[4..]));
                var error = new IcmpError(tuple, seq, message.Type, message.Code, mtu, quote[IpPacket.TtlOffset]);
                _tcp.OnIcmpError(new DatagramError(
                    error, packet.Source, @interface, InfoOf(error, message.Rest), transport));
                return;
            case IpPacket.ProtocolUdp:
                OnDatagramError(
                    new IcmpError(tuple, default, message.Type, message.Code, mtu, quote[IpPacket.TtlOffset]),
                    packet.Source, @interface, message.Rest, transport[PortsAndSequence..]);
                break;
        }

        _context.Judge(hosts, new Verdict(RuleId.IcmpIgnored, message.Type, message.Code));
    }

    private static uint InfoOf(in IcmpError error, uint rest) =>
        error.Type == IcmpType.ParameterProblem ? rest >> 24 : error.IsPathMtu ? error.Mtu : 0u;

    private void OnDatagramError(
        in IcmpError error, in InetAddress offender, int @interface, uint rest, ReadOnlySpan<byte> payload)
    {
        DatagramErrorUse use = _udp.OnIcmpError(
            new DatagramError(error, offender, @interface, InfoOf(error, rest), payload));
        if (use == DatagramErrorUse.NoSocket)
        {
            _context.Mib.Count(Counter.IcmpInErrors);
        }
        else if (use == DatagramErrorUse.TakenWithMtu && error.IsPathMtu)
        {
            _routes.LearnMtu(error.Tuple.Remote.Address, error.Mtu);
        }
    }

    /// <summary>A router tells of a better one. Linux: ip_do_redirect.</summary>
    private void Redirect(in IpPacket packet, in IcmpPacket message, in InetAddress destination, int @interface)
    {
        const byte LastCode = 3;
        if (message.Code <= LastCode)
        {
            _routes.LearnGateway(destination, packet.Source, new InetAddress(message.Rest), @interface);
        }
    }

    private static ushort ReadPort(ReadOnlySpan<byte> bytes) =>
        BinaryPrimitives.ReadUInt16BigEndian(bytes);

    private void CountOther(byte type)
    {
        Counter counter = type switch
        {
            IcmpType.EchoReply => Counter.IcmpInEchoReps,
            IcmpType.TimestampReply => Counter.IcmpInTimestampReps,
            17 => Counter.IcmpInAddrMasks,
            18 => Counter.IcmpInAddrMaskReps,
            _ => Counter.None,
        };
        _context.Mib.Count(counter);
    }
}
