using System;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>A group of IPv4 that the host listens to on a link, or has just left. Linux: struct ip_mc_list.</summary>
internal sealed class GroupMember(in InetAddress group)
{
    internal InetAddress Group { get; } = group;

    /// <summary>When it is told of by itself, in jiffies.</summary>
    internal long Due { get; set; } = long.MaxValue;

    /// <summary>How often it is still told that it was joined or left. Linux: crcount, unsolicit_count.</summary>
    internal int Left { get; set; }

    /// <summary>Whether this host was the last to tell of it. Linux: reporter.</summary>
    internal bool IsReporter { get; set; }
}

/// <summary>What a link's routers were told of groups, and will be. Linux: struct in_device.</summary>
internal sealed class GroupLink(int index)
{
    /// <summary>How often what changes is told, unless a router says otherwise. RFC 3376 §8.1.</summary>
    internal const int UsualRobustness = 2;

    /// <summary>Seconds between two questions, unless a router says otherwise. RFC 3376 §8.2.</summary>
    internal const int UsualQuerySeconds = 125;

    /// <summary>Seconds within which a question of version 1 or 2 is answered. RFC 3376 §8.3.</summary>
    internal const int ResponseSeconds = 10;

    /// <summary>The timer.</summary>
    internal int Node = -1;

    /// <summary>The interface.</summary>
    internal int Index { get; } = index;

    /// <summary>Groups that are listened to, the newest first.</summary>
    internal List<GroupMember> Groups { get; } = [];

    /// <summary>Groups that were left, and that is still to be told. Linux: mc_tomb.</summary>
    internal List<GroupMember> Left { get; } = [];

    /// <summary>How often what changes is told. Linux: mr_qrv.</summary>
    internal int Robustness { get; set; } = UsualRobustness;

    /// <summary>Seconds between two questions of a router. Linux: mr_qi.</summary>
    internal int QuerySeconds { get; set; } = UsualQuerySeconds;

    /// <summary>When a question for all groups is answered, in jiffies.</summary>
    internal long AnswerDue { get; set; } = long.MaxValue;

    /// <summary>When the next change is told, in jiffies.</summary>
    internal long ChangeDue { get; set; } = long.MaxValue;

    /// <summary>Reports of changes that are left. Linux: mr_ifc_count.</summary>
    internal int Changes { get; set; }

    /// <summary>Until when a router of version 1 is thought to be there, in jiffies. Linux: mr_v1_seen.</summary>
    internal long Version1Until { get; set; } = long.MinValue;

    /// <summary>Until when one of version 2 is. Linux: mr_v2_seen.</summary>
    internal long Version2Until { get; set; } = long.MinValue;

    /// <summary>How long an older version holds. RFC 3376 §8.12.</summary>
    internal TimeSpan OlderFor => TimeSpan.FromSeconds((Robustness * QuerySeconds) + ResponseSeconds);

    /// <summary>The version that is spoken.</summary>
    internal int Version(long now) => now < Version1Until ? GroupMessage.Version1
        : now < Version2Until ? GroupMessage.Version2 : GroupMessage.Version3;

    internal GroupMember? Find(in InetAddress group)
    {
        foreach (GroupMember member in Groups)
        {
            if (member.Group == group)
            {
                return member;
            }
        }

        return null;
    }
}
