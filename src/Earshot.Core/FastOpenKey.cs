using System;
using System.Buffers.Binary;
using System.Globalization;
using Earshot.Core.Wire;

namespace Earshot.Core;

/// <summary>The key, or key and backup, from which Fast Open cookies are made (RFC 7413 §4.1.2).</summary>
/// <remarks>Linux: tcp_fastopen_context. A cookie is a hash of both addresses, the same for all ports.</remarks>
internal static class FastOpenKey
{
    /// <summary>Bytes of one key.</summary>
    internal const int Length = 16;

    /// <summary>The cookie of two addresses. Linux: __tcp_fastopen_cookie_gen_cipher.</summary>
    /// <param name="key">At least 16 bytes.</param>
    /// <param name="client">Source address of the SYN.</param>
    /// <param name="server">Its destination address.</param>
    /// <returns>The eight bytes of the cookie, the first one lowest.</returns>
    internal static ulong Cookie(ReadOnlySpan<byte> key, in InetAddress client, in InetAddress server)
    {
        Span<byte> record = stackalloc byte[2 * InetAddress.IPv6Length];
        client.Write(record);
        int half = client.IsIPv4 ? InetAddress.Length : InetAddress.IPv6Length;
        server.Write(record[half..]);
        return SipHash.Hash(
            BinaryPrimitives.ReadUInt64LittleEndian(key), BinaryPrimitives.ReadUInt64LittleEndian(key[8..]),
            record[..(2 * half)]);
    }

    /// <summary>A key as the sysctl shows it: four groups of eight digits, a backup after a comma.</summary>
    internal static string Show(ReadOnlySpan<byte> keys)
    {
        if (keys.IsEmpty)
        {
            return Show(new byte[Length]);
        }

        string text = "";
        for (int at = 0; at < keys.Length; at += 4)
        {
            text += at == 0 ? "" : at == Length ? "," : "-";
            text += BinaryPrimitives.ReadUInt32LittleEndian(keys[at..]).ToString("x8", CultureInfo.InvariantCulture);
        }

        return text;
    }

    /// <summary>Reads the sysctl's text. Linux: proc_tcp_fastopen_key.</summary>
    /// <param name="text">One key or two; a group may be short, and what follows the fourth is ignored.</param>
    /// <param name="keys">16 or 32 bytes.</param>
    /// <returns>Whether the text has a key, and after a comma another.</returns>
    internal static bool TryParse(string text, out byte[] keys)
    {
        string[] parts = text.Split(',');
        keys = new byte[parts.Length == 1 ? Length : 2 * Length];
        return TryParseKey(parts[0], keys) && (parts.Length == 1 || TryParseKey(parts[1], keys.AsSpan(Length)));
    }

    // As scanf reads "%x-%x-%x-%x": blanks before a number, 0x before its digits, only its last 32 bits.
    private static bool TryParseKey(ReadOnlySpan<char> text, Span<byte> key)
    {
        for (int group = 0; group < 4; group++)
        {
            if (group > 0)
            {
                if (text.IsEmpty || text[0] != '-')
                {
                    return false;
                }

                text = text[1..];
            }

            text = text.TrimStart();
            if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            {
                text = text[2..];
            }

            int digits = 0;
            uint value = 0;
            while (digits < text.Length && char.IsAsciiHexDigit(text[digits]))
            {
                value = (value << 4) | (uint)Convert.ToInt32(text[digits].ToString(), 16);
                digits++;
            }

            if (digits == 0)
            {
                return false;
            }

            BinaryPrimitives.WriteUInt32LittleEndian(key[(4 * group)..], value);
            text = text[digits..];
        }

        return true;
    }
}
