using System;
using System.Collections.Generic;

namespace Earshot.Core;

/// <summary>How the kernel reads what is written to /proc/sys. Linux: proc_get_long, proc_do_large_bitmap.</summary>
internal static class SysctlText
{
    // The kernel looks at no more than this of a number.
    private const int LongestNumber = 22;
    private const int Ports = 65536;

    /// <summary>Takes the next number off a text: decimal, 0x hexadecimal or 0 octal, after white space, with white
    /// space or the end behind it.</summary>
    /// <returns>False when there is none, or something else.</returns>
    internal static bool TryNext(ref ReadOnlySpan<char> text, out long value)
    {
        value = 0;
        ReadOnlySpan<char> rest = text.TrimStart();
        bool negative = rest.Length > 1 && rest[0] == '-';
        rest = negative ? rest[1..] : rest;
        int end = rest.IndexOfAny(" \t\n");
        ReadOnlySpan<char> number = end < 0 ? rest : rest[..end];
        if (number.IsEmpty || number.Length > LongestNumber || !TryDigits(number, out value))
        {
            return false;
        }

        value = negative ? -value : value;
        text = end < 0 ? [] : rest[end..];
        return true;
    }

    /// <summary>Reads a list of ports and ranges, as <c>8080,9000-9010</c>.</summary>
    /// <returns>False when it is not one; a list of nothing is one.</returns>
    internal static bool TryPorts(ReadOnlySpan<char> text, out bool[] ports)
    {
        ports = new bool[Ports];
        text = text.TrimEnd("\n");
        while (!text.IsEmpty)
        {
            int comma = text.IndexOf(',');
            ReadOnlySpan<char> part = comma < 0 ? text : text[..comma];
            text = comma < 0 ? [] : text[(comma + 1)..];
            int dash = part.IndexOf('-');
            ReadOnlySpan<char> low = dash < 0 ? part : part[..dash];
            if (!TryDigits(low, out long first) || first >= Ports)
            {
                return false;
            }

            long last = first;
            if (dash >= 0 && (!TryDigits(part[(dash + 1)..], out last) || last >= Ports || last < first))
            {
                return false;
            }

            ports.AsSpan((int)first, (int)(last - first + 1)).Fill(true);
        }

        return true;
    }

    /// <summary>The list of ports as the kernel writes it.</summary>
    internal static string Ranges(bool[]? ports)
    {
        var parts = new List<string>();
        for (int first = 0; ports is not null && first < ports.Length; first++)
        {
            if (ports[first])
            {
                int last = first;
                while (last + 1 < ports.Length && ports[last + 1])
                {
                    last++;
                }

                parts.Add(first == last ? $"{first}" : $"{first}-{last}");
                first = last;
            }
        }

        return string.Join(',', parts);
    }

    private static bool TryDigits(ReadOnlySpan<char> text, out long value)
    {
        const long Most = long.MaxValue / 16 - 16;
        int radix = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? 16 : text.StartsWith("0") ? 8 : 10;
        ReadOnlySpan<char> digits = radix == 16 ? text[2..] : text;
        value = 0;
        foreach (char digit in digits)
        {
            int number = char.IsAsciiHexDigit(digit) ? Convert.ToInt32(digit.ToString(), 16) : radix;
            if (number >= radix)
            {
                return false;
            }

            value = Math.Min((value * radix) + number, Most);
        }

        return digits.Length > 0;
    }
}
