using System;
using System.Buffers.Binary;
using System.Net;
using System.Threading.Tasks;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Packetdrill;

/// <summary>What routers are told of groups of IPv4, by the stack and by the host kernel: the bytes of each report in
/// their order. When they leave is drawn; the test asks for times that leave it no choice.</summary>
public sealed class GroupReportTests
{
    private const byte Igmp = 2;
    private const byte Query = 0x11;
    private const int Join = 35;
    private const int Leave = 36;
    private static readonly IPAddress First = IPAddress.Parse("239.1.2.3");
    private static readonly IPAddress Second = IPAddress.Parse("239.4.5.6");
    private static readonly IPAddress Peer = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress AllHosts = IPAddress.Parse("224.0.0.1");

    [SlowFact(Needs = Needs.Tun)]
    public async Task Joins_leaves_and_questions_bring_the_same_reports()
    {
        (string[] stack, string[] host) = await OwnThread.AskBoth(Tell);
        Assert.NotEmpty(host);
        Assert.Equal(host, stack);
    }

    private static string[] Tell(IPacketTarget target)
    {
        ISocketCalls calls = target.Calls;
        int one = calls.Socket(SocketAddressBytes.Inet, 2, 0);
        int two = calls.Socket(SocketAddressBytes.Inet, 2, 0);
        var log = new ReportLog(target, static packet => packet[0] >> 4 == 4 && packet[9] == Igmp);
        log.Do("join", () => calls.SetOption(one, 0, Join, Request(First)), 1.3);
        log.Do("another joins it", () => calls.SetOption(two, 0, Join, Request(First)), 0.2);
        log.Do("a second group", () => calls.SetOption(two, 0, Join, Request(Second)), 1.3);
        log.Do("a question", () => Ask(AllHosts, default, 1, [2, 125, 0, 0]), 0.3);
        log.Do("a question for one", () => Ask(Second, Second, 1, [2, 125, 0, 0]), 0.3);
        log.Do("a question with sources", () => Ask(AllHosts, default, 1, [2, 125, 0, 1, 1, 2, 3, 4]), 0.3);
        log.Do("half a question", () => Ask(AllHosts, default, 1, [2]), 0.3);
        log.Do("one leaves", () => calls.SetOption(one, 0, Leave, Request(First)), 0.3);
        log.Do("the other leaves", () => calls.SetOption(two, 0, Leave, Request(First)), 1.3);
        log.Do("a question of version 2", () => Ask(AllHosts, default, 1, []), 0.3);
        log.Do("one for a group that nobody is in", () => Ask(First, First, 1, []), 0.3);
        log.Do("leaving under version 2", () => calls.SetOption(two, 0, Leave, Request(Second)), 0.3);
        log.Do("joining under version 2", () => calls.SetOption(two, 0, Join, Request(Second)), 0.1);
        log.Do("another host tells of it", () => Say(0x16, Second), 10.3);
        log.Do("leaving what another told of last", () => calls.SetOption(two, 0, Leave, Request(Second)), 0.3);
        return log.Lines;

        int Ask(IPAddress to, IPAddress? group, byte code, byte[] rest) => Give(to, group, Query, code, rest);

        int Say(byte type, IPAddress group) => Give(group, group, type, 0, []);

        int Give(IPAddress to, IPAddress? group, byte type, byte code, byte[] rest)
        {
            byte[] message = [type, code, 0, 0, .. group?.GetAddressBytes() ?? new byte[4], .. rest];
            BinaryPrimitives.WriteUInt16BigEndian(
                message.AsSpan(2), SegmentBytes.Finish(SegmentBytes.Sum(message, 0)));
            target.Inject(Packet(to, message));
            return 0;
        }
    }

    private static byte[] Request(IPAddress group) =>
        [.. group.GetAddressBytes(), .. new PacketTargetOptions().Local4.GetAddressBytes()];

    private static byte[] Packet(IPAddress to, byte[] message)
    {
        byte[] packet =
        [
            0x46, 0xc0, 0, (byte)(24 + message.Length), 0, 1, 0, 0, 1, Igmp, 0, 0, .. Peer.GetAddressBytes(),
            .. to.GetAddressBytes(), 0x94, 4, 0, 0, .. message,
        ];
        BinaryPrimitives.WriteUInt16BigEndian(
            packet.AsSpan(10), SegmentBytes.Finish(SegmentBytes.Sum(packet.AsSpan(0, 24), 0)));
        return packet;
    }
}
