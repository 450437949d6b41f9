using System;
using System.Buffers.Binary;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <content>Fragments of IPv6. Linux: ipv6_frag_rcv, ip6_frag_queue, ip6_frag_reasm, ip6_expire_frag_queue.</content>
internal sealed partial class Ip6Layer
{
    private const int FragmentHeaderLength = 8;
    private const int LargestPayload = ushort.MaxValue;
    private byte[] _assembled = [];

    private static FragmentLimits FragmentLimitsOfIPv6 { get; } = new(
        sysctls => sysctls.Ip6fragHighThresh, sysctls => sysctls.Ip6fragTime, null,
        Counter.Ip6ReasmFails, Counter.Ip6ReasmTimeout);

    /// <summary>The time for a datagram's fragments is over.</summary>
    internal void OnFragmentTimer(int place)
    {
        FragmentQueue queue = _fragments.Expire(place);
        if (queue.HasFirst)
        {
            const byte CodeReassembly = 1;
            FragmentPiece first = queue.First();
            IpParseError error = IpPacket.Parse(first.Packet.AsSpan(0, first.Length), out IpPacket packet);
            Invariant.Check(error == IpParseError.None, "a fragment that waits is a sound packet");
            Judge(packet, RuleId.PacketFragment);
            _icmp.SendError(packet, Icmp6Type.TimeExceeded, CodeReassembly, 0, IpLayer.FirstWired);
        }

        _fragments.Release(queue);
    }

    private Walk OnFragment(ref IpPacket packet, ReadOnlySpan<byte> header, ref int named, int @interface)
    {
        const int FieldOffset = 2;
        const int IdentificationOffset = 4;
        Mib mib = _context.Mib;
        mib.Count(Counter.Ip6ReasmReqds);
        int at = packet.HeaderLength;
        if (packet.Bytes.Length == IpPacket.IPv6HeaderLength || _isWhole)
        {
            mib.Count(Counter.Ip6InHdrErrors);
            Judge(packet, RuleId.PacketFragment);
            Problem(packet, 0, at, @interface);
            return Walk.Dropped;
        }

        ushort field = BinaryPrimitives.ReadUInt16BigEndian(header[FieldOffset..]);
        int offset = field & 0xfff8;
        bool more = (field & 1) != 0;
        if (offset == 0 && !more)
        {
            // An atomic fragment is whole.
            mib.Count(Counter.Ip6ReasmOKs);
            _isWhole = true;
            return Walk.GoOn;
        }

        if (offset == 0 && !HasUpperHeader(packet.Beyond(at + FragmentHeaderLength, header[0])))
        {
            const byte CodeFirstIncomplete = 3;
            return Bad(packet, CodeFirstIncomplete, 0, @interface);
        }

        int end = offset + packet.Bytes.Length - at - FragmentHeaderLength;
        if (end > LargestPayload)
        {
            return Bad(packet, 0, at + FieldOffset, @interface);
        }

        if (more && (end & 7) != 0)
        {
            return Bad(packet, 0, IpPacket.PayloadLengthOffset, @interface);
        }

        bool isNarrow = packet.Source.IsLinkLocal || packet.Destination.IsLinkLocal || packet.Destination.IsMulticast;
        var key = new FragmentKey(
            packet.Source, packet.Destination,
            BinaryPrimitives.ReadUInt32BigEndian(header[IdentificationOffset..]), 0, isNarrow ? @interface : 0);
        var fragment = new Fragment(packet.Bytes, at + FragmentHeaderLength, offset, end, more)
        {
            Ecn = (byte)(packet.Tos & 3),
        };
        FragmentOutcome outcome = _fragments.Add(key, fragment, out FragmentQueue? whole);
        if (outcome == FragmentOutcome.Complete && PutTogether(whole!, ref packet, ref named))
        {
            mib.Count(Counter.Ip6ReasmOKs);
            _isWhole = true;
            return Walk.Again;
        }

        if (outcome != FragmentOutcome.Kept)
        {
            Judge(packet, RuleId.PacketFragment);
        }

        return Walk.Dropped;
    }

    // The headers in front of the first fragment's own stay; that which names it names what it named.
    private bool PutTogether(FragmentQueue whole, ref IpPacket packet, ref int named)
    {
        FragmentPiece first = whole.First();
        int unfragmentable = first.DataStart - FragmentHeaderLength;
        int payload = unfragmentable - IpPacket.IPv6HeaderLength + whole.Length;
        if (payload > LargestPayload)
        {
            _context.Mib.Count(Counter.Ip6ReasmFails);
            _fragments.Release(whole);
            return false;
        }

        if (_assembled.Length == 0)
        {
            _assembled = GC.AllocateUninitializedArray<byte>(LargestPayload + IpPacket.IPv6HeaderLength);
        }

        Span<byte> bytes = _assembled.AsSpan(0, unfragmentable + whole.Length);
        first.Packet.AsSpan(0, unfragmentable).CopyTo(bytes);
        whole.CopyTo(bytes[unfragmentable..]);
        byte next = first.Packet[unfragmentable];
        named = NamingOffset(bytes[..unfragmentable]);
        bytes[named] = next;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[IpPacket.PayloadLengthOffset..], (ushort)payload);
        if (whole.IsCongested)
        {
            const byte BothBits = 0x30;
            bytes[1] |= BothBits;
        }

        _fragments.Release(whole);
        IpParseError error = IpPacket.Parse(bytes, out packet);
        Invariant.Check(error == IpParseError.None, "a datagram put together is a sound packet");
        packet = packet.Beyond(unfragmentable, next);
        return true;
    }

    // The byte of the header chain that named the fragment header.
    private static int NamingOffset(ReadOnlySpan<byte> chain)
    {
        int at = IpPacket.NextHeaderOffset;
        int header = IpPacket.IPv6HeaderLength;
        while (header < chain.Length)
        {
            at = header;
            header += (chain[header + 1] + 1) * SmallestExtension;
        }

        return at;
    }

    /// <summary>Whether a first fragment has the whole header of what it carries. Linux:
    /// ipv6frag_thdr_truncated.</summary>
    private static bool HasUpperHeader(IpPacket packet)
    {
        const int TcpHeader = 20;
        const int OtherHeader = 8;
        while (packet.Protocol is HopByHop or RoutingHeader or DestinationOptions)
        {
            ReadOnlySpan<byte> rest = packet.Payload;
            int length = rest.Length < SmallestExtension ? int.MaxValue : (rest[1] + 1) * SmallestExtension;
            if (length > rest.Length)
            {
                return false;
            }

            packet = packet.Beyond(packet.HeaderLength + length, rest[0]);
        }

        int least = packet.Protocol switch
        {
            IpPacket.ProtocolTcp => TcpHeader,
            IpPacket.ProtocolUdp or IpPacket.ProtocolIcmpV6 => OtherHeader,
            _ => 1,
        };
        return packet.Protocol == NoNextHeader || packet.Payload.Length >= least;
    }

    private Walk Bad(in IpPacket packet, byte code, int pointer, int @interface)
    {
        _context.Mib.Count(Counter.Ip6InHdrErrors);
        Judge(packet, RuleId.PacketFragment);
        Problem(packet, code, pointer, @interface);
        return Walk.Dropped;
    }
}
