using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;

namespace Earshot.Core;

/// <summary>The counters of a stack, as in <c>/proc/net/snmp</c> and <c>/proc/net/netstat</c>.</summary>
public sealed class Mib
{
    private static readonly string[] Names = Enum.GetNames<Counter>();

    private static readonly Dictionary<string, Counter>.AlternateLookup<ReadOnlySpan<char>> ByName =
        Enum.GetValues<Counter>().ToDictionary(static counter => counter.ToString(), StringComparer.Ordinal)
            .GetAlternateLookup<ReadOnlySpan<char>>();

    private readonly long[] _values = new long[Names.Length];
    private readonly HashSet<Counter> _lacking;

    internal Mib(IReadOnlyCollection<Counter> lacking) => _lacking = [.. lacking];

    /// <summary>The value of a counter since the stack was made.</summary>
    public long this[Counter counter] => _values[(int)counter];

    /// <summary>Every counter that the profile's kernel has and this stack moves, in the order of Linux's
    /// files.</summary>
    public IEnumerable<KeyValuePair<string, long>> All
    {
        get
        {
            for (int i = 1; i < Names.Length; i++)
            {
                if (!_lacking.Contains((Counter)i))
                {
                    yield return new KeyValuePair<string, long>(Names[i], _values[i]);
                }
            }
        }
    }

    /// <summary>Finds a counter by nstat's name, as <c>TcpExtListenOverflows</c>.</summary>
    /// <param name="name">The name; case counts.</param>
    /// <param name="value">Its value.</param>
    /// <returns>False when the name is unknown, or nothing here or in the profile's kernel moves it.</returns>
    public bool TryGet(string name, out long value) => TryGet(name.AsSpan(), out value);

    /// <summary>Finds a counter by nstat's name; nothing is allocated.</summary>
    internal bool TryGet(ReadOnlySpan<char> name, out long value)
    {
        bool found = ByName.TryGetValue(name, out Counter counter) && counter != Counter.None
            && !_lacking.Contains(counter);
        value = found ? _values[(int)counter] : 0;
        return found;
    }

    /// <summary>Copies all values, indexed by <see cref="Counter"/>, so that a later moment can be compared.</summary>
    public long[] Snapshot() => (long[])_values.Clone();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Count(Counter counter) => _values[(int)counter]++;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Count(Counter counter, long by) => _values[(int)counter] += by;
}
