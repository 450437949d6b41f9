using System;
using System.Buffers.Binary;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip.Groups;

/// <summary>Tells routers which groups of IPv4 the host listens to. RFC 3376, RFC 2236; Linux: igmp.c.</summary>
internal sealed class IgmpReports : GroupReports
{
    private const uint AllHosts = 0xe0000001;
    private static readonly InetAddress AllRouters = InetAddress.Parse("224.0.0.2");
    private static readonly InetAddress AllReports = InetAddress.Parse("224.0.0.22");

    private readonly IpOutput _output;

    internal IgmpReports(StackContext context, RouteTable routes, IpOutput output, INetworkTimers timers)
        : base(
            context, routes, timers, NetworkTimer.Groups, context.Stream(ChanceStream.Groups),
            GroupMessage.Version3) => _output = output;

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
            && link.Find(group) is { } member && Routes.Interface(index).Ethernet is not null)
        {
            // Another host has said it. A packet that came in no frame is not known to have come to all. Linux:
            // igmp_heard_report.
            Hear(member);
        }

        Arm(link);
    }

    private protected override bool IsReported(in InetAddress group) => group.Bits != AllHosts;

    private protected override GroupRecords NewRecords() => new(InetAddress.Length);

    private protected override void BeginOld(GroupLink link, GroupMember member)
    {
        member.Left = GroupLink.UsualRobustness;
        member.Due = Context.Jiffies + LeastPause;
    }

    private protected override void SendOld(GroupLink link, GroupMember member, int version) => Send(
        link, version == GroupMessage.Version2 ? GroupMessage.Report2 : GroupMessage.Report1, member.Group,
        member.Group);

    private protected override void SendLeave(GroupLink link, GroupMember member, int version)
    {
        if (version == GroupMessage.Version2)
        {
            Send(link, GroupMessage.Leave, AllRouters, member.Group);
        }
    }

    /// <summary>Linux: igmpv3_newpack, igmpv3_sendpack.</summary>
    private protected override void Send(GroupLink link, GroupRecords records)
    {
        const int Headers = 32;
        int room = Routes.Interface(link.Index).Mtu - Headers;
        while (!records.IsOver)
        {
            int length = GroupMessage.Length + records.Measure(room, out int count);
            if (count == 0 || !TryBegin(link, AllReports, length, out Route route, out Span<byte> message))
            {
                return;
            }

            message.Clear();
            message[0] = GroupMessage.Report3;
            BinaryPrimitives.WriteUInt16BigEndian(message[6..], (ushort)count);
            records.Write(message[GroupMessage.Length..], count);
            End(route, AllReports, message);
        }
    }

    /// <summary>Linux: igmp_heard_query.</summary>
    private void OnQuery(GroupLink link, ReadOnlySpan<byte> message, in InetAddress group)
    {
        const int CodeOffset = 1, RobustnessOffset = 8, IntervalOffset = 9, SourcesOffset = 10;
        const int TenthMilliseconds = 100;
        long now = Context.Jiffies;
        int code = message[CodeOffset];
        bool isOld = message.Length == GroupMessage.Length;
        if (!isOld && message.Length < GroupMessage.QueryLength)
        {
            return;
        }

        if (isOld)
        {
            // The oldest version that was heard of holds for a while. RFC 3376 §8.12.
            long until = now + Context.Clock.From(link.OlderFor);
            link.Version1Until = code == 0 ? until : link.Version1Until;
            link.Version2Until = code == 0 ? link.Version2Until : until;
            EndChanges(link);
        }

        int version = link.Version(now);
        InetAddress asked = version == GroupMessage.Version1 ? default : group;
        ReadOnlySpan<byte> sources = default;
        var most = version == GroupMessage.Version1
            ? TimeSpan.FromSeconds(GroupLink.ResponseSeconds)
            : TimeSpan.FromMilliseconds(TenthMilliseconds * (isOld ? code : Math.Max(1, GroupMessage.Value(code))));
        if (version == GroupMessage.Version3)
        {
            int robustness = message[RobustnessOffset] & 7;
            link.Robustness = robustness != 0 ? robustness : GroupLink.UsualRobustness;
            int seconds = GroupMessage.Value(message[IntervalOffset]);
            link.QueryInterval = TimeSpan.FromSeconds(seconds != 0 ? seconds : GroupLink.UsualQuerySeconds);
            int count = BinaryPrimitives.ReadUInt16BigEndian(message[SourcesOffset..]);
            if (asked == default)
            {
                link.AnswerDue = count == 0 ? Math.Min(link.AnswerDue, now + DrawnPause(most)) : link.AnswerDue;
                return;
            }

            int length = count * InetAddress.Length;
            if (message.Length < GroupMessage.QueryLength + length)
            {
                return;
            }

            sources = message.Slice(GroupMessage.QueryLength, length);
        }

        Ask(link, asked, sources, () => DrawnPause(most));
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
        foreach (ref readonly OwnAddress own in Routes.Addresses.All)
        {
            if (own.Interface == link.Index && own.Address.IsIPv4 && own.IsUsable)
            {
                route = Routes.Direct(link.Index, own.Address);
                return true;
            }
        }

        route = default;
        return false;
    }
}
