using System;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip.Groups;

/// <summary>A source that is heard or not heard any more, and how often that is still told.</summary>
/// <param name="Source">The source.</param>
/// <param name="IsAllowed">Whether it is heard now.</param>
/// <param name="Left">How often it is told. Linux: sf_crcount.</param>
internal readonly record struct SourceChange(InetAddress Source, bool IsAllowed, int Left);

/// <summary>A group that the host listens to on a link, or has just left. Linux: struct ip_mc_list, struct
/// ifmcaddr6.</summary>
internal sealed class GroupMember(in InetAddress group)
{
    internal InetAddress Group { get; } = group;

    /// <summary>What is listened to.</summary>
    internal GroupReach Reach { get; set; } = GroupReach.None;

    /// <summary>When it is told of by itself, in jiffies.</summary>
    internal long Due { get; set; } = long.MaxValue;

    /// <summary>Those that were asked for of the sources that alone are heard; null: all. Linux: gsquery.</summary>
    internal List<InetAddress>? Asked { get; set; }

    /// <summary>How often it is still told whether the sources are those that are heard. Linux: crcount,
    /// unsolicit_count.</summary>
    internal int Left { get; set; }

    /// <summary>Sources that are still to be told of.</summary>
    internal List<SourceChange> Changes { get; } = [];

    /// <summary>Whether this host was the last to tell of it. Linux: reporter, MAF_LAST_REPORTER.</summary>
    internal bool IsReporter { get; set; }

    /// <summary>Whether something has changed that is still to be told.</summary>
    internal bool HasChanges => Left > 0 || Changes.Count > 0;
}

/// <summary>What a link's routers were told of groups, and will be. Linux: struct in_device, struct
/// inet6_dev.</summary>
internal sealed class GroupLink(int index, int newest)
{
    /// <summary>How often what changes is told, unless a router says otherwise. RFC 3376 §8.1.</summary>
    internal const int UsualRobustness = 2;

    /// <summary>Seconds between two questions, unless a router says otherwise. RFC 3376 §8.2.</summary>
    internal const int UsualQuerySeconds = 125;

    /// <summary>Seconds within which a question of an older version is answered. RFC 3376 §8.3.</summary>
    internal const int ResponseSeconds = 10;

    /// <summary>The timer.</summary>
    internal int Node = -1;

    /// <summary>The interface.</summary>
    internal int Index { get; } = index;

    /// <summary>Groups that are listened to, the newest first.</summary>
    internal List<GroupMember> Groups { get; } = [];

    /// <summary>Groups that were left, and that is still to be told. Linux: mc_tomb.</summary>
    internal List<GroupMember> Left { get; } = [];

    /// <summary>How often what changes is told. Linux: mr_qrv, mc_qrv.</summary>
    internal int Robustness { get; set; } = UsualRobustness;

    /// <summary>Time between two questions of a router. Linux: mr_qi, mc_qi.</summary>
    internal TimeSpan QueryInterval { get; set; } = TimeSpan.FromSeconds(UsualQuerySeconds);

    /// <summary>Time within which a question is answered. Linux: mr_qri, mc_qri.</summary>
    internal TimeSpan ResponseInterval { get; set; } = TimeSpan.FromSeconds(ResponseSeconds);

    /// <summary>When a question for all groups is answered, in jiffies.</summary>
    internal long AnswerDue { get; set; } = long.MaxValue;

    /// <summary>When the next change is told, in jiffies.</summary>
    internal long ChangeDue { get; set; } = long.MaxValue;

    /// <summary>Reports of changes that are left. Linux: mr_ifc_count, mc_ifc_count.</summary>
    internal int Changes { get; set; }

    /// <summary>When all groups are told once more, in jiffies. Linux: mc_dad_work.</summary>
    internal long AllDue { get; set; } = long.MaxValue;

    /// <summary>Until when a router of version 1 is thought to be there, in jiffies. Linux: mr_v1_seen,
    /// mc_v1_seen.</summary>
    internal long Version1Until { get; set; } = long.MinValue;

    /// <summary>Until when one of version 2 of IGMP is. Linux: mr_v2_seen.</summary>
    internal long Version2Until { get; set; } = long.MinValue;

    /// <summary>How long an older version holds. RFC 3376 §8.12, RFC 3810 §9.12.</summary>
    internal TimeSpan OlderFor => (Robustness * QueryInterval) + ResponseInterval;

    /// <summary>The version that is spoken.</summary>
    internal int Version(long now) => now < Version1Until ? 1 : now < Version2Until ? 2 : newest;

    /// <summary>Whether the newest version is spoken.</summary>
    internal bool IsNewest(long now) => Version(now) == newest;

    internal GroupMember? Find(in InetAddress group) => Find(Groups, group);

    /// <summary>Finds a group that was left.</summary>
    internal GroupMember? FindLeft(in InetAddress group) => Find(Left, group);

    private static GroupMember? Find(List<GroupMember> members, in InetAddress group)
    {
        foreach (GroupMember member in members)
        {
            if (member.Group == group)
            {
                return member;
            }
        }

        return null;
    }
}
