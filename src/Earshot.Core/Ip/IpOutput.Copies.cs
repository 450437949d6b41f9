using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <content>Copies for the sender's own host of what goes to several. Linux: ip_mc_output, dev_loopback_xmit.</content>
internal sealed partial class IpOutput
{
    /// <summary>Lets a copy of a packet come in by the interface that it leaves by.</summary>
    internal void Copy(in Route route, in IpFields ip, AddedHeaders? headers, ReadOnlySpan<byte> payload)
    {
        if (Loopback.IsFull)
        {
            return;
        }

        int header = headers?.HeaderLength(ip.Destination) ?? IpPacket.HeaderLengthFor(ip.Destination);
        Span<byte> packet = Loopback.Reserve(header + payload.Length);
        if (headers is null)
        {
            IpPacket.WriteHeader(packet, ip, payload.Length);
        }
        else
        {
            WriteAdded(packet, ip, headers, payload.Length);
        }

        payload.CopyTo(packet[header..]);
        Loopback.Commit(packet.Length, route.Interface, PacketInfo.LoopedBack, _context.Now);
    }

    /// <summary>Forgets the packet that <see cref="TryBegin"/> or <see cref="TryBeginWith"/> began.</summary>
    internal void Abandon()
    {
        _isUncut = false;
        _uncutHeaders = null;
    }
}
