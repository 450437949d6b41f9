using System;
using System.Buffers.Binary;

namespace Earshot.Core.Wire;

/// <summary>TCP's signature option: NOP, NOP, kind 19, length 18, a digest. RFC 2385.</summary>
internal static class SegmentSignature
{
    /// <summary>Bytes of the option with its two NOPs.</summary>
    internal const int Length = 20;

    /// <summary>The first four bytes.</summary>
    internal const uint Head = 0x01011312;

    private const byte Kind = 19;
    private const byte OptionLength = 18;

    /// <summary>Finds the digest in a segment's options. Linux: tcp_parse_auth_options.</summary>
    /// <param name="options">The options.</param>
    /// <param name="digest">The digest; empty: the option is not there.</param>
    /// <returns>False when the options cannot be walked over or have it twice.</returns>
    internal static bool TryFind(ReadOnlySpan<byte> options, out ReadOnlySpan<byte> digest)
    {
        digest = default;
        while (options.Length > 0 && options[0] != 0)
        {
            if (options[0] == 1)
            {
                options = options[1..];
                continue;
            }

            if (options.Length < 2 || options[1] < 2 || options[1] > options.Length)
            {
                return options.Length < 2 || options[1] >= 2;
            }

            if (options[0] == Kind)
            {
                if (options[1] != OptionLength || !digest.IsEmpty)
                {
                    return false;
                }

                digest = options[2..OptionLength];
            }

            options = options[options[1]..];
        }

        return true;
    }

    /// <summary>The digest of a segment: pseudo-header, header without options and checksum, data, key.</summary>
    internal static void Compute(
        in InetAddress from, in InetAddress to, ReadOnlySpan<byte> segment, int headerLength, byte[] key,
        Span<byte> digest)
    {
        Span<byte> pseudo = stackalloc byte[(2 * InetAddress.IPv6Length) + 8];
        int length;
        if (to.IsIPv4)
        {
            from.Write(pseudo);
            to.Write(pseudo[InetAddress.Length..]);
            length = 2 * InetAddress.Length;
            BinaryPrimitives.WriteUInt32BigEndian(
                pseudo[length..], ((uint)IpPacket.ProtocolTcp << 16) | (uint)segment.Length);
            length += 4;
        }
        else
        {
            from.WriteIPv6(pseudo);
            to.WriteIPv6(pseudo[InetAddress.IPv6Length..]);
            length = 2 * InetAddress.IPv6Length;
            BinaryPrimitives.WriteUInt32BigEndian(pseudo[length..], (uint)segment.Length);
            BinaryPrimitives.WriteUInt32BigEndian(pseudo[(length + 4)..], IpPacket.ProtocolTcp);
            length += 8;
        }

        Span<byte> header = stackalloc byte[TcpSegment.MinimumHeaderLength];
        segment[..TcpSegment.MinimumHeaderLength].CopyTo(header);
        TcpFields.WriteChecksum(header, 0);
        Md5 md5 = Md5.Begin();
        md5.Add(pseudo[..length]);
        md5.Add(header);
        md5.Add(segment[headerLength..]);
        md5.Add(key);
        md5.Finish(digest);
    }
}
