using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Monitor.Reading;

/// <summary>Reads a namespace's counters again and again; the files were opened inside it.</summary>
internal sealed class CounterReader : IDisposable
{
    private readonly NamespaceFile _netstat = new("/proc/thread-self/net/netstat");
    private readonly NamespaceFile _snmp = new("/proc/thread-self/net/snmp");
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

    public void Dispose()
    {
        _netstat.Dispose();
        _snmp.Dispose();
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
