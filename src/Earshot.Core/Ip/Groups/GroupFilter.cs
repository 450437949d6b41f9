using System;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip.Groups;

/// <summary>What one user of a group wants to hear of it: all but some sources, or some alone. RFC 3376 §3.1; Linux:
/// struct ip_mc_socklist, struct ipv6_mc_socklist.</summary>
internal sealed class GroupFilter(in InetAddress group, int index)
{
    /// <summary>The group.</summary>
    internal InetAddress Group { get; } = group;

    /// <summary>The interface.</summary>
    internal int Interface { get; } = index;

    /// <summary>Whether the sources are those that are not heard.</summary>
    internal bool IsExclude { get; set; } = true;

    /// <summary>The sources, in the order in which they were named.</summary>
    internal List<InetAddress> Sources { get; } = [];

    /// <summary>Whether sources were named, so that the mode stays. Linux: sflist.</summary>
    internal bool HasList { get; set; }

    /// <summary>Whether a source is heard.</summary>
    internal bool Allows(in InetAddress source) => Sources.Contains(source) != IsExclude;
}

/// <summary>What a host listens to of a group on an interface. Nothing of it is no source alone. RFC 3376
/// §3.2.</summary>
/// <param name="IsMember">Whether there is a user.</param>
/// <param name="IsExclude">Whether the sources are those that are not heard.</param>
/// <param name="Sources">The sources.</param>
internal readonly record struct GroupReach(bool IsMember, bool IsExclude, InetAddress[] Sources)
{
    /// <summary>Nothing.</summary>
    internal static GroupReach None { get; } = new(false, false, []);

    /// <summary>Whether a source is heard.</summary>
    internal bool Allows(in InetAddress source) => Sources.AsSpan().Contains(source) != IsExclude;
}

/// <summary>The users of a group on an interface.</summary>
internal sealed class GroupUsers
{
    private readonly List<GroupFilter> _filters = [];

    /// <summary>What they want together.</summary>
    internal GroupReach Reach { get; private set; } = GroupReach.None;

    internal void Add(GroupFilter filter) => _filters.Add(filter);

    internal bool Remove(GroupFilter filter) => _filters.Remove(filter);

    /// <summary>Finds out anew what they want together: who excludes nothing that another wants decides. RFC 3376
    /// §3.2.</summary>
    internal void Join()
    {
        bool isExclude = _filters.Exists(static filter => filter.IsExclude);
        var sources = new List<InetAddress>();
        foreach (InetAddress source in Reach.Sources)
        {
            Consider(source);
        }

        foreach (GroupFilter filter in _filters)
        {
            foreach (InetAddress source in filter.Sources)
            {
                Consider(source);
            }
        }

        Reach = new GroupReach(_filters.Count > 0, isExclude, [.. sources]);

        void Consider(in InetAddress source)
        {
            if (!sources.Contains(source) && IsWanted(source) != isExclude)
            {
                sources.Add(source);
            }
        }
    }

    private bool IsWanted(in InetAddress source)
    {
        foreach (GroupFilter filter in _filters)
        {
            if (filter.Allows(source))
            {
                return true;
            }
        }

        return false;
    }
}
