using System.Collections.Generic;

namespace Earshot.Core;

/// <content>The tunables of IP, ICMP and neighbours.</content>
public sealed partial class Sysctls
{
    internal int IcmpRatemask = 0x1818;
    internal int IcmpMsgsPerSec = 1000;
    internal int IcmpMsgsBurst = 50;
    internal int IcmpEchoIgnoreBroadcasts = 1;
    internal int IpfragHighThresh = 4 << 20;
    internal int IpfragTime = 30;
    internal int IpfragMaxDist = 64;
    internal int Ip6fragHighThresh = 4 << 20;
    internal int Ip6fragTime = 60;
    internal int IgmpMaxMemberships = 20;
    internal int IgmpMaxMsf = 10;
    internal int MldMaxMsf = 64;
    internal int RouteMinPmtu = 552;
    internal int RouteMtuExpires = 600;
    internal int IPv6RouteMtuExpires = 600;

    private static IEnumerable<Entry> NetworkTable()
    {
        const int MostSeconds = int.MaxValue / 1000;
        yield return Number("net.ipv4.icmp_ratemask", int.MinValue, int.MaxValue, s => ref s.IcmpRatemask);
        yield return Number("net.ipv4.icmp_msgs_per_sec", 0, int.MaxValue, s => ref s.IcmpMsgsPerSec);
        yield return Number("net.ipv4.icmp_msgs_burst", 0, int.MaxValue, s => ref s.IcmpMsgsBurst);
        yield return Number("net.ipv4.icmp_echo_ignore_broadcasts", 0, 1, s => ref s.IcmpEchoIgnoreBroadcasts);
        yield return Number("net.ipv4.ipfrag_high_thresh", 0, int.MaxValue, s => ref s.IpfragHighThresh);
        yield return Number("net.ipv4.ipfrag_time", 0, MostSeconds, s => ref s.IpfragTime);
        yield return Number("net.ipv4.ipfrag_max_dist", 0, int.MaxValue, s => ref s.IpfragMaxDist);
        yield return Number("net.ipv6.ip6frag_high_thresh", 0, int.MaxValue, s => ref s.Ip6fragHighThresh);
        yield return Number("net.ipv6.ip6frag_time", 0, MostSeconds, s => ref s.Ip6fragTime);
        yield return Number("net.ipv4.igmp_max_memberships", int.MinValue, int.MaxValue, s => ref s.IgmpMaxMemberships);
        yield return Number("net.ipv4.igmp_max_msf", int.MinValue, int.MaxValue, s => ref s.IgmpMaxMsf);
        yield return Number("net.ipv6.mld_max_msf", int.MinValue, int.MaxValue, s => ref s.MldMaxMsf);
        yield return Number("net.ipv4.route.min_pmtu", 68, int.MaxValue, s => ref s.RouteMinPmtu);
        yield return Seconds("net.ipv4.route.mtu_expires", s => ref s.RouteMtuExpires);
        yield return Seconds("net.ipv6.route.mtu_expires", s => ref s.IPv6RouteMtuExpires);
    }
}
