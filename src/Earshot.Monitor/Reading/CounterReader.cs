using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Monitor.Reading;

/// <summary>Reads a namespace's counters again and again; the files were opened inside it.</summary>
internal sealed class CounterReader : IDisposable
{
    private readonly NamespaceFile _netstat = new("/proc/thread-self/net/netstat");
    private readonly NamespaceFile _snmp = new("/proc/thread-self/net/snmp");
    private readonly NamespaceFile _sockstat = new("/proc/thread-self/net/sockstat");
    private readonly NamespaceFile _sockstat6 = new("/proc/thread-self/net/sockstat6");
    private readonly Source _ofNetstat = new(), _ofSnmp = new();

    /// <summary>The counters of interest by nstat's names, those that the kernel has; null when they cannot be
    /// read.</summary>
    public IReadOnlyDictionary<string, long>? Read()
    {
        ReadOnlySpan<byte> netstat = _netstat.Read();
        if (netstat.IsEmpty)
        {
            return null;
        }

        var counters = new Dictionary<string, long>(Interesting.Counters.Count);
        _ofNetstat.AddTo(counters, netstat);
        _ofSnmp.AddTo(counters, _snmp.Read());
        return counters;
    }

    /// <summary>TCP sockets in use, listeners too, IPv4 and IPv6; null when the kernel does not tell.</summary>
    public long? SocketsInUse()
    {
        long? v4 = InUse(_sockstat.Read(), "TCP: inuse "u8), v6 = InUse(_sockstat6.Read(), "TCP6: inuse "u8);
        return v4 + (v6 ?? 0); // A kernel without IPv6 has no second file.
    }

    public void Dispose()
    {
        _netstat.Dispose();
        _snmp.Dispose();
        _sockstat.Dispose();
        _sockstat6.Dispose();
    }

    private static long? InUse(ReadOnlySpan<byte> text, ReadOnlySpan<byte> before)
    {
        int at = text.IndexOf(before);
        return at >= 0 && System.Buffers.Text.Utf8Parser.TryParse(text[(at + before.Length)..], out long value, out _)
            ? value
            : null;
    }

    // A file and where in it the counters of interest stand, found again when the kernel's names change.
    private sealed class Source
    {
        private readonly CounterFile _file = new();
        private readonly List<long> _values = [];
        private IReadOnlyList<string>? _keys;
        private int[] _places = [];

        public void AddTo(Dictionary<string, long> counters, ReadOnlySpan<byte> text)
        {
            _file.Parse(text, _values);
            if (_keys != _file.Keys)
            {
                _keys = _file.Keys;
                _places = [.. Enumerable.Range(0, _keys.Count).Where(i => Interesting.Counters.Contains(_keys[i]))];
            }

            foreach (int place in _places)
            {
                if (place < _values.Count)
                {
                    counters[_keys[place]] = _values[place];
                }
            }
        }
    }
}
