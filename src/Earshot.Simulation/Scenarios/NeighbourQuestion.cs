using System;
using Earshot.Core.Wire;

namespace Earshot.Simulation.Scenarios;

/// <summary>A question for a neighbour's address on Ethernet, or its answer.</summary>
/// <param name="Asker">The station that asks.</param>
/// <param name="Protocol">ARP, or IPv6 for neighbour discovery.</param>
/// <param name="Neighbour">The last byte of the address that is asked for: a world has fewer hosts than that.</param>
/// <param name="IsAnswer">Whether it is the answer.</param>
internal readonly record struct NeighbourQuestion(ulong Asker, ushort Protocol, byte Neighbour, bool IsAnswer)
{
    private const int Ipv6Header = 40;
    private const int SolicitLength = 24;
    private const byte Solicit = 135;
    private const byte Advert = 136;

    /// <summary>Finds it in a frame.</summary>
    internal static bool TryFind(in EthernetFrame frame, out NeighbourQuestion question)
    {
        ReadOnlySpan<byte> bytes = frame.Payload;
        question = default;
        if (frame.Type == EthernetFrame.TypeArp && ArpPacket.TryParse(bytes, out ArpPacket arp))
        {
            bool isAnswer = arp.Operation == ArpPacket.Reply;
            InetAddress about = isAnswer ? arp.Sender : arp.Target;
            question = new(WhoAsks(frame, isAnswer), frame.Type, (byte)about.Bits, isAnswer);
            return true;
        }

        if (frame.Type == EthernetFrame.TypeIPv6 && bytes.Length >= Ipv6Header + SolicitLength
            && bytes[Ipv6Header] is Solicit or Advert)
        {
            bool isAnswer = bytes[Ipv6Header] == Advert;
            byte about = bytes[Ipv6Header + SolicitLength - 1];
            question = new(WhoAsks(frame, isAnswer), frame.Type, about, isAnswer);
            return true;
        }

        return false;
    }

    private static ulong WhoAsks(in EthernetFrame frame, bool isAnswer) =>
        isAnswer ? frame.Destination.Bits : frame.Source.Bits;
}
