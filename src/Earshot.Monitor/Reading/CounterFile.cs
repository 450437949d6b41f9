using System;
using System.Collections.Generic;
using System.Text;

namespace Earshot.Monitor.Reading;

/// <summary>Counters in the form of <c>/proc/net/netstat</c> and <c>/proc/net/snmp</c>: pairs of lines, names then
/// values. Names are matched, never positions: kernels differ.</summary>
internal sealed class CounterFile
{
    private byte[] _names = [];
    private string[] _keys = [];

    /// <summary>The counters by nstat's names: <c>TcpExtListenDrops</c>, <c>TcpPassiveOpens</c>.</summary>
    public IReadOnlyList<string> Keys => _keys;

    /// <summary>Reads the file's bytes.</summary>
    /// <param name="text">The file.</param>
    /// <param name="values">The values in the order of <see cref="Keys"/>.</param>
    public void Parse(ReadOnlySpan<byte> text, List<long> values)
    {
        values.Clear();
        int at = 0;
        bool same = true;
        for (ReadOnlySpan<byte> rest = text; rest.Length > 0;)
        {
            ReadOnlySpan<byte> heading = Line(ref rest), numbers = Line(ref rest);
            same = same && _names.AsSpan(at).StartsWith(heading)
                && at + heading.Length < _names.Length && _names[at + heading.Length] == '\n';
            at += heading.Length + 1;
            Numbers(numbers, heading.Count((byte)' '), values);
        }

        if (!same || at != _names.Length)
        {
            ReadNames(text);
        }
    }

    private void ReadNames(ReadOnlySpan<byte> text)
    {
        var names = new List<byte>();
        for (ReadOnlySpan<byte> rest = text; rest.Length > 0; _ = Line(ref rest))
        {
            names.AddRange(Line(ref rest));
            names.Add((byte)'\n');
        }

        _names = [.. names];
        _keys = [.. NamesOf(Encoding.ASCII.GetString(_names))];
    }

    private static ReadOnlySpan<byte> Line(ref ReadOnlySpan<byte> rest)
    {
        int end = rest.IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[(end + 1)..];
        return line;
    }

    // Exactly as many values as names, so that a torn line shifts nothing.
    private static void Numbers(ReadOnlySpan<byte> line, int count, List<long> values)
    {
        int blank = line.IndexOf((byte)' ');
        ReadOnlySpan<byte> rest = blank < 0 ? default : line[(blank + 1)..];
        for (int i = 0; i < count; i++)
        {
            values.Add(System.Buffers.Text.Utf8Parser.TryParse(rest, out long value, out int used) ? value : 0);
            rest = rest[Math.Min(used + 1, rest.Length)..];
        }
    }

    private static IEnumerable<string> NamesOf(string headings)
    {
        foreach (string heading in headings.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] words = heading.Split(' ', StringSplitOptions.None);
            for (int i = 1; i < words.Length; i++)
            {
                yield return words[0].TrimEnd(':') + words[i];
            }
        }
    }
}
