using System;
using System.Buffers.Binary;
using Earshot.Core.Tcp;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <content>TCP_MD5SIG and TCP_MD5SIG_EXT. Linux: tcp_v4_parse_md5_keys, tcp_v6_parse_md5_keys.</content>
public sealed partial class SocketCalls
{
    /// <summary>Sets or, without a key, removes the key of a peer.</summary>
    /// <remarks>
    /// <code>
    /// | sockaddr_storage, 128 | flags, 1 | prefix length, 1 | key length, 2 | interface, 4 | key, 80 |
    /// </code>
    /// </remarks>
    private static int SetKey(Socket socket, ReadOnlySpan<byte> bytes, bool extended)
    {
        const int Length = 216;
        const int FlagsOffset = 128;
        const int KeyOffset = 136;
        const int LongestKey = 80;
        const byte HasPrefix = 1;
        const byte HasInterface = 2;
        if (bytes.Length < Length)
        {
            return -Errno.EINVAL;
        }

        ref SocketOptions options = ref socket.ChangeOptions();
        if (SocketName.Read(bytes[..SocketName.Length6], options.IsIPv6, out InetEndpoint peer) != 0)
        {
            return -Errno.EINVAL;
        }

        byte flags = extended ? bytes[FlagsOffset] : (byte)0;
        int whole = peer.Address.IsIPv4 ? 32 : 128;
        int prefix = (flags & HasPrefix) != 0 ? bytes[FlagsOffset + 1] : whole;
        int device = (flags & HasInterface) != 0
            ? BinaryPrimitives.ReadInt32LittleEndian(bytes[(FlagsOffset + 4)..]) : 0;
        int keyLength = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(FlagsOffset + 2)..]);
        if (prefix > whole || keyLength > LongestKey)
        {
            return -Errno.EINVAL;
        }

        SegmentKeys? keys = options.Others?.Keys;
        if (keyLength == 0)
        {
            if (!SegmentKeys.TryWithout(keys, peer.Address, prefix, device, out keys))
            {
                return -Errno.ENOENT;
            }
        }
        else
        {
            byte[] key = bytes.Slice(KeyOffset, keyLength).ToArray();
            keys = SegmentKeys.With(keys, peer.Address, prefix, device, key);
        }

        options.Others = OptionValues.WithKeys(options.Others, keys);
        return 0;
    }
}
