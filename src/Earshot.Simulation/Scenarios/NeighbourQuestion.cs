using System;
using Earshot.Core.Wire;

namespace Earshot.Simulation.Scenarios;

/// <summary>A question for a neighbour's address on Ethernet.</summary>
/// <param name="Asker">The station that asks.</param>
/// <param name="Protocol">ARP, or IPv6 for neighbour discovery.</param>
/// <param name="Neighbour">The last byte of the address that is asked for: a world has fewer hosts than that.</param>
internal readonly record struct NeighbourQuestion(ulong Asker, ushort Protocol, byte Neighbour)
{
    private const int NextHeader = 6;
    private const int Ipv6Header = 40;

    // A solicitation and an advertisement have the address at the same place.
    private const int MessageLength = 24;

    /// <summary>Finds the question that a frame asks or answers.</summary>
    internal static bool TryFind(in EthernetFrame frame, out NeighbourQuestion question, out bool isAnswer)
    {
        ReadOnlySpan<byte> bytes = frame.Payload;
        byte neighbour;
        if (frame.Type == EthernetFrame.TypeArp && ArpPacket.TryParse(bytes, out ArpPacket arp))
        {
            isAnswer = arp.Operation == ArpPacket.Reply;
            neighbour = (byte)(isAnswer ? arp.Sender : arp.Target).Bits;
        }
        else if (frame.Type == EthernetFrame.TypeIPv6 && bytes.Length >= Ipv6Header + MessageLength
            && bytes[NextHeader] == IpPacket.ProtocolIcmpV6
            && bytes[Ipv6Header] is DiscoveryType.NeighborSolicit or DiscoveryType.NeighborAdvert)
        {
            isAnswer = bytes[Ipv6Header] == DiscoveryType.NeighborAdvert;
            neighbour = bytes[Ipv6Header + MessageLength - 1];
        }
        else
        {
            (question, isAnswer) = (default, false);
            return false;
        }

        question = new((isAnswer ? frame.Destination : frame.Source).Bits, frame.Type, neighbour);
        return true;
    }
}
