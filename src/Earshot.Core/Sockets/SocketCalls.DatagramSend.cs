using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Earshot.Core.Ip;
using Earshot.Core.Tcp;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <content>Sending a datagram. Linux: udp_sendmsg, ip_make_skb, udp_send_skb.</content>
public sealed partial class SocketCalls
{
    private const int UdpHeader = UdpRole.HeaderLength;
    private const int MostSegments = 128;
    private const byte DiscoveryDo = 2;
    private const byte DiscoveryProbe = 3;
    private const byte DiscoveryInterface = 4;

    private readonly IpIdentifications _identifications;

    private int SendDatagram(Socket socket, in OutgoingMessage message, MessageFlags flags)
    {
        const MessageFlags Probe = (MessageFlags)0x10 | MessageFlags.Confirm;
        long length = message.Data.Length + message.Unreadable;
        if (length > LongestDatagram)
        {
            return -Errno.EMSGSIZE;
        }

        if ((flags & MessageFlags.Urgent) != 0)
        {
            return -Errno.EOPNOTSUPP;
        }

        int result = BindIfUnbound(socket);
        UdpRole udp = socket.Udp!;
        if (result != 0 || udp.Cork is not null)
        {
            return result != 0 ? result : AppendToCork(socket, message, flags);
        }

        result = PrepareDatagram(socket, message, out DatagramRoute way, out TimestampingFlags timestamping);
        if (result != 0)
        {
            return result;
        }

        if ((flags & Probe) == Probe && length == 0)
        {
            return 0;
        }

        if (socket.Error != 0 || socket.Options.WriteShut)
        {
            return socket.Error != 0 ? -TakeError(socket) : -Errno.EPIPE;
        }

        if (message.Unreadable > 0)
        {
            return -Errno.EFAULT;
        }

        if (udp.Account is not null && udp.Unsent >= socket.Options.SendBuffer)
        {
            _context.Mib.Count(
                way.To.Address.IsIPv4 ? Counter.UdpSndbufErrors : Counter.Udp6SndbufErrors);
            return -Errno.EAGAIN;
        }

        if ((flags & MessageFlags.More) != 0 || socket.Kept(OptionKey.LevelUdp, 1) != 0)
        {
            udp.Cork = new CorkedDatagram { Route = way };
            udp.Cork.Append(message.Data);
            return message.Data.Length;
        }

        result = Transmit(socket, way, message.Data, flags, timestamping);
        _stack.Drain(null);
        return result;
    }

    /// <summary>UDP_CORK: taking the cork out sends what is there. Linux: udp_push_pending_frames.</summary>
    internal void SetCork(Socket socket, bool on)
    {
        if (on || socket.Udp!.Cork is not { } cork)
        {
            return;
        }

        socket.Udp.Cork = null;
        Transmit(socket, cork.Route, cork.Bytes.AsSpan(0, cork.Length), MessageFlags.None, TimestampingFlags.None);
        _stack.Drain(null);
    }

    private int AppendToCork(Socket socket, in OutgoingMessage message, MessageFlags flags)
    {
        UdpRole udp = socket.Udp!;
        CorkedDatagram cork = udp.Cork!;
        if (message.Unreadable > 0)
        {
            return -Errno.EFAULT;
        }

        if (cork.Length + message.Data.Length > cork.Route.LongestPayload)
        {
            return -Errno.EMSGSIZE;
        }

        cork.Append(message.Data);
        if ((flags & MessageFlags.More) == 0 && socket.Kept(OptionKey.LevelUdp, 1) == 0)
        {
            SetCork(socket, on: false);
        }

        return message.Data.Length;
    }

    private int PrepareDatagram(
        Socket socket, in OutgoingMessage message, out DatagramRoute way, out TimestampingFlags timestamping)
    {
        way = default;
        timestamping = TimestampingFlags.None;
        int result = FindDestination(socket, message, out InetEndpoint remote);
        if (result != 0)
        {
            return result;
        }

        bool isIPv4 = remote.Address.IsIPv4;
        var control = new DatagramControl { Tos = -1, Hops = -1 };
        result = ReadControl(socket, message.Control, isIPv4, ref control);
        if (result != 0)
        {
            return result;
        }

        result = FindWay(socket, ref remote, control, out Route route, out InetAddress source);
        if (result != 0)
        {
            return result;
        }

        ref readonly SocketOptions options = ref socket.Options;
        byte tos = control.Tos >= 0 ? (byte)control.Tos : options.TosTo(remote.Address);
        short hops = control.Hops >= 0 ? control.Hops
            : !remote.Address.IsMulticast ? options.HopsTo(remote.Address)
            : (short)(isIPv4 ? socket.Kept(OptionKey.LevelIp, 33, 1) : socket.Kept(OptionKey.LevelIPv6, 18, 1));
        int segment = control.SegmentSize != 0 ? control.SegmentSize : socket.Kept(OptionKey.LevelUdp, 103);
        timestamping = control.Timestamping;
        way = new DatagramRoute(
            route, new InetEndpoint(source, socket.Port), remote, tos, hops, (ushort)segment, control.DontFragment,
            control.HeadersOf(socket, isIPv4));
        return CheckSize(socket, way, message.Data.Length + message.Unreadable);
    }

    /// <summary>Whether a datagram may be as long as it is. Linux: __ip_append_data, udp_send_skb.</summary>
    private int CheckSize(Socket socket, in DatagramRoute way, long length)
    {
        InetAddress to = way.To.Address;
        int headers = way.HeaderLength;
        bool mustFit = to.IsIPv4
            ? socket.Options.PathMtuDiscovery is DiscoveryDo or DiscoveryProbe or DiscoveryInterface
            : way.MustFit || socket.Kept(OptionKey.LevelIPv6, 62) != 0
                || socket.Kept(OptionKey.LevelIPv6, 23, 1) is DiscoveryDo or DiscoveryProbe or DiscoveryInterface;
        if (way.SegmentSize != 0 && length > way.SegmentSize)
        {
            return headers + way.SegmentSize > way.Route.Mtu ? -Errno.EMSGSIZE
                : length > (long)way.SegmentSize * MostSegments || length > way.LongestPayload ? -Errno.EINVAL : 0;
        }

        if (length <= way.LongestPayload && (!mustFit || length + way.CountedLength <= way.Route.Mtu))
        {
            return 0;
        }

        if (socket.Kept(to.IsIPv4 ? OptionKey.LevelIp : OptionKey.LevelIPv6, to.IsIPv4 ? 11 : 25) != 0)
        {
            socket.AddError(new ErrorEntry
            {
                Number = Errno.EMSGSIZE,
                Origin = ErrorOrigin.Local,
                Info = (uint)way.Route.Mtu,
                Name = way.To,
            });
        }

        return -Errno.EMSGSIZE;
    }

    /// <summary>Sends a datagram, or the equal pieces of one.</summary>
    private int Transmit(
        Socket socket, in DatagramRoute way, ReadOnlySpan<byte> data, MessageFlags flags,
        TimestampingFlags timestamping)
    {
        bool isCut = way.SegmentSize != 0 && data.Length > way.SegmentSize;
        int size = isCut ? way.SegmentSize : data.Length;
        int at = 0;
        bool sent = true;
        do
        {
            sent &= TransmitOne(socket, way, data.Slice(at, Math.Min(size, data.Length - at)), isCut);
            at += size;
        }
        while (at < data.Length);

        bool isIPv4 = way.To.Address.IsIPv4;
        if (!sent)
        {
            // The queue of the device was full: only who asks for errors is told.
            bool asks = socket.Kept(isIPv4 ? OptionKey.LevelIp : OptionKey.LevelIPv6, isIPv4 ? 11 : 25) != 0;
            _context.Mib.Count(isIPv4 ? Counter.UdpSndbufErrors : Counter.Udp6SndbufErrors);
            return asks ? -Errno.ENOBUFS : data.Length;
        }

        _context.Mib.Count(isIPv4 ? Counter.UdpOutDatagrams : Counter.Udp6OutDatagrams);
        OnDatagramSent(socket, data, flags, timestamping);
        return data.Length;
    }

    private bool TransmitOne(Socket socket, in DatagramRoute way, ReadOnlySpan<byte> data, bool isCut)
    {
        InetAddress from = way.From.Address;
        InetAddress to = way.To.Address;
        int length = UdpHeader + data.Length;
        int hops = way.Ttl >= 0 ? way.Ttl : to.IsIPv4 ? _context.Sysctls.IpDefaultTtl : DefaultHopLimit;
        byte discovery = socket.Options.PathMtuDiscovery;
        bool fits = data.Length + way.HeaderLength <= way.Route.Mtu;
        bool dontFragment = discovery is DiscoveryDo or DiscoveryProbe
            || (discovery == 1 && fits && !isCut && !way.Route.IsMtuLocked);
        uint ports = ((uint)way.From.Port << 16) | way.To.Port;
        uint label = to.IsIPv4 || socket.Kept(OptionKey.LevelIPv6, 70, 1) == 0
            ? 0 : _context.FlowLabel(from, to, ports);
        var ip = new IpFields(
            from, to, IpPacket.ProtocolUdp, IdentificationOf(socket, from, to, discovery), way.Tos, (byte)hops,
            dontFragment, label);
        bool begun = way.Headers is null
            ? _output.TryBegin(way.Route, ip, length, out Span<byte> datagram)
            : _output.TryBeginWith(way.Headers, way.Route, ip, length, out datagram);
        if (!begun)
        {
            return false;
        }

        BinaryPrimitives.WriteUInt16BigEndian(datagram, way.From.Port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[2..], way.To.Port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[4..], (ushort)length);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[6..], 0);
        data.CopyTo(datagram[UdpHeader..]);
        bool unsummed = to.IsIPv4
            ? socket.Kept(OptionKey.LevelSocket, 11) != 0 : socket.Kept(OptionKey.LevelUdp, 101) != 0;
        if (!unsummed)
        {
            ulong pseudo = Checksum.PseudoHeader(from, to, IpPacket.ProtocolUdp, length);
            ushort sum = Checksum.Finish(Checksum.Add(datagram[..length], pseudo));
            MemoryMarshal.Write(datagram[6..], sum == 0 ? ushort.MaxValue : sum);
        }

        long first = _output.Outbox.End;
        if (way.Route.IsToSeveral && !LetLeave(socket, way, ip, datagram[..length]))
        {
            _output.Abandon();
        }
        else if (way.Headers is null)
        {
            _output.End(way.Route, to, length);
        }
        else
        {
            _output.EndWith(way.Headers, way.Route, to, length);
        }

        if ((way.Route.Offload & InterfaceOffload.Completion) != 0)
        {
            ChargeLink(socket, way, first, length);
        }

        return true;
    }

    // What is cut costs by its pieces, each of which has the header. Linux: sock_wmalloc.
    private void ChargeLink(Socket socket, in DatagramRoute way, long first, int length)
    {
        UdpRole udp = socket.Udp!;
        bool isIPv4 = way.To.Address.IsIPv4;
        int header = way.HeaderLength - UdpHeader;
        int most = (way.Route.Mtu - header - (isIPv4 ? 0 : UdpHeader)) & ~7;
        LinkAccount account = udp.Account ??= new LinkAccount { Sender = socket };
        for (long ordinal = first; ordinal < _output.Outbox.End; ordinal++, length -= most)
        {
            bool isLast = ordinal == _output.Outbox.End - 1;
            int cost = UdpRole.CostToSend(header + (isLast ? length : most), isIPv4);
            _tcp.LinkAccounts.Charge(account, way.Route.Interface, ordinal, cost);
        }
    }

    /// <summary>What goes to several hosts comes to this one too, if it listens. Linux: ip_mc_output,
    /// ip6_finish_output2.</summary>
    /// <returns>Whether it leaves as well: without hops it is for this host alone.</returns>
    private bool LetLeave(Socket socket, in DatagramRoute way, in IpFields ip, ReadOnlySpan<byte> datagram)
    {
        InetAddress to = ip.Destination;
        if (!to.IsMulticast)
        {
            _output.Copy(way.Route, ip, way.Headers, datagram);
            return true;
        }

        bool isWanted = socket.Options.IsIPv6
            ? socket.Kept(OptionKey.LevelIPv6, 19, 1) != 0 : socket.Kept(OptionKey.LevelIp, 34, 1) != 0;
        bool isJoined = _routes.IsJoined(to, way.Route.Interface, ip.Source), isLooped = isWanted && isJoined;
        if (isLooped)
        {
            _output.Copy(way.Route, ip, way.Headers, datagram);
        }

        // The hops are looked at only where the host is in the group, of IPv6 where it got a copy; the scope always is.
        return to.IsIPv4 ? ip.Ttl > 0 || !isJoined : (ip.Ttl > 0 || !isLooped) && ((to.High >> 48) & 0xf) > 1;
    }

    /// <summary>Linux: ip_select_ident.</summary>
    private ushort IdentificationOf(Socket socket, in InetAddress from, in InetAddress to, byte discovery)
    {
        UdpRole udp = socket.Udp!;
        return !to.IsIPv4 ? (ushort)0
            : udp.IsConnected ? ++udp.Identification
            : discovery is DiscoveryDo or DiscoveryProbe ? (ushort)0
            : _identifications.Next(from, to, IpPacket.ProtocolUdp);
    }
}
