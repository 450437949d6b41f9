using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Earshot.Core.Ip;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <content>Datagrams and ICMP errors that come in. Linux: __udp4_lib_rcv, __udp4_lib_err.</content>
internal sealed partial class UdpPortTable
{
    private const int HeaderLength = 8;
    private const int LengthOffset = 4;

    private readonly List<Socket> _several = [];

    /// <inheritdoc/>
    public bool Take(in IpPacket packet, PacketInfo info, int @interface)
    {
        ReadOnlySpan<byte> header = packet.Payload;
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(header[2..]);
        if (_bound.Count == 0 || !_bound.TryGetValue(port, out List<Socket>? sockets))
        {
            return false;
        }

        var tuple = new FourTuple(
            new InetEndpoint(packet.Destination, port),
            new InetEndpoint(packet.Source, BinaryPrimitives.ReadUInt16BigEndian(header)));
        if (_routes.Classify(packet.Destination) is AddressKind.Multicast or AddressKind.Broadcast)
        {
            return TakeAll(packet, info, tuple, @interface, sockets);
        }

        if (Find(tuple, @interface, sockets) is not { } socket)
        {
            return false;
        }

        Deliver(socket, packet, info, tuple, @interface);
        return true;
    }

    /// <inheritdoc/>
    public DatagramErrorUse OnIcmpError(in DatagramError error)
    {
        FourTuple tuple = error.Message.Tuple;
        if (!_bound.TryGetValue(tuple.Local.Port, out List<Socket>? sockets)
            || Find(tuple, error.Interface, sockets) is not { } socket)
        {
            return DatagramErrorUse.NoSocket;
        }

        IcmpError message = error.Message;
        byte discovery = socket.Options.PathMtuDiscovery;
        bool isOld = !message.IsIPv6 && message.Type is IcmpType.SourceQuench or IcmpType.Redirect;
        bool mayBeCut = !message.IsIPv6 && message.IsPathMtu && discovery == 0;
        if (!isOld && !mayBeCut)
        {
            Report(socket, error);
        }

        const byte Interface = 4;
        return discovery < Interface ? DatagramErrorUse.TakenWithMtu : DatagramErrorUse.Taken;
    }

    private static void Report(Socket socket, in DatagramError error)
    {
        IcmpError message = error.Message;
        bool all = socket.Options.AsksForErrors;
        if (!all && (!message.IsHard || socket.Udp is not { IsConnected: true }))
        {
            return;
        }

        if (all)
        {
            socket.OnQuotedError(error);
        }

        socket.Error = message.ErrorNumber;
        socket.OnReadiness(PollMask.Err);
    }

    /// <summary>The socket that a datagram is for: the best score, of equals the one that was bound last. Linux:
    /// __udp4_lib_lookup, compute_score.</summary>
    private Socket? Find(in FourTuple tuple, int @interface, List<Socket> sockets)
    {
        Socket? best = null;
        int most = 0;
        for (int i = sockets.Count - 1; i >= 0; i--)
        {
            int score = Score(sockets[i], tuple, @interface);
            if (score > most)
            {
                most = score;
                best = sockets[i];
            }
        }

        return best is { Options.ReusePort: true, Udp.IsConnected: false }
            ? OfGroup(best, most, tuple, @interface, sockets) : best;
    }

    /// <summary>One of the sockets that share address and port by SO_REUSEPORT, by hash. Linux:
    /// reuseport_select_sock.</summary>
    private Socket OfGroup(Socket best, int score, in FourTuple tuple, int @interface, List<Socket> sockets)
    {
        _several.Clear();
        foreach (Socket socket in sockets)
        {
            if (socket is { Options.ReusePort: true, Udp.IsConnected: false }
                && socket.Local.Address == best.Local.Address && Score(socket, tuple, @interface) == score)
            {
                _several.Add(socket);
            }
        }

        ulong hash = SipHash.Hash(_key0, _key1, tuple);
        return _several[(int)((hash >> 32) * (uint)_several.Count >> 32)];
    }

    private int Score(Socket socket, in FourTuple tuple, int @interface)
    {
        const int OfAddress = 16;
        const int OfPeer = 8;
        const int OfDevice = 4;
        ref readonly Tcp.SocketOptions options = ref socket.Options;
        InetAddress bound = socket.Local.Address;
        bool isIPv4 = tuple.Local.Address.IsIPv4;
        bool any = bound.IsAny && (isIPv4 ? !options.IPv6Only : options.IsIPv6 && bound.IsIPv6);
        if (!any && bound != tuple.Local.Address)
        {
            return 0;
        }

        int score = !options.IsIPv6 ? 2 : 1;
        score += any ? 0 : OfAddress;
        UdpRole udp = socket.Udp!;
        if (udp.IsConnected)
        {
            if (udp.Remote != tuple.Remote)
            {
                return 0;
            }

            score += OfPeer;
        }

        if (options.Device != 0)
        {
            if (options.Device != @interface)
            {
                return 0;
            }

            score += OfDevice;
        }

        return options.IncomingCpu == _context.Options.Processor ? score + 1 : score;
    }

    private bool TakeAll(
        in IpPacket packet, PacketInfo info, in FourTuple tuple, int @interface, List<Socket> sockets)
    {
        bool taken = false;
        bool isMulticast = packet.Destination.IsMulticast;
        for (int i = sockets.Count - 1; i >= 0; i--)
        {
            Socket socket = sockets[i];
            if (Score(socket, tuple, @interface) > 0
                && (!isMulticast || MayHear(socket, packet, @interface)))
            {
                Deliver(socket, packet, info, tuple, @interface);
                taken = true;
            }
        }

        return taken;
    }

    /// <summary>Whether a socket takes a group's datagrams: what it joined decides, and of IPv6 on whatever interface.
    /// Linux: ip_mc_sf_allow, inet6_mc_check.</summary>
    private static bool MayHear(Socket socket, in IpPacket packet, int @interface)
    {
        InetAddress group = packet.Destination;
        return socket.Long?.FindGroup(group, group.IsIPv4 ? @interface : 0) is { } filter
            ? filter.Allows(packet.Source)
            : group.IsIPv4 ? socket.HearsAllGroups : socket.Kept(OptionKey.LevelIPv6, 29, 1) != 0;
    }

    /// <summary>Queues a datagram; a merged one is cut again for whoever did not ask for UDP_GRO. Linux:
    /// udp_queue_rcv_skb.</summary>
    private void Deliver(
        Socket socket, in IpPacket packet, PacketInfo info, in FourTuple tuple, int @interface)
    {
        int length = BinaryPrimitives.ReadUInt16BigEndian(packet.Payload[LengthOffset..]);
        ReadOnlySpan<byte> data = packet.Payload[..(length == 0 ? packet.Payload.Length : length)][HeaderLength..];
        var datagram = new WaitingDatagram
        {
            From = tuple.Remote,
            To = tuple.Local,
            Interface = @interface,
            Tos = packet.Tos,
            Ttl = packet.Ttl,
            FlowLabel = packet.FlowLabel,
            Time = _context.Now.Nanoseconds,
        };
        int size = info.SegmentSize;
        if (size == 0 || size >= data.Length || socket.Kept(OptionKey.LevelUdp, 104) != 0)
        {
            datagram.SegmentSize = (ushort)(size < data.Length ? size : 0);
            Queue(socket, datagram, data);
            return;
        }

        for (int at = 0; at < data.Length; at += size)
        {
            Queue(socket, datagram, data.Slice(at, Math.Min(size, data.Length - at)));
        }
    }

    private void Queue(Socket socket, in WaitingDatagram datagram, ReadOnlySpan<byte> data)
    {
        if (socket.Udp!.TryAdd(datagram, data, socket.Options.ReceiveBuffer, _context.Buffers))
        {
            socket.OnReadiness(PollMask.In | PollMask.ReadNormal);
            return;
        }

        bool isIPv4 = datagram.From.Address.IsIPv4;
        _context.Mib.Count(isIPv4 ? Counter.UdpRcvbufErrors : Counter.Udp6RcvbufErrors);
        _context.Mib.Count(isIPv4 ? Counter.UdpInErrors : Counter.Udp6InErrors);
    }
}
