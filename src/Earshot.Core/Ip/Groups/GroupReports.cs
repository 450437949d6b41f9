using System;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip.Groups;

/// <summary>Tells routers which groups the host listens to, and to which sources of them: what IGMP and MLD have in
/// common.</summary>
/// <remarks>Nobody in a group is the same as somebody who wants no source of it; what changes is told from that. RFC
/// 3376 §5, RFC 3810 §6.</remarks>
internal abstract class GroupReports : IDisposable
{
    // The least pause of a timer. Linux: igmp_start_timer, mld_gq_start_work.
    protected const int LeastPause = 2;

    private readonly int _newest;
    private readonly NetworkTimer _kind;
    private readonly INetworkTimers _timers;
    private readonly Chance _chance;
    private readonly Dictionary<int, GroupLink> _links = [];

    private protected GroupReports(
        StackContext context, RouteTable routes, INetworkTimers timers, NetworkTimer kind, Chance chance, int newest)
    {
        Context = context;
        Routes = routes;
        _timers = timers;
        _kind = kind;
        _chance = chance;
        _newest = newest;
    }

    private protected StackContext Context { get; }

    private protected RouteTable Routes { get; }

    /// <summary>What a program joins, leaves or filters changed. Linux: igmp_group_added, igmp_group_dropped,
    /// igmp6_group_added, igmp6_group_dropped.</summary>
    internal void OnChange(in InetAddress group, int index, in GroupReach before, in GroupReach after)
    {
        if (!IsReported(group) || index == RouteTable.LoopbackInterface)
        {
            return;
        }

        GroupLink link = LinkOf(index);
        GroupMember member = Place(link, group, after.IsMember);
        member.Reach = after;
        if (link.IsNewest(Context.Jiffies))
        {
            Compare(link, member, before, after);
            if (!after.IsMember && member.HasChanges)
            {
                link.Left.Insert(0, member);
            }
        }
        else if (!before.IsMember)
        {
            BeginOld(link, member);
        }
        else if (!after.IsMember && member.IsReporter)
        {
            SendLeave(link, member, link.Version(Context.Jiffies));
        }

        Arm(link);
    }

    /// <summary>All groups of an interface are told anew.</summary>
    internal void BeginAnew(int index)
    {
        GroupLink link = LinkOf(index);
        foreach (GroupMember member in link.Groups)
        {
            member.Left = link.Robustness;
        }

        BeginChange(link);
        Arm(link);
    }

    /// <summary>All groups of an interface are told now, and once more within a second, since there is an address to
    /// tell them from. Linux: ipv6_mc_dad_complete.</summary>
    internal void TellAll(int index)
    {
        GroupLink link = LinkOf(index);
        if (link.IsNewest(Context.Jiffies))
        {
            SendAll(link);
            link.AllDue = Context.Jiffies + DrawnPause(TimeSpan.FromSeconds(1));
            Arm(link);
        }
    }

    /// <summary>Something is due on a link.</summary>
    internal void OnTimer(int index)
    {
        GroupLink link = LinkOf(index);
        long now = Context.Jiffies;
        if (link.AnswerDue <= now)
        {
            link.AnswerDue = long.MaxValue;
            GroupRecords records = NewRecords();
            link.Groups.ForEach(member => Answer(records, member));
            Send(link, records);
        }

        if (link.AllDue <= now)
        {
            link.AllDue = long.MaxValue;
            SendAll(link);
        }

        if (link.ChangeDue <= now)
        {
            SendChanges(link, now);
        }

        for (int i = 0; i < link.Groups.Count; i++)
        {
            if (link.Groups[i].Due <= now)
            {
                OnGroupTimer(link, link.Groups[i], now);
            }
        }

        Arm(link);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (GroupLink link in _links.Values)
        {
            _timers.FreeNode(ref link.Node);
        }
    }

    /// <summary>Whether routers are told of a group.</summary>
    private protected abstract bool IsReported(in InetAddress group);

    /// <summary>A group was joined while an older version is spoken.</summary>
    private protected abstract void BeginOld(GroupLink link, GroupMember member);

    /// <summary>Sends a report of an older version.</summary>
    private protected abstract void SendOld(GroupLink link, GroupMember member, int version);

    /// <summary>Sends what an older version says of a group that was left.</summary>
    private protected abstract void SendLeave(GroupLink link, GroupMember member, int version);

    /// <summary>Sends the records in reports of the newest version.</summary>
    private protected abstract void Send(GroupLink link, GroupRecords records);

    private protected abstract GroupRecords NewRecords();

    private protected GroupLink LinkOf(int index)
    {
        if (!_links.TryGetValue(index, out GroupLink? link))
        {
            link = new GroupLink(index, _newest) { Node = _timers.NewNode(_kind, index) };
            _links.Add(index, link);
        }

        return link;
    }

    private protected void Arm(GroupLink link)
    {
        long due = Math.Min(Math.Min(link.AnswerDue, link.ChangeDue), link.AllDue);
        foreach (GroupMember member in link.Groups)
        {
            due = Math.Min(due, member.Due);
        }

        if (due == long.MaxValue)
        {
            _timers.Disarm(link.Node);
        }
        else
        {
            _timers.Rearm(link.Node, Math.Max(due, Context.Jiffies + 1));
        }
    }

    private protected long Drawn(TimeSpan most) => _chance.Below((uint)Math.Max(1, Context.Clock.From(most)));

    private protected long DrawnPause(TimeSpan most) => LeastPause + Drawn(most);

    /// <summary>An older version is spoken from now on: what changed is told no more. RFC 3376 §7.2.1.</summary>
    private protected static void EndChanges(GroupLink link)
    {
        link.ChangeDue = long.MaxValue;
        link.Left.Clear();
        link.Groups.ForEach(static member =>
        {
            member.Left = 0;
            member.Changes.Clear();
        });
    }

    /// <summary>A question for one group, or under an older version for all, is answered within a time.</summary>
    /// <param name="link">The link.</param>
    /// <param name="group">The group; unspecified: all.</param>
    /// <param name="sources">The sources that are asked for; empty: all.</param>
    /// <param name="pause">Draws the pause of an answer.</param>
    private protected void Ask(GroupLink link, in InetAddress group, ReadOnlySpan<byte> sources, Func<long> pause)
    {
        long now = Context.Jiffies;
        foreach (GroupMember member in link.Groups)
        {
            if ((group.IsAny || member.Group == group) && Mark(member, sources))
            {
                member.Left = link.IsNewest(now) ? member.Left : 0;
                member.Due = Math.Min(member.Due, now + pause());
            }
        }
    }

    /// <summary>Another host told of a group, so that this one need not.</summary>
    private protected static void Hear(GroupMember member)
    {
        member.Due = long.MaxValue;
        member.IsReporter = false;
        member.Left = 0;
    }

    // A group that was left and is joined again is the same one; the newest stands first.
    private static GroupMember Place(GroupLink link, in InetAddress group, bool isMember)
    {
        if (link.Find(group) is { } member)
        {
            if (!isMember)
            {
                link.Groups.Remove(member);
            }

            return member;
        }

        member = link.FindLeft(group) ?? new GroupMember(group);
        link.Left.Remove(member);
        link.Groups.Insert(0, member);
        return member;
    }

    // Linux: ip_mc_add_src, ip_mc_del_src.
    private void Compare(GroupLink link, GroupMember member, in GroupReach before, in GroupReach after)
    {
        if (before.IsExclude != after.IsExclude)
        {
            member.Left = link.Robustness;
            member.Changes.Clear();
            BeginChange(link);
            return;
        }

        bool changed = Note(link, member, before.Sources, after.Sources, isAllowed: after.IsExclude);
        changed |= Note(link, member, after.Sources, before.Sources, isAllowed: !after.IsExclude);
        if (changed)
        {
            BeginChange(link);
        }
    }

    private static bool Note(
        GroupLink link, GroupMember member, InetAddress[] sources, InetAddress[] others, bool isAllowed)
    {
        bool any = false;
        foreach (InetAddress source in sources)
        {
            if (!others.AsSpan().Contains(source))
            {
                any = true;
                member.Changes.RemoveAll(change => change.Source == source);
                member.Changes.Add(new SourceChange(source, isAllowed, link.Robustness));
            }
        }

        return any;
    }

    // Linux: igmp_ifc_event, mld_ifc_event, which begin anew.
    private void BeginChange(GroupLink link)
    {
        if (link.IsNewest(Context.Jiffies))
        {
            link.Changes = link.Robustness;
            link.ChangeDue = Context.Jiffies + LeastPause;
        }
    }

    /// <summary>Tells what has changed since it was last told often enough. Linux: igmpv3_send_cr,
    /// igmp_ifc_timer_expire, mld_send_cr, mld_ifc_work.</summary>
    private void SendChanges(GroupLink link, long now)
    {
        GroupRecords records = NewRecords();
        link.Left.ForEach(member => TellChange(records, member));
        link.Groups.ForEach(member => TellChange(records, member));
        link.Left.RemoveAll(static member => !member.HasChanges);
        Send(link, records);
        link.ChangeDue = --link.Changes > 0 ? now + DrawnPause(TimeSpan.FromSeconds(1)) : long.MaxValue;
    }

    // A change of the mode tells all sources, so that none is told beside it. RFC 3376 §5.1.
    private static void TellChange(GroupRecords records, GroupMember member)
    {
        GroupReach reach = member.Reach;
        if (member.Left > 0)
        {
            member.Left--;
            records.Add(
                reach.IsExclude ? GroupRecordKind.ToExclude : GroupRecordKind.ToInclude, member.Group, reach.Sources);
        }
        else
        {
            TellSources(records, member, isAllowed: !reach.IsExclude);
            TellSources(records, member, isAllowed: reach.IsExclude);
        }

        for (int i = member.Changes.Count - 1; i >= 0; i--)
        {
            SourceChange change = member.Changes[i];
            member.Changes[i] = change with { Left = change.Left - 1 };
        }

        member.Changes.RemoveAll(static change => change.Left == 0);
    }

    private static void TellSources(GroupRecords records, GroupMember member, bool isAllowed)
    {
        InetAddress[] sources =
        [
            .. member.Changes.FindAll(change => change.IsAllowed == isAllowed).ConvertAll(change => change.Source),
        ];
        if (sources.Length > 0)
        {
            records.Add(isAllowed ? GroupRecordKind.Allow : GroupRecordKind.Block, member.Group, sources);
        }
    }

    // Linux: mld_send_initial_cr.
    private void SendAll(GroupLink link)
    {
        GroupRecords records = NewRecords();
        foreach (GroupMember member in link.Groups)
        {
            GroupReach reach = member.Reach;
            records.Add(
                reach.IsExclude ? GroupRecordKind.ToExclude : GroupRecordKind.Allow, member.Group, reach.Sources);
        }

        Send(link, records);
    }

    // What is not listened to any more is not answered for. Linux: is_in.
    private static void Answer(GroupRecords records, GroupMember member)
    {
        GroupReach reach = member.Reach;
        InetAddress[] sources = member.Asked is { } asked && !reach.IsExclude
            ? Array.FindAll(reach.Sources, asked.Contains) : reach.Sources;
        member.Asked = null;
        records.Add(reach.IsExclude ? GroupRecordKind.IsExclude : GroupRecordKind.IsInclude, member.Group, sources);
    }

    /// <summary>Notes those of the sources that are asked for by which an answer is chosen: of a group that is heard
    /// from few, those few. Linux: igmp_marksources, mld_marksources.</summary>
    /// <returns>Whether there is an answer: one of them is heard.</returns>
    private static bool Mark(GroupMember member, ReadOnlySpan<byte> sources)
    {
        if (sources.IsEmpty)
        {
            member.Asked = null;
            return true;
        }

        int length = member.Group.IsIPv4 ? InetAddress.Length : InetAddress.IPv6Length;
        List<InetAddress> asked = member.Due != long.MaxValue && member.Asked is { } before ? before : [];
        bool any = false;
        for (; sources.Length >= length; sources = sources[length..])
        {
            InetAddress source = length == InetAddress.Length
                ? InetAddress.Read(sources) : InetAddress.ReadIPv6(sources);
            if (member.Reach.Allows(source))
            {
                any = true;
                if (!member.Reach.IsExclude && !asked.Contains(source))
                {
                    asked.Add(source);
                }
            }
        }

        // An answer for all that is due anyway is enough.
        if (any && (member.Due == long.MaxValue || member.Asked is not null))
        {
            member.Asked = asked;
        }

        return any;
    }

    /// <summary>Linux: igmp_timer_expire, mld_mca_work.</summary>
    private void OnGroupTimer(GroupLink link, GroupMember member, long now)
    {
        member.Due = long.MaxValue;
        member.IsReporter = true;
        if (link.IsNewest(now))
        {
            GroupRecords records = NewRecords();
            Answer(records, member);
            Send(link, records);
            return;
        }

        if (member.Left > 0 && --member.Left > 0)
        {
            member.Due = now + DrawnPause(TimeSpan.FromSeconds(GroupLink.ResponseSeconds));
        }

        SendOld(link, member, link.Version(now));
    }
}
