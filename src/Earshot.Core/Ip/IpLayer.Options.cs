using System;
using System.Runtime.CompilerServices;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <content>Packets with options, and fragments. Linux: ip_rcv_options.</content>
internal sealed partial class IpLayer
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool DeliverOther(in IpPacket packet, int @interface, PacketInfo info)
    {
        if (packet.Options.IsEmpty)
        {
            return packet.IsFragment ? OnFragment(packet, @interface) : DeliverTransport(packet, @interface, info);
        }

        bool isSound = IpOptions.AreSound(packet.Options, out int pointer, out int sound);
        if (!IpOptions.AreAnswered(packet.Options[..sound]))
        {
            return isSound ? DeliverFilled(packet, @interface, info) : RefuseOptions(packet, pointer, @interface);
        }

        // What is answered, kept of a SYN or quoted is the packet as this host has filled it in; its checksum stays.
        byte[] filled = packet.Bytes.ToArray();
        _routes.TryRoute(packet.Source, out Route route);
        IpOptions.Fill(
            filled.AsSpan(IpPacket.MinimumHeaderLength, sound), _routes,
            _routes.IsLocal(packet.Destination) ? packet.Destination : route.Source,
            _context.MillisecondsOfDay, counts: true);
        if (isSound)
        {
            return DeliverFilled(packet.Over(filled), @interface, info);
        }

        _output.ReplyOptions = IpOptions.Answer(filled.AsSpan(IpPacket.MinimumHeaderLength, sound));
        RefuseOptions(packet.Over(filled), pointer, @interface);
        _output.ReplyOptions = null;
        return true;
    }

    private bool DeliverFilled(in IpPacket packet, int @interface, PacketInfo info) =>
        packet.IsFragment ? OnFragment(packet, @interface) : DeliverAnswered(packet, @interface, info);

    /// <summary>Hands a packet to its transport; what answers it meanwhile has its options.</summary>
    private bool DeliverAnswered(in IpPacket packet, int @interface, PacketInfo info)
    {
        _output.ReplyOptions = IpOptions.Answer(packet.Options);
        bool isDone = DeliverTransport(packet, @interface, info);
        _output.ReplyOptions = null;
        return isDone;
    }

    private bool RefuseOptions(in IpPacket packet, int pointer, int @interface)
    {
        const int BitsBeside = 24;
        Judge(packet, RuleId.PacketOptions);
        if (pointer >= 0)
        {
            _context.Mib.Count(Counter.IpInHdrErrors);
            uint rest = (uint)(IpPacket.MinimumHeaderLength + pointer) << BitsBeside;
            _icmp.SendError(packet, IcmpType.ParameterProblem, 0, rest, @interface);
        }

        return true;
    }
}
