using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <content>Datagrams larger than their way's MTU are cut. Linux: ip_fragment, ip6_fragment.</content>
internal sealed partial class IpOutput
{
    private const int LargestPayload = ushort.MaxValue;
    private const int FragmentHeaderLength = 8;
    private const byte FragmentProtocol = 44;
    private byte[] _uncut = [];
    private IpFields _uncutFields;
    private AddedHeaders? _uncutHeaders;
    private bool _isUncut;

    /// <summary>Whether a datagram must go in pieces.</summary>
    private static bool MustCut(in Route route, int length) => length > route.Mtu && !route.IsLocal;

    // The datagram is written beside the ring, and copied into it piece by piece.
    private bool TryBeginUncut(scoped in Route route, scoped in IpFields ip, int payloadLength, out Span<byte> payload)
    {
        payload = default;
        bool isIPv4 = ip.Destination.IsIPv4;
        if (isIPv4 && ip.DontFragment && !route.IsMtuLocked)
        {
            _uncutHeaders = null;
            _context.Mib.Count(Counter.IpFragFails);
            return false;
        }

        if (_uncut.Length == 0)
        {
            _uncut = GC.AllocateUninitializedArray<byte>(LargestPayload);
        }

        _uncutFields = ip with { DontFragment = false };
        _isUncut = true;
        payload = _uncut.AsSpan(0, payloadLength);
        return true;
    }

    private void Cut(in Route route, int payloadLength)
    {
        AddedHeaders? headers = _uncutHeaders;
        Abandon();
        bool isIPv4 = _uncutFields.Destination.IsIPv4;
        int header = (headers?.Bytes.Length ?? 0)
            + (isIPv4 ? IpPacket.MinimumHeaderLength : IpPacket.IPv6HeaderLength + FragmentHeaderLength);
        int most = (route.Mtu - header) & ~7;
        uint identification = isIPv4 ? 0 : _fragmentIdentifications.NextUInt32();
        Mib mib = _context.Mib;
        mib.Count(isIPv4 ? Counter.IpOutRequests : Counter.Ip6OutRequests);
        PacketQueue queue = Queue(route);
        for (int at = 0; at < payloadLength; at += most)
        {
            int length = Math.Min(most, payloadLength - at);
            if (queue.IsFull)
            {
                Drop(_uncutFields, 0, 0, queue.Count);
                mib.Count(isIPv4 ? Counter.IpFragFails : Counter.Ip6FragFails);
                return;
            }

            bool more = at + length < payloadLength;
            Span<byte> piece = Reserve(queue, route, header + length);
            if (isIPv4)
            {
                WriteHeader(piece, headers, at, more, length);
            }
            else
            {
                WriteHeader6(piece, headers, at, more, length, identification);
            }

            _uncut.AsSpan(at, length).CopyTo(piece[header..]);
            Hand(queue, route, _uncutFields.Destination, piece.Length, default);
            mib.Count(isIPv4 ? Counter.IpFragCreates : Counter.Ip6FragCreates);
        }

        mib.Count(isIPv4 ? Counter.IpFragOKs : Counter.Ip6FragOKs);
    }

    // Only some options are in every piece: of the others the first alone knows. Linux: ip_options_fragment.
    private void WriteHeader(Span<byte> packet, AddedHeaders? headers, int offset, bool more, int length)
    {
        const int MoreFragments = 0x2000;
        int header = IpPacket.MinimumHeaderLength + (headers?.Bytes.Length ?? 0);
        if (headers is null)
        {
            IpPacket.WriteHeader(packet, _uncutFields, length);
        }
        else
        {
            WriteHeader(packet, _uncutFields, headers.Bytes, length);
            if (offset > 0)
            {
                IpOptions.LeaveCopied(packet[IpPacket.MinimumHeaderLength..header]);
            }
        }

        BinaryPrimitives.WriteUInt16BigEndian(
            packet[IpPacket.FragmentOffset..], (ushort)((offset / 8) | (more ? MoreFragments : 0)));
        packet[IpPacket.ChecksumOffset] = packet[IpPacket.ChecksumOffset + 1] = 0;
        Unsafe.WriteUnaligned(
            ref packet[IpPacket.ChecksumOffset], Checksum.Finish(Checksum.Add(packet[..header])));
    }

    private void WriteHeader6(
        Span<byte> packet, AddedHeaders? headers, int offset, bool more, int length, uint identification)
    {
        if (headers is null)
        {
            IpFields fields = _uncutFields with { Protocol = FragmentProtocol };
            IpPacket.WriteHeader(packet, fields, FragmentHeaderLength + length);
        }
        else
        {
            headers.WritePiece(packet, _uncutFields, FragmentHeaderLength + length);
        }

        Span<byte> header = packet[(IpPacket.IPv6HeaderLength + (headers?.Bytes.Length ?? 0))..];
        header[0] = _uncutFields.Protocol;
        header[1] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)(offset | (more ? 1 : 0)));
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], identification);
    }
}
