using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Ip;

/// <summary>What routers are told of groups of IPv4 (IGMP). Bytes and pauses are the host kernel's
/// (docs/linux-facts.md);
/// the same of a raw link is held to it by GroupReportTests of the host tests.</summary>
public sealed class GroupReportTests : IDisposable
{
    private const string First = "ef010203";
    private const string Report = "2200e8f9" + "00000001" + "04000000" + First;
    private const string Left = "2200e9f9" + "00000001" + "03000000" + First;
    private const string Answer = "2200eaf9" + "00000001" + "02000000" + First;
    private const string Report2 = "1600f8fa" + First;
    private const string Report1 = "1200fcfa" + First;
    private const string Left2 = "1700f7fa" + First;
    private static readonly MacAddress Own = MacAddress.Parse("02:00:00:00:00:01");
    private readonly LoneStack _stack = new(new InterfaceOptions
    {
        Addresses = [InterfaceAddress.Parse("10.9.0.1/24")],
        Ethernet = new EthernetOptions { Address = Own, DetectsDuplicates = false, AcceptsRouters = false },
    });

    private byte[][] _frames = [];

    public void Dispose() => _stack.Dispose();

    [Fact]
    public void A_group_is_told_of_twice_when_it_is_joined_and_when_it_is_left()
    {
        int fd = Join("239.1.2.3");
        (double At, string To, string Message)[] sent = Run(1.1);
        Assert.Equal([Report, Report], sent.Select(s => s.Message));
        Assert.All(sent, s => Assert.Equal("224.0.0.22", s.To));
        Assert.InRange(sent[0].At, 0.004, 0.02);
        Assert.InRange(sent[1].At - sent[0].At, 0.008, 1.02);

        Assert.Equal(0, Membership(fd, 36, "239.1.2.3"));
        Assert.Equal([Left, Left], Run(1.1).Select(s => s.Message));
    }

    [Fact]
    public void All_hosts_are_a_group_that_is_not_told_of()
    {
        Join("224.0.0.1");
        Assert.Empty(Run(3));
    }

    [Fact]
    public void A_packet_has_the_router_alert_and_goes_to_the_groups_hardware_address()
    {
        Join("239.1.2.3");
        Run(0.1);
        byte[] frame = Assert.Single(_frames);
        Assert.Equal("01005e000016020000000001" + "0800", Convert.ToHexStringLower(frame.AsSpan(0, 14)));
        Assert.Equal("46c0002800004000" + "0102", Convert.ToHexStringLower(frame.AsSpan(14, 10)));
        Assert.Equal("0a090001" + "e0000016" + "94040000", Convert.ToHexStringLower(frame.AsSpan(26, 12)));
        Assert.True(Checksum.IsValid(Checksum.Add(frame.AsSpan(14, 24))));
    }

    [Fact]
    public void A_question_for_all_is_answered_in_one_report_within_the_time_it_gives()
    {
        Join("239.1.2.3");
        Join("239.4.5.6");
        Run(2);
        Ask("224.0.0.1", 20, 0, [2, 125, 0, 0]);
        (double At, string To, string Message) sent = Assert.Single(Run(3));
        Assert.InRange(sent.At, 0.008, 2.02);
        Assert.Equal("00000002" + "02000000ef040506" + "02000000" + First, sent.Message[8..]);
    }

    [Fact]
    public void A_question_for_one_group_is_answered_for_that()
    {
        Join("239.1.2.3");
        Join("239.4.5.6");
        Run(2);
        Ask("239.1.2.3", 10, 0xef010203, [2, 125, 0, 0]);
        Assert.Equal(Answer, Assert.Single(Run(2)).Message);
        Ask("239.1.2.3", 10, 0xef010203, [2, 125]);
        Assert.Empty(Run(2));
    }

    [Fact]
    public void Router_of_version_2_is_spoken_to_in_its_words_for_as_long_as_it_is_thought_to_be_there()
    {
        int fd = Join("239.1.2.3");
        Run(2);
        Ask("224.0.0.1", 10, 0, []);
        Assert.Equal(("239.1.2.3", Report2), Assert.Single(Run(2)) is var (_, to, message) ? (to, message) : default);
        Assert.Equal(0, Membership(fd, 36, "239.1.2.3"));
        Assert.Equal(("224.0.0.2", Left2), Assert.Single(Run(1)) is var (_, all, left) ? (all, left) : default);
        Join("239.1.2.3");
        Assert.Equal([Report2, Report2], Run(10.1).Select(s => s.Message));

        // Two questions and an answer: 2 * 125 + 10 s.
        Run(250);
        Ask("224.0.0.1", 10, 0, [2, 125, 0, 0]);
        Assert.Equal(Answer, Assert.Single(Run(2)).Message);
    }

    [Fact]
    public void A_router_of_version_1_is_told_of_no_leave()
    {
        int fd = Join("239.1.2.3");
        Run(2);
        Ask("224.0.0.1", 0, 0, []);
        Assert.Equal(Report1, Assert.Single(Run(11)).Message);
        Assert.Equal(0, Membership(fd, 36, "239.1.2.3"));
        Assert.Empty(Run(2));
    }

    [Fact]
    public void What_another_host_tells_is_not_told_again()
    {
        int fd = Join("239.1.2.3");
        Run(2);
        Ask("224.0.0.1", 100, 0, []);
        Give("239.1.2.3", 0x16, 0, 0xef010203, []);
        Assert.Empty(Run(11));
        Assert.Equal(0, Membership(fd, 36, "239.1.2.3"));
        Assert.Empty(Run(2));
    }

    private int Join(string group)
    {
        int fd = _stack.Calls.Socket(2, 2, 0);
        Assert.Equal(0, Membership(fd, 35, group));
        return fd;
    }

    private int Membership(int fd, int option, string group)
    {
        byte[] request = new byte[8];
        InetAddress.Parse(group).Write(request);
        InetAddress.Parse("10.9.0.1").Write(request.AsSpan(4));
        return _stack.Calls.SetSocketOption(fd, 0, option, request);
    }

    private void Ask(string to, byte code, uint group, byte[] rest) => Give(to, 0x11, code, group, rest);

    private void Give(string to, byte type, byte code, uint group, byte[] rest)
    {
        byte[] message =
        [
            type, code, 0, 0, (byte)(group >> 24), (byte)(group >> 16), (byte)(group >> 8), (byte)group, .. rest,
        ];
        ushort sum = Checksum.Finish(Checksum.Add(message));
        BitConverter.TryWriteBytes(message.AsSpan(2), sum);
        var ip = new IpFields(InetAddress.Parse("10.9.0.2"), InetAddress.Parse(to), 2, 0, 0, 1, DontFragment: false);
        byte[] packet = new byte[20 + message.Length];
        IpPacket.WriteHeader(packet, ip, message.Length);
        message.CopyTo(packet, 20);
        byte[] frame = new byte[14 + packet.Length];
        EthernetFrame.WriteHeader(
            frame, MacAddress.ForGroup(InetAddress.Parse(to)), MacAddress.Parse("02:00:00:00:00:02"),
            EthernetFrame.TypeIPv4);
        packet.CopyTo(frame, 14);
        _stack.Give(frame);
    }

    private (double At, string To, string Message)[] Run(double seconds)
    {
        const int IpHeader = 14, Addresses = 30, Message = 38;
        List<(double At, byte[] Frame)> sent = _stack.Run(seconds);
        sent.RemoveAll(s => s.Frame[IpHeader + 9] != 2 || s.Frame[12] != 8 || s.Frame[13] != 0);
        _frames = [.. sent.Select(s => s.Frame)];
        return [.. sent.Select(s => (
            s.At, InetAddress.Read(s.Frame.AsSpan(Addresses)).ToString(),
            Convert.ToHexStringLower(s.Frame.AsSpan(Message))))];
    }
}
