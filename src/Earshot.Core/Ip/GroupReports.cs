using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>Tells routers which groups of IPv4 the host listens to. RFC 3376, RFC 2236; Linux: igmp.c.</summary>
internal sealed class GroupReports : IDisposable
{
    // The least pause of a timer. Linux: igmp_start_timer.
    private const int LeastPause = 2;
    private const uint AllHosts = 0xe0000001;
    private static readonly InetAddress AllRouters = InetAddress.Parse("224.0.0.2");
    private static readonly InetAddress AllReports = InetAddress.Parse("224.0.0.22");

    private readonly StackContext _context;
    private readonly RouteTable _routes;
    private readonly IpOutput _output;
    private readonly INetworkTimers _timers;
    private readonly Chance _chance;
    private readonly Dictionary<int, GroupLink> _links = [];

    internal GroupReports(StackContext context, RouteTable routes, IpOutput output, INetworkTimers timers)
    {
        _context = context;
        _routes = routes;
        _output = output;
        _timers = timers;
        _chance = context.Stream(ChanceStream.Groups);
        routes.Addresses.Reports = this;
    }

    /// <summary>The first of the host's programs joins a group. Linux: igmp_group_added.</summary>
    internal void OnJoin(in InetAddress group, int index)
    {
        if (!IsReported(group, index))
        {
            return;
        }

        GroupLink link = LinkOf(index);
        InetAddress joined = group;
        link.Left.RemoveAll(left => left.Group == joined);
        var member = new GroupMember(group);
        link.Groups.Insert(0, member);
        if (link.Version(_context.Jiffies) < GroupMessage.Version3)
        {
            member.Left = GroupLink.UsualRobustness;
            member.Due = _context.Jiffies + LeastPause;
        }
        else
        {
            member.Left = link.Robustness;
            BeginChange(link);
        }

        Arm(link);
    }

    /// <summary>Nobody on the host listens to a group any more. Linux: igmp_group_dropped.</summary>
    internal void OnLeave(in InetAddress group, int index)
    {
        if (!IsReported(group, index) || LinkOf(index) is not { } link || link.Find(group) is not { } member)
        {
            return;
        }

        link.Groups.Remove(member);
        switch (link.Version(_context.Jiffies))
        {
            case GroupMessage.Version3:
                member.Left = link.Robustness;
                link.Left.Insert(0, member);
                BeginChange(link);
                break;
            case GroupMessage.Version2 when member.IsReporter:
                Send(link, GroupMessage.Leave, AllRouters, group);
                break;
        }

        Arm(link);
    }

    /// <summary>A message about groups came. Linux: igmp_rcv.</summary>
    internal void OnPacket(in IpPacket packet, int index)
    {
        ReadOnlySpan<byte> message = packet.Payload;
        if (index == RouteTable.LoopbackInterface || message.Length < GroupMessage.Length
            || !Checksum.IsValid(Checksum.Add(message)))
        {
            return;
        }

        GroupLink link = LinkOf(index);
        var group = InetAddress.Read(message[4..]);
        if (message[0] == GroupMessage.Query)
        {
            OnQuery(link, message, group);
        }
        else if (message[0] is GroupMessage.Report1 or GroupMessage.Report2
            && link.Find(group) is { } member && _routes.Interface(index).Ethernet is not null)
        {
            // Another host has said it. A packet that came in no frame is not known to have come to all. Linux:
            // igmp_heard_report.
            member.Due = long.MaxValue;
            member.IsReporter = false;
            member.Left = 0;
        }

        Arm(link);
    }

    /// <summary>Something is due on a link.</summary>
    internal void OnTimer(int index)
    {
        GroupLink link = LinkOf(index);
        long now = _context.Jiffies;
        if (link.AnswerDue <= now)
        {
            link.AnswerDue = long.MaxValue;
            Tell(link, GroupMessage.IsExclude, link.Groups, []);
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

    private static bool IsReported(in InetAddress group, int index) =>
        group.IsIPv4 && group.Bits != AllHosts && index != RouteTable.LoopbackInterface;

    private GroupLink LinkOf(int index)
    {
        if (!_links.TryGetValue(index, out GroupLink? link))
        {
            link = new GroupLink(index) { Node = _timers.NewNode(NetworkTimer.Groups, index) };
            _links.Add(index, link);
        }

        return link;
    }

    private void Arm(GroupLink link)
    {
        long due = Math.Min(link.AnswerDue, link.ChangeDue);
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
            _timers.Rearm(link.Node, Math.Max(due, _context.Jiffies + 1));
        }
    }

    // Linux: igmp_ifc_event, which begins anew.
    private void BeginChange(GroupLink link)
    {
        link.Changes = link.Robustness;
        link.ChangeDue = _context.Jiffies + LeastPause;
    }

    private long DrawnPause(TimeSpan most) =>
        LeastPause + _chance.Below((uint)Math.Max(1, _context.Clock.From(most)));

    /// <summary>Tells what has changed since it was last told often enough. Linux: igmpv3_send_cr,
    /// igmp_ifc_timer_expire.</summary>
    private void SendChanges(GroupLink link, long now)
    {
        List<GroupMember> joined = link.Groups.FindAll(static member => member.Left > 0);
        List<GroupMember> left = link.Left.FindAll(static member => member.Left > 0);
        Tell(link, GroupMessage.ToExclude, joined, left);
        joined.ForEach(static member => member.Left--);
        left.ForEach(static member => member.Left--);
        link.Left.RemoveAll(static member => member.Left == 0);
        link.ChangeDue = --link.Changes > 0 ? now + DrawnPause(TimeSpan.FromSeconds(1)) : long.MaxValue;
    }

    /// <summary>Linux: igmp_timer_expire.</summary>
    private void OnGroupTimer(GroupLink link, GroupMember member, long now)
    {
        int version = link.Version(now);
        member.Due = long.MaxValue;
        member.IsReporter = true;
        if (version == GroupMessage.Version3)
        {
            Tell(link, GroupMessage.IsExclude, [member], []);
            return;
        }

        if (member.Left > 0 && --member.Left > 0)
        {
            member.Due = now + DrawnPause(TimeSpan.FromSeconds(GroupLink.ResponseSeconds));
        }

        byte type = version == GroupMessage.Version2 ? GroupMessage.Report2 : GroupMessage.Report1;
        Send(link, type, member.Group, member.Group);
    }

    /// <summary>Linux: igmp_heard_query.</summary>
    private void OnQuery(GroupLink link, ReadOnlySpan<byte> message, in InetAddress group)
    {
        const int CodeOffset = 1, RobustnessOffset = 8, IntervalOffset = 9, SourcesOffset = 10;
        const int TenthMilliseconds = 100;
        long now = _context.Jiffies;
        int code = message[CodeOffset];
        bool isOld = message.Length == GroupMessage.Length;
        if (!isOld && message.Length < GroupMessage.QueryLength)
        {
            return;
        }

        if (isOld)
        {
            // The oldest version that was heard of holds for a while. RFC 3376 §8.12.
            long until = now + _context.Clock.From(link.OlderFor);
            link.Version1Until = code == 0 ? until : link.Version1Until;
            link.Version2Until = code == 0 ? link.Version2Until : until;
            link.ChangeDue = long.MaxValue;
            link.Left.Clear();
        }

        int version = link.Version(now);
        InetAddress asked = version == GroupMessage.Version1 ? default : group;
        var most = version == GroupMessage.Version1
            ? TimeSpan.FromSeconds(GroupLink.ResponseSeconds)
            : TimeSpan.FromMilliseconds(TenthMilliseconds * (isOld ? code : Math.Max(1, GroupMessage.Value(code))));
        if (version == GroupMessage.Version3)
        {
            int robustness = message[RobustnessOffset] & 7;
            link.Robustness = robustness != 0 ? robustness : GroupLink.UsualRobustness;
            int seconds = GroupMessage.Value(message[IntervalOffset]);
            link.QuerySeconds = seconds != 0 ? seconds : GroupLink.UsualQuerySeconds;
            if (asked == default)
            {
                if (BinaryPrimitives.ReadUInt16BigEndian(message[SourcesOffset..]) == 0)
                {
                    link.AnswerDue = Math.Min(link.AnswerDue, now + DrawnPause(most));
                }

                return;
            }
        }

        foreach (GroupMember member in link.Groups)
        {
            if (asked == default || member.Group == asked)
            {
                member.Left = version == GroupMessage.Version3 ? member.Left : 0;
                member.Due = Math.Min(member.Due, now + DrawnPause(most));
            }
        }
    }

    /// <summary>Sends reports of version 3, as many as the groups need. Linux: igmpv3_newpack, add_grec.</summary>
    private void Tell(GroupLink link, byte kind, List<GroupMember> groups, List<GroupMember> left)
    {
        const int Record = 8, Headers = 32;
        int most = Math.Max(1, (_routes.Interface(link.Index).Mtu - Headers) / Record);
        int count = groups.Count + left.Count;
        for (int at = 0; at < count; at += most)
        {
            int records = Math.Min(most, count - at);
            if (!TryBegin(
                link, AllReports, GroupMessage.Length + (records * Record), out Route route, out Span<byte> message))
            {
                return;
            }

            message.Clear();
            message[0] = GroupMessage.Report3;
            BinaryPrimitives.WriteUInt16BigEndian(message[6..], (ushort)records);
            for (int i = 0; i < records; i++)
            {
                Span<byte> record = message.Slice(GroupMessage.Length + (i * Record), Record);
                bool isLeft = at + i < left.Count;
                record[0] = isLeft ? GroupMessage.ToInclude : kind;
                (isLeft ? left[at + i] : groups[at + i - left.Count]).Group.Write(record[4..]);
            }

            End(route, AllReports, message);
        }
    }

    private void Send(GroupLink link, byte type, in InetAddress to, in InetAddress group)
    {
        if (TryBegin(link, to, GroupMessage.Length, out Route route, out Span<byte> message))
        {
            message.Clear();
            message[0] = type;
            group.Write(message[4..]);
            End(route, to, message);
        }
    }

    private bool TryBegin(
        GroupLink link, in InetAddress to, int length, out Route route, out Span<byte> message)
    {
        message = default;
        if (!TryRoute(link, out route))
        {
            return false;
        }

        byte[]? before = _output.ReplyOptions;
        _output.ReplyOptions = GroupMessage.RouterAlert;
        var ip = new IpFields(
            route.Source, to, GroupMessage.Protocol, 0, GroupMessage.TypeOfService, 1, DontFragment: true);
        bool begun = _output.TryBeginReply(route, ip, length, out message);
        _output.ReplyOptions = before;
        return begun;
    }

    private void End(in Route route, in InetAddress to, Span<byte> message)
    {
        const int ChecksumOffset = 2;
        BinaryPrimitives.WriteUInt16LittleEndian(
            message[ChecksumOffset..], Checksum.Finish(Checksum.Add(message)));
        _output.EndReply(route, to, message.Length);
    }

    private bool TryRoute(GroupLink link, out Route route)
    {
        InterfaceOptions options = _routes.Interface(link.Index);
        route = default;
        foreach (ref readonly OwnAddress own in _routes.Addresses.All)
        {
            if (own.Interface == link.Index && own.Address.IsIPv4 && own.IsUsable)
            {
                route = new Route(
                    (ushort)link.Index, 0, own.Address, options.Mtu, options.Offload, 0,
                    options.Ethernet is null ? RouteFlags.None : RouteFlags.Ethernet);
                return true;
            }
        }

        return false;
    }
}
