using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip.Groups;

/// <summary>Tells routers which groups of IPv6 the host listens to. RFC 3810, RFC 2710; Linux: mcast.c.</summary>
internal sealed class MldReports : GroupReports
{
    private const int Version1 = 1;
    private const int Version2 = 2;
    private const int AlertLength = 8;
    private const int Head = 8;
    private const int OldLength = Head + InetAddress.IPv6Length;
    private const int QueryLength = OldLength + 4;
    private const byte LinkScope = 2;
    private static readonly InetAddress AllNodes = InetAddress.Parse("ff02::1");
    private static readonly InetAddress AllRouters = InetAddress.Parse("ff02::2");
    private static readonly InetAddress AllReports = InetAddress.Parse("ff02::16");

    private readonly IpOutput _output;

    internal MldReports(StackContext context, RouteTable routes, IpOutput output, INetworkTimers timers)
        : base(
            context, routes, timers, NetworkTimer.Report, context.Stream(ChanceStream.Groups6), Version2) =>
        _output = output;

    // A hop-by-hop header with the option by which routers look at the packet. RFC 2711.
    private static ReadOnlySpan<byte> RouterAlert => [IpPacket.ProtocolIcmpV6, 0, 5, 2, 0, 0, 1, 0];

    /// <summary>A message about groups came whose checksum is right. Linux: igmp6_event_query,
    /// igmp6_event_report.</summary>
    internal void OnPacket(in IpPacket packet, int index)
    {
        ReadOnlySpan<byte> message = packet.Payload;
        if (index == RouteTable.LoopbackInterface || message.Length < OldLength)
        {
            return;
        }

        GroupLink link = LinkOf(index);
        InetAddress group = InetAddress.ReadIPv6(message[Head..]);
        switch (message[0])
        {
            case DiscoveryType.ListenerQuery when packet.Source.IsLinkLocal && packet.Ttl == 1 && HasAlert(packet)
                && (group.IsAny || group.IsMulticast):
                OnQuery(link, message, group);
                break;
            case DiscoveryType.ListenerReport1 when (packet.Source.IsLinkLocal || packet.Source.IsAny)
                && Routes.Interface(index).Ethernet is not null && link.Find(group) is { } member:
                Hear(member);
                break;
        }

        Arm(link);
    }

    /// <summary>Whether routers are told of a group: of none within the host, and not of all nodes.</summary>
    private protected override bool IsReported(in InetAddress group) =>
        ((group.High >> 48) & 0xf) >= LinkScope && group != AllNodes;

    private protected override GroupRecords NewRecords() => new(InetAddress.IPv6Length);

    /// <summary>Linux: igmp6_join_group.</summary>
    private protected override void BeginOld(GroupLink link, GroupMember member)
    {
        SendOld(link, member, Version1);
        member.IsReporter = true;
        member.Due = Context.Jiffies + Drawn(TimeSpan.FromSeconds(GroupLink.ResponseSeconds));
    }

    private protected override void SendOld(GroupLink link, GroupMember member, int version) => Send(
        link, DiscoveryType.ListenerReport1, member.Group, member.Group, Counter.Icmp6OutGroupMembResponses);

    private protected override void SendLeave(GroupLink link, GroupMember member, int version) => Send(
        link, DiscoveryType.ListenerDone, AllRouters, member.Group, Counter.Icmp6OutGroupMembReductions);

    /// <summary>Linux: mld_newpack, mld_sendpack.</summary>
    private protected override void Send(GroupLink link, GroupRecords records)
    {
        int room = Routes.MtuOf(link.Index, isIPv4: false) - IpPacket.IPv6HeaderLength - AlertLength - Head;
        while (!records.IsOver)
        {
            int length = Head + records.Measure(room, out int count);
            if (count == 0 || !TryBegin(link, AllReports, length, out Route route, out Span<byte> packet))
            {
                return;
            }

            Span<byte> message = packet[AlertLength..];
            message[0] = DiscoveryType.ListenerReport;
            BinaryPrimitives.WriteUInt16BigEndian(message[6..], (ushort)count);
            records.Write(message[Head..], count);
            End(route, AllReports, packet, Counter.Icmp6OutMLDv2Reports);
        }
    }

    /// <summary>Linux: mld_process_v1, mld_process_v2.</summary>
    private void OnQuery(GroupLink link, ReadOnlySpan<byte> message, in InetAddress group)
    {
        const int CodeOffset = 4, RobustnessOffset = 24, IntervalOffset = 25, SourcesOffset = 26;
        const int LongestOld = 32767;
        long now = Context.Jiffies;
        int code = BinaryPrimitives.ReadUInt16BigEndian(message[CodeOffset..]);
        bool isOld = message.Length == OldLength;
        if (isOld || !link.IsNewest(now))
        {
            if (isOld)
            {
                link.Version1Until = now + Context.Clock.From(link.OlderFor);
            }

            EndChanges(link);
            link.AnswerDue = link.AllDue = long.MaxValue;
            Ask(link, group, default, Pause(isOld ? code : Math.Min(code, LongestOld)));
            return;
        }

        if (message.Length < QueryLength)
        {
            return;
        }

        int most = Value(code);
        int robustness = message[RobustnessOffset] & 7;
        link.Robustness = Math.Max(robustness, GroupLink.UsualRobustness);
        int seconds = GroupMessage.Value(message[IntervalOffset]);
        link.QueryInterval = TimeSpan.FromSeconds(seconds != 0 ? seconds : GroupLink.UsualQuerySeconds);
        link.ResponseInterval = TimeSpan.FromMilliseconds(most);
        int count = BinaryPrimitives.ReadUInt16BigEndian(message[SourcesOffset..]);
        if (group.IsAny)
        {
            link.AnswerDue = count == 0
                ? Math.Min(link.AnswerDue, now + LeastPause + Pause(most)()) : link.AnswerDue;
            return;
        }

        int length = count * InetAddress.IPv6Length;
        if (message.Length >= QueryLength + length)
        {
            Ask(link, group, message.Slice(QueryLength, length), Pause(most));
        }
    }

    // RFC 3810 §5.1.3, in milliseconds.
    private static int Value(int code) =>
        code < 0x8000 ? code : ((code & 0xfff) | 0x1000) << (((code >> 12) & 7) + 3);

    private Func<long> Pause(int milliseconds) => () => Drawn(TimeSpan.FromMilliseconds(milliseconds));

    // Linux: igmp6_event_query looks for the router alert of MLD.
    private static bool HasAlert(in IpPacket packet)
    {
        const byte HopByHop = 0, Alert = 5, Pad = 0;
        if (packet.Bytes[IpPacket.NextHeaderOffset] != HopByHop)
        {
            return false;
        }

        ReadOnlySpan<byte> header = packet.Bytes[IpPacket.IPv6HeaderLength..];
        header = header[..((header[1] + 1) * AlertLength)];
        for (int at = 2; at + 4 <= header.Length; at += header[at] == Pad ? 1 : header[at + 1] + 2)
        {
            if (header[at] == Alert)
            {
                return header[at + 1] == 2 && header[at + 2] == 0 && header[at + 3] == 0;
            }
        }

        return false;
    }

    private void Send(GroupLink link, byte type, in InetAddress to, in InetAddress group, Counter counter)
    {
        if (TryBegin(link, to, OldLength, out Route route, out Span<byte> packet))
        {
            packet[AlertLength] = type;
            group.WriteIPv6(packet[(AlertLength + Head)..]);
            End(route, to, packet, counter);
        }
    }

    private bool TryBegin(
        GroupLink link, in InetAddress to, int length, out Route route, out Span<byte> packet)
    {
        route = Routes.Direct(link.Index, Source(link));
        var ip = new IpFields(route.Source, to, 0, 0, 0, 1, DontFragment: false);
        if (!_output.TryBegin(route, ip, AlertLength + length, out packet))
        {
            return false;
        }

        packet = packet[..(AlertLength + length)];
        packet.Clear();
        RouterAlert.CopyTo(packet);
        return true;
    }

    private void End(in Route route, in InetAddress to, Span<byte> packet, Counter counter)
    {
        Span<byte> message = packet[AlertLength..];
        ulong pseudo = Checksum.PseudoHeader(route.Source, to, IpPacket.ProtocolIcmpV6, message.Length);
        Unsafe.WriteUnaligned(
            ref message[IcmpPacket.ChecksumOffset], Checksum.Finish(Checksum.Add(message, pseudo)));
        _output.End(route, to, packet.Length);
        Context.Mib.Count(Counter.Icmp6OutMsgs);
        Context.Mib.Count(counter);
    }

    // The link's own address, or none as long as there is none. RFC 3590.
    private InetAddress Source(GroupLink link)
    {
        foreach (ref readonly OwnAddress own in Routes.Addresses.All)
        {
            if (own.Interface == link.Index && own.Address.IsIPv6 && own.Address.IsLinkLocal && own.IsUsable)
            {
                return own.Address;
            }
        }

        return InetAddress.IPv6Any;
    }
}
