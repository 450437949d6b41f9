using System.Globalization;
using System.Text;

namespace Earshot.Monitor.Text;

/// <summary>Makes harmless what others chose: names of processes, paths of sockets, units, namespaces.</summary>
/// <remarks>Done once, where such a text is read, so that nothing behind it meets a terminal's escape or a line's end.
/// HTML and the labels of metrics have their own escapes on top.</remarks>
internal static class SafeText
{
    private const int LongestText = 256;

    /// <summary>The text with control characters, bidirectional overrides and lone surrogates written as
    /// <c>\x1b</c>, cut at 256 characters.</summary>
    public static string Clean(string text)
    {
        bool clean = text.Length <= LongestText;
        for (int i = 0; clean && i < text.Length; i++)
        {
            clean = !IsHostile(text[i]);
        }

        return clean ? text : Rewrite(text);
    }

    private static string Rewrite(string text)
    {
        var safe = new StringBuilder();
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (safe.Length >= LongestText)
            {
                safe.Append('…');
                break;
            }

            if (rune.IsBmp && IsHostile((char)rune.Value))
            {
                safe.Append(CultureInfo.InvariantCulture, $"\\x{rune.Value:x2}");
            }
            else
            {
                safe.Append(rune.ToString());
            }
        }

        return safe.ToString();
    }

    private static bool IsHostile(char c) =>
        char.IsControl(c) || char.IsSurrogate(c) || c == '\ufffd'
        || c is >= '\u2028' and <= '\u202e' or >= '\u2066' and <= '\u2069' or '\u200e' or '\u200f' or '\ufeff'
        || char.GetUnicodeCategory(c) is UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned;
}
