using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Core.Congestion;

/// <summary>The algorithms that a stack has, by name. Linux: tcp_cong_list.</summary>
internal sealed class CongestionControls
{
    // A socket keeps the place of its algorithm in a byte.
    private const int Limit = 255;
    private const int LongestName = 15;
    private readonly List<ICongestionControl> _all = [];
    private byte _default;

    internal CongestionControls(IReadOnlyList<ICongestionControl> own)
    {
        // The order is that of tcp_available_congestion_control: the one that is always there first.
        _all.AddRange([Reno.Instance, Cubic.Instance, Bbr.Instance, Dctcp.Instance]);
        foreach (ICongestionControl added in own)
        {
            if (_all.Count == Limit || added.Name.Length is 0 or > LongestName || Find(added.Name) >= 0)
            {
                throw new ArgumentException(
                    $"'{added.Name}' is not a new name of 1 to {LongestName} characters", nameof(own));
            }

            _all.Add(added);
        }
    }

    /// <summary>The place of the one that new sockets begin with.</summary>
    internal byte Default => _default;

    internal ICongestionControl this[int place] => _all[place];

    /// <summary>The names of all. Linux: tcp_get_available_congestion_control.</summary>
    internal string Available => string.Join(' ', _all.Select(algorithm => algorithm.Name));

    /// <summary>The names of those that need no privilege. Linux: tcp_get_allowed_congestion_control.</summary>
    internal string Allowed => string.Join(' ', _all
        .Where(algorithm => (algorithm.Traits & CongestionTraits.Unrestricted) != 0)
        .Select(algorithm => algorithm.Name));

    /// <summary>The place of a name, or -1.</summary>
    internal int Find(ReadOnlySpan<char> name)
    {
        for (int i = 0; i < _all.Count; i++)
        {
            if (name.SequenceEqual(_all[i].Name))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Makes one the default of new sockets. Linux: tcp_set_default_congestion_control.</summary>
    /// <returns>0, or -ENOENT.</returns>
    internal int SetDefault(ReadOnlySpan<char> name)
    {
        int place = Find(name.Trim());
        if (place < 0)
        {
            return -Errno.ENOENT;
        }

        _default = (byte)place;
        return 0;
    }
}
