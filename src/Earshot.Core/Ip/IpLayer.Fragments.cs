using System;
using System.Buffers.Binary;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <content>Fragments of IPv4. Linux: ip_defrag, ip_frag_queue, ip_frag_reasm, ip_expire.</content>
internal sealed partial class IpLayer
{
    private const int LargestDatagram = ushort.MaxValue;
    private const int LongestHeader = 60;
    private byte[] _assembled = [];

    private static FragmentLimits FragmentLimitsOfIPv4 { get; } = new(
        sysctls => sysctls.IpfragHighThresh, sysctls => sysctls.IpfragTime, sysctls => sysctls.IpfragMaxDist,
        Counter.IpReasmFails, Counter.IpReasmTimeout);

    /// <summary>The time for a datagram's fragments is over.</summary>
    internal void OnFragmentTimer(int place)
    {
        FragmentQueue queue = _fragments.Expire(place);
        if (queue.HasFirst)
        {
            const byte CodeReassembly = 1;
            FragmentPiece first = queue.First();
            Span<byte> start = first.Packet.AsSpan(0, first.Length);
            if (first.DataStart != IpPacket.MinimumHeaderLength)
            {
                IpPacket.WriteChecksum(start[..first.DataStart]);
            }

            IpParseError error = IpPacket.Parse(start, out IpPacket packet);
            Invariant.Check(error == IpParseError.None, "a fragment that waits is a sound packet");
            Judge(packet, RuleId.PacketFragment);
            _output.ReplyOptions = IpOptions.Answer(packet.Options);
            _icmp.SendError(packet, IcmpType.TimeExceeded, CodeReassembly, 0, FirstWired);
            _output.ReplyOptions = null;
        }

        _fragments.Release(queue);
    }

    private bool OnFragment(in IpPacket packet, int @interface)
    {
        const ushort MoreFragments = 0x2000;
        const int EightBytes = 8;
        Mib mib = _context.Mib;
        mib.Count(Counter.IpReasmReqds);
        ushort field = BinaryPrimitives.ReadUInt16BigEndian(packet.Bytes[IpPacket.FragmentOffset..]);
        int offset = (field & 0x1fff) * EightBytes;
        bool more = (field & MoreFragments) != 0;
        int end = offset + packet.Payload.Length;

        // What is not a multiple of eight before the end is cut off.
        end = more ? end & ~(EightBytes - 1) : end;
        var key = new FragmentKey(packet.Source, packet.Destination, packet.Identification, packet.Protocol, 0);
        var fragment = new Fragment(packet.Bytes, packet.HeaderLength, offset, end, more)
        {
            Ecn = (byte)(packet.Tos & 3),
            DontFragment = packet.DontFragment,
        };
        FragmentOutcome outcome = _fragments.Add(key, fragment, out FragmentQueue? whole);
        if (outcome == FragmentOutcome.Complete)
        {
            return DeliverWhole(packet, whole!, @interface);
        }

        if (outcome == FragmentOutcome.Dropped)
        {
            Judge(packet, RuleId.PacketFragment);
        }

        return true;
    }

    private bool DeliverWhole(in IpPacket last, FragmentQueue whole, int @interface)
    {
        FragmentPiece first = whole.First();
        int total = first.DataStart + whole.Length;
        if (total > LargestDatagram)
        {
            _context.Mib.Count(Counter.IpReasmFails);
            _context.Log.Add(_context.Now, $"Oversized IP packet from {last.Source}");
            _fragments.Release(whole);
            Judge(last, RuleId.PacketFragment);
            return true;
        }

        if (_assembled.Length == 0)
        {
            _assembled = GC.AllocateUninitializedArray<byte>(LargestDatagram + LongestHeader);
        }

        Span<byte> bytes = _assembled.AsSpan(0, total);
        Span<byte> header = bytes[..first.DataStart];
        first.Packet.AsSpan(0, first.DataStart).CopyTo(header);
        whole.CopyTo(bytes[first.DataStart..]);
        BinaryPrimitives.WriteUInt16BigEndian(header[IpPacket.TotalLengthOffset..], (ushort)total);
        BinaryPrimitives.WriteUInt16BigEndian(
            header[IpPacket.FragmentOffset..], whole.DontFragment ? IpPacket.DontFragmentBit : (ushort)0);
        header[IpPacket.TosOffset] |= whole.IsCongested ? (byte)3 : (byte)0;
        IpPacket.WriteChecksum(header);
        _fragments.Release(whole);
        IpParseError error = IpPacket.Parse(bytes, out IpPacket packet);
        Invariant.Check(error == IpParseError.None, "a datagram put together is a sound packet");
        _context.Mib.Count(Counter.IpReasmOKs);

        // What a locked connection would have to see again cannot come again in pieces: its sender repeats it.
        DeliverAnswered(packet, @interface, default);
        return true;
    }
}
