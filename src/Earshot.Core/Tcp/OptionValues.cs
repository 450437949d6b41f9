using System;

namespace Earshot.Core.Tcp;

/// <summary>Values of socket options that nothing on the packet path reads, by level and name.</summary>
/// <remarks>It never changes, so a listener and its children share one; nearly all sockets have none.</remarks>
internal sealed class OptionValues
{
    /// <summary>The key of SO_PRIORITY, the only one of them that a child does not inherit.</summary>
    internal const int Priority = (1 << 16) | 12;

    private readonly (int Key, long Value)[] _values;

    private OptionValues((int Key, long Value)[] values) => _values = values;

    internal static long Get(OptionValues? values, int key, long otherwise = 0)
    {
        foreach ((int candidate, long value) in values?._values ?? [])
        {
            if (candidate == key)
            {
                return value;
            }
        }

        return otherwise;
    }

    internal static OptionValues With(OptionValues? values, int key, long value)
    {
        (int Key, long Value)[] old = values?._values ?? [];
        int at = Array.FindIndex(old, entry => entry.Key == key);
        var copy = new (int Key, long Value)[at < 0 ? old.Length + 1 : old.Length];
        old.CopyTo(copy, 0);
        copy[at < 0 ? old.Length : at] = (key, value);
        return new OptionValues(copy);
    }

    // In two methods, so that nothing is allocated where there are no values.
    internal static OptionValues? Without(OptionValues? values, int key) => values?.Without(key);

    private OptionValues Without(int key) => Array.Exists(_values, entry => entry.Key == key)
        ? new OptionValues(Array.FindAll(_values, entry => entry.Key != key)) : this;
}
