using System;
using System.Runtime.InteropServices;
using Earshot.Core.Wire;

namespace Earshot.Lab.Targets;

/// <summary>Completes the TCP checksum of a packet captured on the host's loopback.</summary>
/// <remarks>The kernel leaves the sum to the device, and loopback never makes it: in a capture file such a packet
/// would look broken.</remarks>
internal static class HostChecksum
{
    private const int TcpHeaderLength = 20;
    private const int ChecksumOffset = 16;

    /// <summary>Completes the checksum in place, if the packet is TCP and whole.</summary>
    /// <param name="packet">The packet from the IP header on.</param>
    /// <param name="length">Its whole length, more than was captured when it was cut.</param>
    public static void Complete(Span<byte> packet, int length)
    {
        if (packet.Length != length || IpPacket.Parse(packet, out IpPacket ip) != IpParseError.None
            || ip.Protocol != IpPacket.ProtocolTcp || ip.Payload.Length < TcpHeaderLength)
        {
            return;
        }

        Span<byte> tcp = packet.Slice(ip.HeaderLength, ip.Payload.Length);
        tcp.Slice(ChecksumOffset, sizeof(ushort)).Clear();
        ulong sum = Checksum.PseudoHeader(ip.Source, ip.Destination, IpPacket.ProtocolTcp, tcp.Length);
        MemoryMarshal.Write(tcp[ChecksumOffset..], Checksum.Finish(Checksum.Add(tcp, sum)));
    }
}
