using Earshot.Core.Ip;

namespace Earshot.Core.Tcp;

/// <summary>Values of socket options that are rarely set, by level and name.</summary>
/// <remarks>It never changes, so a listener and its children share one; nearly all sockets have none.</remarks>
internal sealed class OptionValues
{
    /// <summary>The key of SO_PRIORITY, the only one of them that a child does not inherit.</summary>
    internal const int Priority = (1 << 16) | 12;

    /// <summary>The key of SO_MARK.</summary>
    internal const int Mark = (1 << 16) | 36;

    /// <summary>The key of TCP_RTO_MIN_US.</summary>
    internal const int RtoMin = (6 << 16) | 45;

    /// <summary>The key of TCP_DELACK_MAX_US.</summary>
    internal const int DelackMax = (6 << 16) | 46;

    /// <summary>TCP_DELACK_MAX_US when nobody has set it.</summary>
    internal const int UsualDelackMax = 200_000;

    private readonly (int Key, long Value)[] _values;

    private OptionValues((int Key, long Value)[] values, SegmentKeys? keys, AddedHeaders? extensions)
    {
        _values = values;
        Keys = keys;
        Extensions = extensions;
    }

    /// <summary>Extension headers that packets over IPv6 have; null: none.</summary>
    internal AddedHeaders? Extensions { get; }

    /// <summary>Keys that segments are signed with; null: none.</summary>
    internal SegmentKeys? Keys { get; }

    /// <summary>The same values with other keys.</summary>
    internal static OptionValues? WithKeys(OptionValues? values, SegmentKeys? keys) =>
        keys is null && values is null ? null : new OptionValues(values?._values ?? [], keys, values?.Extensions);

    /// <summary>The same values with other extension headers.</summary>
    internal static OptionValues? WithExtensions(OptionValues? values, AddedHeaders? extensions) =>
        extensions is null && values is null
            ? null : new OptionValues(values?._values ?? [], values?.Keys, extensions);

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
        int at = IndexOf(old, key);
        var copy = new (int Key, long Value)[at < 0 ? old.Length + 1 : old.Length];
        old.CopyTo(copy, 0);
        copy[at < 0 ? old.Length : at] = (key, value);
        return new OptionValues(copy, values?.Keys, values?.Extensions);
    }

    internal static OptionValues? Without(OptionValues? values, int key)
    {
        int at = values is null ? -1 : IndexOf(values._values, key);
        return at < 0 ? values : new OptionValues(
            [.. values!._values[..at], .. values._values[(at + 1)..]], values.Keys, values.Extensions);
    }

    // Without a lambda: it would be an object for each connection that is accepted.
    private static int IndexOf((int Key, long Value)[] values, int key)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i].Key == key)
            {
                return i;
            }
        }

        return -1;
    }
}
