using System;
using Earshot.Core;
using Earshot.Links;

namespace Earshot.Sockets;

/// <summary>
/// The way of packets from a stack to its link, in order and without loss of any that left the stack.
/// </summary>
/// <remarks>
/// A full link refuses a packet that has left the stack already: it is kept here, alone. All others wait in the stack's
/// own queue, where <see cref="StackOptions.TransmitQueueLimit"/> bounds them as Linux's txqueuelen does.
/// </remarks>
internal sealed class Outbox
{
    /// <summary>How many packets are kept because the link was full.</summary>
    internal const int RefusedLimit = 1;

    private readonly ILink _link;
    private readonly byte[] _refused = new byte[RefusedLimit * PacketBatch.MaximumPacketLength];
    private int _refusedLength;
    private LinkPacketInfo _refusedInfo;
    private bool _linkIsFull;

    internal Outbox(ILink link) => _link = link;

    /// <summary>Lets the next <see cref="Send"/> ask a link again that was full: once per turn of the pump.</summary>
    internal void TryAgain() => _linkIsFull = false;

    /// <summary>Hands packets to the link until there are none or it is full.</summary>
    internal void Send(NetworkStack stack)
    {
        if (_linkIsFull)
        {
            return;
        }

        if (_refusedLength != 0)
        {
            _linkIsFull = !_link.TrySend(_refused.AsSpan(0, _refusedLength), _refusedInfo);
            if (_linkIsFull)
            {
                return;
            }

            _refusedLength = 0;
        }

        while (stack.TryTransmit(out OutboundPacket packet))
        {
            LinkPacketInfo info = ToLinkPacketInfo(packet.Info);
            if (!_link.TrySend(packet.Bytes, info))
            {
                packet.Bytes.CopyTo(_refused);
                _refusedLength = packet.Bytes.Length;
                _refusedInfo = info;
                _linkIsFull = true;
                return;
            }
        }
    }

    // Core and Links never meet, so each has its own form of the same thing, with the same bits.
    internal static PacketInfo ToPacketInfo(in LinkPacketInfo info) =>
        new((PacketFlags)info.Flags, info.SegmentSize, info.ChecksumStart, info.ChecksumOffset);

    private static LinkPacketInfo ToLinkPacketInfo(in PacketInfo info) =>
        new((LinkPacketFlags)info.Flags, info.SegmentSize, info.ChecksumStart, info.ChecksumOffset);
}
