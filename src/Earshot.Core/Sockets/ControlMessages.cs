using System;
using System.Buffers.Binary;

namespace Earshot.Core.Sockets;

/// <summary>Control messages as they lie in memory. Linux: struct cmsghdr, CMSG_OK, CMSG_NXTHDR.</summary>
internal static class ControlMessages
{
    /// <summary>cmsg_len, cmsg_level, cmsg_type.</summary>
    internal const int HeaderLength = 16;

    internal static int Align(int length) => (length + 7) & ~7;

    internal static void WriteHeader(Span<byte> message, int length, int level, int type)
    {
        BinaryPrimitives.WriteInt64LittleEndian(message, length);
        BinaryPrimitives.WriteInt32LittleEndian(message[8..], level);
        BinaryPrimitives.WriteInt32LittleEndian(message[12..], type);
    }

    /// <summary>Takes the next message off the front.</summary>
    /// <param name="rest">What is left; afterwards without the message.</param>
    /// <param name="level">Its level.</param>
    /// <param name="type">Its type.</param>
    /// <param name="value">Its bytes.</param>
    /// <param name="error">-EINVAL: its length cannot be; else 0.</param>
    /// <returns>False at the end, and at an error.</returns>
    internal static bool TryNext(
        ref ReadOnlySpan<byte> rest, out int level, out int type, out ReadOnlySpan<byte> value, out int error)
    {
        level = type = error = 0;
        value = default;
        if (rest.Length < HeaderLength)
        {
            return false;
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(rest);
        if (length < HeaderLength || length > (ulong)rest.Length)
        {
            error = -Errno.EINVAL;
            return false;
        }

        level = BinaryPrimitives.ReadInt32LittleEndian(rest[8..]);
        type = BinaryPrimitives.ReadInt32LittleEndian(rest[12..]);
        value = rest[HeaderLength..(int)length];
        rest = rest[Math.Min(Align((int)length), rest.Length)..];
        return true;
    }
}
