using System;
using System.Collections.Generic;
using Earshot.Core.Ip;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <summary>The segments that no connection sends: resets, SYN-ACKs and ACKs of requests, ACKs of TIME_WAIT.</summary>
internal sealed class TcpOutput
{
    private readonly StackContext _context;
    private readonly RouteTable _routes;
    private readonly Dictionary<FourTuple, byte[]> _requestOptions = [];

    internal TcpOutput(StackContext context, RouteTable routes, IpOutput ip, SocketTable table)
    {
        Table = table;
        _context = context;
        _routes = routes;
        Ip = ip;
    }

    internal IpOutput Ip { get; }

    private SocketTable Table { get; }

    /// <summary>Answers a segment with a RST. Linux: tcp_v4_send_reset (net/ipv4/tcp_ipv4.c).</summary>
    /// <remarks>Never to a RST, and never unless both ends are single hosts. RFC 9293 §3.10.7.1.</remarks>
    /// <param name="segment">The segment.</param>
    /// <param name="key">The key that the RST is signed with; null: it is not.</param>
    internal void Reset(in TcpSegment segment, byte[]? key)
    {
        if (segment.Has(TcpFlags.Rst) || _routes.Classify(segment.Destination) != AddressKind.Local
            || !_routes.TryRoute(segment.Source, out Route route))
        {
            return;
        }

        var fields = new TcpFields
        {
            SourcePort = segment.DestinationPort,
            DestinationPort = segment.SourcePort,
            Flags = TcpFlags.Rst,
            Key = key,
        };
        if (segment.Has(TcpFlags.Ack))
        {
            fields.Seq = segment.Ack;
        }
        else
        {
            fields.Ack = segment.EndSeq;
            fields.Flags |= TcpFlags.Ack;
        }

        Send(
            route, segment.Destination, segment.Source, (byte)(segment.Tos & ~3), fields, ipOptions: Ip.ReplyOptions);
        _context.Mib.Count(Counter.TcpOutSegs);
        _context.Mib.Count(Counter.TcpOutRsts);
    }

    /// <summary>Sends the first SYN-ACK of a request. Linux: tcp_v4_send_synack, tcp_make_synack.</summary>
    /// <param name="request">The request; it takes note of the time.</param>
    /// <param name="tuple">Its ends.</param>
    /// <param name="route">The way to the peer.</param>
    /// <param name="options">The listener's options.</param>
    /// <param name="stamp">The timestamp clock's reading to send, as it is or as a cookie has it.</param>
    /// <param name="offer">A Fast Open cookie to bring along.</param>
    /// <returns>False when the queue was full.</returns>
    internal bool SynAck(
        ref ConnectionRequest request, in FourTuple tuple, in Route route, in SocketOptions options, uint stamp,
        FastOpenOffer offer = default)
    {
        bool windowScale = request.Has(RequestFlags.WindowScale);
        bool timestamps = request.Has(RequestFlags.Timestamps);
        request.LastSentMilliseconds = stamp;
        uint value = stamp + request.TsOffset;
        if (value == 0 && request.Retransmissions == 0)
        {
            // 0 would mean that none was sent yet. Linux: snt_tsval_first.
            value = uint.MaxValue;
        }

        _context.Mib.Count(Counter.TcpOutSegs);
        byte tos = ReflectedTos(request.Tos, options.TosTo(tuple.Remote.Address));
        int mss = AdvertisedMss(route, options);
        if (timestamps && windowScale && options.Others is null && offer.Option == FastOpenOption.None
            && tuple.Remote.Address.IsIPv4 && _requestOptions.Count == 0 && !request.HasAccurateEcn
            && Ip.TryBeginPlain(route, UsualSynAck.Length, out Span<byte> packet))
        {
            byte ttl = Ttl(options.HopsTo(tuple.Remote.Address), tuple.Remote.Address);
            UsualSynAck.Write(packet, request, tuple, tos, ttl, mss, value);
            Ip.EndPlain(route, UsualSynAck.Length);
            return true;
        }

        bool ecn = request.Has(RequestFlags.Ecn);
        var fields = new TcpFields
        {
            SourcePort = request.LocalPort,
            DestinationPort = request.RemotePort,
            Seq = new SeqNumber(request.Isn),
            Ack = request.ReceiveNext,
            Flags = ecn ? TcpFlags.Syn | TcpFlags.Ack | TcpFlags.Ece : TcpFlags.Syn | TcpFlags.Ack,
            WindowField = (ushort)Math.Min(request.WindowBytes, ushort.MaxValue),
            Key = options.KeyOf(tuple.Remote.Address),
            Options = new TcpOptions
            {
                Mss = (ushort)mss,
                HasTimestamp = timestamps,
                TsVal = value,
                TsEcr = request.TsRecent,
                SackPermitted = request.Has(RequestFlags.Sack),
                FastOpen = offer.Option,
                FastOpenCookie = offer.Cookie,
                HasWindowScale = windowScale,
                WindowScale = request.OwnWindowScale,
            },
        };
        if (request.HasAccurateEcn)
        {
            fields.Flags &= ~TcpFlags.Ece;
            Connection.PutCode(ref fields, AccurateEcn.Code(request.Tos & 3));
        }

        return Send(
            route, tuple.Local.Address, tuple.Remote.Address, tos, fields, options.HopsTo(tuple.Remote.Address),
            options.Mark, IpOptionsOf(tuple), options.Others?.Extensions);
    }

    /// <summary>Every SYN-ACK to these ends has the options that answer the present SYN, if it has any. Linux:
    /// tcp_v4_save_options.</summary>
    internal void RememberIpOptions(in FourTuple tuple)
    {
        if (Ip.ReplyOptions is { Length: > 0 } options)
        {
            _requestOptions[tuple] = options;
        }
    }

    /// <summary>The options of the SYN-ACKs to these ends; null: none.</summary>
    internal byte[]? IpOptionsOf(in FourTuple tuple) =>
        _requestOptions.Count == 0 ? null : _requestOptions.GetValueOrDefault(tuple);

    /// <summary>There is no request of these ends any more.</summary>
    internal void ForgetIpOptions(in FourTuple tuple) => _requestOptions.Remove(tuple);

    /// <summary>Whether some request has options of IP.</summary>
    internal bool HasIpOptions => _requestOptions.Count > 0;

    /// <summary>The type of service of a passive connection: the listener's, or the SYN's with the listener's ECN
    /// bits. sysctl net.ipv4.tcp_reflect_tos.</summary>
    internal byte ReflectedTos(byte syn, byte own) =>
        _context.Sysctls.TcpReflectTos != 0 ? (byte)((syn & ~3) | (own & 3)) : own;

    /// <summary>Sends a request's SYN-ACK again. Linux: tcp_rtx_synack.</summary>
    internal bool SynAckAgain(ref ConnectionRequest request, in Route route, in SocketOptions options)
    {
        if (!SynAck(ref request, Table.Tuple(request), route, options, _context.TimestampClock))
        {
            return false;
        }

        request.Retransmissions = (byte)Math.Min(request.Retransmissions + 1, byte.MaxValue);
        _context.Mib.Count(Counter.TcpRetransSegs);
        _context.Mib.Count(Counter.TcpExtTCPSynRetrans);
        return true;
    }

    /// <summary>Sends an ACK on behalf of a request. Linux: tcp_v4_reqsk_send_ack. Its window is scaled, unlike a
    /// SYN-ACK's.</summary>
    /// <param name="request">The request.</param>
    /// <param name="next">SND.NXT: one after the SYN-ACK's, or of a Fast Open connection what it sends next.</param>
    /// <param name="route">The way to the peer.</param>
    /// <param name="tos">Type of service of the segment that is answered.</param>
    /// <param name="options">The options of the listener, or of the Fast Open connection.</param>
    internal void RequestAck(
        in ConnectionRequest request, SeqNumber next, in Route route, byte tos, in SocketOptions options)
    {
        uint window = Math.Min(request.WindowBytes, ushort.MaxValue);
        int scale = request.Has(RequestFlags.WindowScale) ? request.OwnWindowScale : 0;
        var fields = new TcpFields
        {
            SourcePort = request.LocalPort,
            DestinationPort = request.RemotePort,
            Seq = next,
            Ack = request.ReceiveNext,
            Flags = TcpFlags.Ack,
            WindowField = (ushort)(window >> scale),
            Key = options.KeyOf(Table.RemoteAddress(request)),
            Options = new TcpOptions
            {
                HasTimestamp = request.TsRecent != 0,
                TsVal = _context.TimestampClock + request.TsOffset,
                TsEcr = request.TsRecent,
            },
        };
        InetAddress remote = Table.RemoteAddress(request);
        Send(route, Table.LocalAddress(request), remote, tos, fields, options.HopsTo(remote), options.Mark,
            Ip.ReplyOptions);
        _context.Mib.Count(Counter.TcpOutSegs);
    }

    /// <summary>Sends an ACK on behalf of a TIME_WAIT entry. Linux: tcp_v4_timewait_ack.</summary>
    internal void TimeWaitAck(in FourTuple tuple, TcpFields fields, byte tos)
    {
        if (_routes.TryRoute(tuple.Remote.Address, out Route route))
        {
            fields.SourcePort = tuple.Local.Port;
            fields.DestinationPort = tuple.Remote.Port;
            Send(route, tuple.Local.Address, tuple.Remote.Address, tos, fields, ipOptions: Ip.ReplyOptions);
            _context.Mib.Count(Counter.TcpOutSegs);
        }
    }

    /// <summary>The MSS to announce: the MTU less both headers, at least min_adv_mss, at most TCP_MAXSEG. Linux:
    /// ipv4_default_advmss.</summary>
    internal int AdvertisedMss(in Route route, in SocketOptions options)
    {
        const int Headers = 40;
        int mss = route.Source.IsIPv4
            ? Math.Clamp(_context.Sysctls.MinAdvMss, route.Mtu - Headers, ushort.MaxValue - Headers)
            : route.AdvertisedMss;
        return options.MaximumSegment != 0 ? Math.Min(mss, options.MaximumSegment) : mss;
    }

    /// <summary>Time to live of a packet: the socket's, or the sysctl; over IPv6 the interface's hop limit.</summary>
    internal byte Ttl(short own, in InetAddress to)
    {
        const byte DefaultHopLimit = 64;
        return own >= 0 ? (byte)own : to.IsIPv4 ? (byte)_context.Sysctls.IpDefaultTtl : DefaultHopLimit;
    }

    // Identification 0 and DF: what no socket sends carries no running number.
    private bool Send(
        in Route route, in InetAddress from, in InetAddress to, byte tos, in TcpFields fields, short hops = -1,
        uint mark = 0, byte[]? ipOptions = null, AddedHeaders? extensions = null)
    {
        uint label = _context.FlowLabel(from, to, ((uint)fields.SourcePort << 16) | fields.DestinationPort);
        var ip = new IpFields(from, to, IpPacket.ProtocolTcp, 0, tos, Ttl(hops, to), DontFragment: true, label, mark);
        if (extensions is not null && !to.IsIPv4)
        {
            return Ip.SendTcpWithHeaders(extensions, route, ip, fields, default, default, default);
        }

        return ipOptions is null ? Ip.SendTcp(route, ip, fields, default, default, 0)
            : Ip.SendTcpWithOptions(route, ip, fields, ipOptions);
    }
}
