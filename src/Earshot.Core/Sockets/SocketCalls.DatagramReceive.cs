using System;
using Earshot.Core.Tcp;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <content>Receiving a datagram. Linux: udp_recvmsg, udpv6_recvmsg, ip_cmsg_recv_offset,
/// ip6_datagram_recv_specific_ctl.</content>
public sealed partial class SocketCalls
{
    private int ReceiveDatagram(Socket socket, ref IncomingMessage message, MessageFlags flags)
    {
        if ((flags & MessageFlags.ErrorQueue) != 0)
        {
            return ReceiveError(socket, ref message);
        }

        if (socket.Error != 0)
        {
            return -TakeError(socket);
        }

        UdpRole udp = socket.Udp!;
        bool peek = (flags & MessageFlags.Peek) != 0;
        int offset = socket.Kept(OptionKey.LevelSocket, 42, -1);
        int skip = peek ? Math.Max(offset, 0) : 0;
        int place = 0;
        while (place < udp.Queue.Count && skip > 0 && skip >= udp.Queue[place].Length)
        {
            skip -= udp.Queue[place++].Length;
        }

        if (place >= udp.Queue.Count)
        {
            return -Errno.EAGAIN;
        }

        ref WaitingDatagram datagram = ref udp.Queue[place];
        ReadOnlySpan<byte> data = udp.Queue.Bytes(place)[skip..];
        int count = (int)Math.Min(message.Wanted, data.Length);
        if (count > message.Data.Length)
        {
            // What cannot be written is lost, with the whole datagram.
            Forget(socket, udp, isLost: true, peek);
            return -Errno.EFAULT;
        }

        data[..count].CopyTo(message.Data);
        message.Flags |= count < data.Length ? (int)MessageFlags.Cut : 0;
        if (offset >= 0)
        {
            int moved = peek ? offset + count : Math.Max(offset - data.Length, 0);
            Keep(socket, OptionKey.LevelSocket, 42, moved, 0, int.MaxValue, -1);
        }

        int length = SocketName.Length6;
        SocketName.Give(
            message.Name, ref length, datagram.From, socket.Options.IsIPv6, datagram.Interface);
        message.NameLength = length;
        PutControl(socket, datagram, ref message);
        int result = (flags & MessageFlags.Cut) != 0 ? data.Length : count;
        Forget(socket, udp, isLost: false, peek);
        return result;
    }

    private void Forget(Socket socket, UdpRole udp, bool isLost, bool peek)
    {
        bool isIPv4 = !socket.Options.IsIPv6 || udp.Queue[0].From.Address.IsIPv4;
        if (isLost)
        {
            _context.Mib.Count(isIPv4 ? Counter.UdpInErrors : Counter.Udp6InErrors);
        }
        else if (!peek)
        {
            _context.Mib.Count(isIPv4 ? Counter.UdpInDatagrams : Counter.Udp6InDatagrams);
        }

        if (!peek)
        {
            udp.RemoveFirst(_context.Buffers);
        }
    }

    /// <summary>The control messages of a datagram, in Linux's order.</summary>
    private void PutControl(Socket socket, in WaitingDatagram datagram, ref IncomingMessage message)
    {
        const int Dropped = 40;
        const int Mark = 36;
        const int Merged = 104;
        if (socket.Options.Others is null)
        {
            return;
        }

        PutTimes(socket, datagram.Time, ref message);
        if (socket.Kept(OptionKey.LevelSocket, Dropped) != 0 && datagram.Drops > 0)
        {
            message.Put(OptionKey.LevelSocket, Dropped, (int)datagram.Drops);
        }

        if (socket.Kept(OptionKey.LevelSocket, 75) != 0)
        {
            message.Put(OptionKey.LevelSocket, Mark, 0);
        }

        if (datagram.SegmentSize != 0)
        {
            message.Put(OptionKey.LevelUdp, Merged, datagram.SegmentSize);
        }

        bool isIPv4 = datagram.To.Address.IsIPv4;
        if (socket.Options.IsIPv6)
        {
            PutPacketInformation6(socket, datagram, ref message);
        }

        if (isIPv4)
        {
            PutIpControl(socket, datagram, ref message);
        }
        else
        {
            PutIPv6Control(socket, datagram, ref message);
        }
    }

    private void PutIpControl(Socket socket, in WaitingDatagram datagram, ref IncomingMessage message)
    {
        const int Ip = OptionKey.LevelIp;
        Span<byte> value = stackalloc byte[SocketName.Length];
        if (socket.Kept(Ip, 8) != 0)
        {
            // The interface, the address that an answer would have, the address of the header.
            Int(value, datagram.Interface);
            InetAddress own = _routes.IsLocal(datagram.To.Address) || !_routes.TryRoute(
                datagram.From.Address, out Ip.Route route) ? datagram.To.Address : route.Source;
            own.Write(value[IntLength..]);
            datagram.To.Address.Write(value[(2 * IntLength)..]);
            message.Put(Ip, 8, value[..(3 * IntLength)]);
        }

        if (socket.Kept(Ip, 12) != 0)
        {
            message.Put(Ip, 2, datagram.Ttl);
        }

        if (socket.Kept(Ip, 13) != 0)
        {
            value[0] = datagram.Tos;
            message.Put(Ip, 1, value[..1]);
        }

        if (socket.Kept(Ip, 20) != 0)
        {
            Span<byte> name = stackalloc byte[SocketName.Length6];
            message.Put(Ip, 20, name[..SocketName.Write(name, datagram.To, isIPv6: false)]);
        }
    }

    private static void PutPacketInformation6(
        Socket socket, in WaitingDatagram datagram, ref IncomingMessage message)
    {
        Span<byte> value = stackalloc byte[InetAddress.IPv6Length + IntLength];
        datagram.To.Address.WriteIPv6(value);
        Int(value[InetAddress.IPv6Length..], datagram.Interface);
        if (socket.Kept(OptionKey.LevelIPv6, 49) != 0)
        {
            message.Put(OptionKey.LevelIPv6, 50, value);
        }

        if (socket.Kept(OptionKey.LevelIPv6, 2) != 0)
        {
            message.Put(OptionKey.LevelIPv6, 2, value);
        }
    }

    private static void PutIPv6Control(Socket socket, in WaitingDatagram datagram, ref IncomingMessage message)
    {
        const int Ip6 = OptionKey.LevelIPv6;
        if (socket.Kept(Ip6, 51) != 0)
        {
            message.Put(Ip6, 52, datagram.Ttl);
        }

        if (socket.Kept(Ip6, 66) != 0)
        {
            message.Put(Ip6, 67, datagram.Tos);
        }

        uint flow = ((uint)datagram.Tos << 20) | datagram.FlowLabel;
        if (socket.Kept(Ip6, 11) != 0 && flow != 0)
        {
            message.Put(Ip6, 11, System.Net.IPAddress.HostToNetworkOrder((int)flow));
        }

        if (socket.Kept(Ip6, 8) != 0)
        {
            message.Put(Ip6, 8, datagram.Ttl);
        }

        if (socket.Kept(Ip6, 74) != 0)
        {
            Span<byte> name = stackalloc byte[SocketName.Length6];
            SocketName.Write(name, datagram.To, isIPv6: true, datagram.Interface);
            message.Put(Ip6, 74, name);
        }
    }
}
