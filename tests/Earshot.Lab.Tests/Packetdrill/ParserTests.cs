using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Lab.Packetdrill;
using Xunit;

namespace Earshot.Lab.Tests.Packetdrill;

public sealed class ParserTests
{
    [Fact]
    public void Times_are_absolute_relative_ranges_any_or_blocking()
    {
        Script script = Parse(
            "0 socket(..., SOCK_STREAM, 0) = 3",
            "0.25 listen(3, 1) = 0",
            "+.01 > . 1:1(0) ack 1",
            "* > . 1:1(0) ack 1",
            "1~2.5 > . 1:1(0) ack 1",
            "+1~+2 > . 1:1(0) ack 1",
            "+0...0.5 accept(3, ..., ...) = 4");
        Assert.Equal(
            [
                new EventTime(TimeKind.Absolute, TimeSpan.Zero, TimeSpan.Zero),
                new EventTime(TimeKind.Absolute, Seconds(0.25), Seconds(0.25)),
                new EventTime(TimeKind.Relative, Seconds(0.01), Seconds(0.01)),
                new EventTime(TimeKind.Any, TimeSpan.Zero, TimeSpan.Zero),
                new EventTime(TimeKind.Absolute, Seconds(1), Seconds(2.5)),
                new EventTime(TimeKind.Relative, Seconds(1), Seconds(2)),
                new EventTime(TimeKind.Relative, TimeSpan.Zero, TimeSpan.Zero),
            ],
            script.Events.Select(static e => e.Time));
        Assert.Equal(Seconds(0.5), ((CallEvent)script.Events[^1]).BlocksUntil);
    }

    [Fact]
    public void A_packet_has_flags_numbers_window_and_options()
    {
        var happening = (PacketEvent)Parse(
            "0 < [ect0,ttl 7] 5001 > 80 SEWP. 1:11(10) ack 5 win 100 urg 3 "
            + "<mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 7>").Events[0];
        PacketPattern packet = happening.Packet;
        Assert.True(happening.IsInbound);
        Assert.Equal(((ushort?)5001, (ushort?)80), (packet.SourcePort, packet.DestinationPort));
        Assert.Equal((2, 7), (packet.Ip.Ecn, packet.Ip.TimeToLive));
        TcpPattern tcp = packet.Tcp!;
        Assert.Equal(Flag.Syn | Flag.Ece | Flag.Cwr | Flag.Psh | Flag.Ack, tcp.Flags);
        Assert.Equal((1u, 10, 5u, (ushort)100, (ushort)3), (
            tcp.Sequence, tcp.Length, tcp.Acknowledgment!.Value, tcp.Window!.Value, tcp.Urgent));
        Assert.Equal("mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 7", PacketText.Options(tcp.Options!));
    }

    [Theory]
    [InlineData("S5", Flag.Syn | Flag.Ae | Flag.Ece)]
    [InlineData("-", 0)]
    [InlineData("SFRPUA", Flag.Syn | Flag.Fin | Flag.Rst | Flag.Psh | Flag.Urg | Flag.Ae)]
    public void Flags_are_letters_and_the_ACE_field_a_digit(string text, int flags) =>
        Assert.Equal(flags, Packet($"0 < {text} 1:1(0)").Tcp!.Flags);

    [Theory]
    [InlineData("FO", "FO")]
    [InlineData("FO 0123456789abcdef", "FO 0123456789abcdef")]
    [InlineData("FOEXP 01ff", "FOEXP 01ff")]
    [InlineData("sack 1:2 5:9", "sack 1:2 5:9")]
    [InlineData("md5 00112233445566778899aabbccddeeff,eol", "md5 00112233445566778899aabbccddeeff,eol")]
    public void Every_option_is_written_as_it_was_read(string text, string written) =>
        Assert.Equal(written, PacketText.Options(Packet($"0 < . 1:1(0) ack 1 <{text}>").Tcp!.Options!));

    [Fact]
    public void No_option_list_means_none_and_three_dots_mean_any()
    {
        Assert.Empty(Packet("0 > . 1:1(0) ack 1").Tcp!.Options!);
        Assert.Null(Packet("0 > . 1:1(0) ack 1 <...>").Tcp!.Options);
    }

    [Fact]
    public void An_ICMP_message_quotes_a_segment()
    {
        IcmpPattern icmp = Packet("0 < icmp unreachable frag_needed mtu 1200 [1:101(100)]").Icmp!;
        Assert.Equal(("unreachable", "frag_needed", 1200, 1u, 100), (
            icmp.Type, icmp.Code, icmp.Mtu, icmp.Sequence, icmp.Length));
    }

    [Fact]
    public void Options_stand_at_the_top_and_a_definition_replaces_whole_words_also_in_strings()
    {
        Script script = Script.Parse(
            "x.pkt",
            "--tolerance_usecs=10000\n--ip_version=ipv6 // only\n--strict_segments\n"
                + "0 write(3, \"PORT PORTS\", PORT) = 10",
            new Dictionary<string, string> { ["PORT"] = "10" });
        Assert.Equal([IpVersion.IPv6], script.IpVersions);
        Assert.True(script.Options.StrictSegments);
        Assert.Equal(TimeSpan.FromMilliseconds(10), script.Options.Tolerance);
        var call = (CallEvent)script.Events[0];
        Assert.Equal("10 PORTS"u8.ToArray(), ((TextValue)call.Arguments[1]).Bytes);
        Assert.Equal(10, ((NumberValue)call.Arguments[2]).Number);
    }

    [Fact]
    public void A_comment_may_name_the_IP_versions() =>
        Assert.Equal(
            [IpVersion.IPv4, IpVersion.IPv4Mapped],
            Parse("// ip_versions: ipv4 ipv4-mapped-ipv6", "0 close(3) = 0").IpVersions);

    [Fact]
    public void Comments_may_name_counters_and_by_how_much_they_grow()
    {
        Script script = Parse(
            "// counters: TcpInSegs 2, TcpOutRsts 1", "0 close(3) = 0", "// counters: TcpExtListenDrops 0");
        Assert.Equal(
            [
                new CounterStep(1, "TcpInSegs", 2),
                new CounterStep(1, "TcpOutRsts", 1),
                new CounterStep(3, "TcpExtListenDrops", 0),
            ],
            script.Options.Counters);
        var failure = Assert.Throws<ScriptException>(() => Parse("// counters: TcpInSegs", "0 close(3) = 0"));
        Assert.Contains("TcpInSegs has no number", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Commands_set_sysctls_and_may_quote_values()
    {
        Script script = Parse(
            "`sysctl -q net.ipv4.tcp_rmem=\"1 2 3\"; sysctl -w a.b=7 c.d=8`", "0 close(3) = 0", "`sysctl -q e=1`");
        Assert.Equal(
            [new SysctlStep("net.ipv4.tcp_rmem", "1 2 3"), new SysctlStep("a.b", "7"), new SysctlStep("c.d", "8")],
            script.SetUp[0].Steps);
        Assert.Equal([new SysctlStep("e", "1")], script.CleanUp[0].Steps);
    }

    [Fact]
    public void Strings_are_joined_and_have_escapes()
    {
        var call = (CallEvent)Parse("""0 write(3, "a\n\x41" "\0" "\101", 5) = 5""").Events[0];
        Assert.Equal([(byte)'a', (byte)'\n', (byte)'A', 0, (byte)'A'], ((TextValue)call.Arguments[1]).Bytes);
    }

    [Fact]
    public void The_nominal_length_follows_absolute_and_relative_times() =>
        Assert.Equal(Seconds(21), Parse("0 close(3) = 0", "+1 close(3) = 0", "20 close(3) = 0", "+1 close(3) = 0")
            .NominalLength);

    [Theory]
    [InlineData(1, "", "the script has no events")]
    [InlineData(1, "--speed=9", "there is no option '--speed=9'")]
    [InlineData(1, "--mtu=12", "--mtu is '12', not a whole number from 68 to 65535")]
    [InlineData(1, "--ip_version=ipv5", "the IP version is 'ipv5', not one of ipv4, ipv6, ipv4-mapped-ipv6")]
    [InlineData(1, "--local_ip=here", "'here' is not an address")]
    [InlineData(1, "1 close(3) = 0", "the first event is at time 0")]
    [InlineData(2, "0 close(3) = 0\n+1~+2 close(3) = 0",
        "only an outbound packet may have a range or '*' as its time")]
    [InlineData(2, "0 close(3) = 0\n+2~+1 > . 1:1(0) ack 1", "the end of a time is before its beginning")]
    [InlineData(2, "0 close(3) = 0\n+2~3 > . 1:1(0) ack 1", "both ends of a range are absolute")]
    [InlineData(2, "0 close(3) = 0\n+0...1 < . 1:1(0) ack 1", "only a call may block")]
    [InlineData(1, "0 fork() = 0", "there is no call 'fork'")]
    [InlineData(1, "0 close() = 0", "close() has 0 arguments; it takes 1")]
    [InlineData(1, "0 close(3", "expected ')', found the end of the script")]
    [InlineData(1, "0 close(3) = -1 EWHAT", "'EWHAT' is not the name of an errno")]
    [InlineData(1, "0 close(3) = -1 EBADF (Bad", "a note in parentheses does not end on its line")]
    [InlineData(1, "0 < S 0:0(5)", "0:0 is 0 bytes long, not 5")]
    [InlineData(1, "0 < S 0:0(0) ack 1", "'ack N' and the flag '.' go together")]
    [InlineData(1, "0 < SS 0:0(0)", "the flags 'SS' contradict or repeat themselves")]
    [InlineData(1, "0 < Z 0:0(0)", "expected the flags of a segment, found 'Z'")]
    [InlineData(1, "0 < S 0:0(0) <mss>", "expected an MSS from 0 to 65535, found '>'")]
    [InlineData(1, "0 < S 0:0(0) <wings 2>", "there is no TCP option 'wings'")]
    [InlineData(1, "0 < S 0:0(0) <...>", "an inbound packet cannot leave its options open")]
    [InlineData(1, "0 < S 0:0(0) <FO 123>", "'123' is not a whole number of bytes in hexadecimal")]
    [InlineData(1, "0 < S 0:0(0) <sack 1:2 2:3 3:4 4:5,TS val 1 ecr 2>",
        "the options are 44 bytes long")]
    [InlineData(1, "0 < [ect7] S 0:0(0)", "'ect7' is not one of ect0")]
    [InlineData(1, "0 < 70000 > 80 S 0:0(0)", "70000 is not a port")]
    [InlineData(1, "0 < icmp nonsense", "there is no ICMP type 'nonsense'")]
    [InlineData(1, "0 < icmp unreachable nonsense", "there is no code 'nonsense' of unreachable")]
    [InlineData(1, "0 write(3, \"abc, 3) = 3", "a string does not end on its line")]
    [InlineData(1, "0 write(3, \"\\q\", 1) = 1", "a string has the unknown escape '\\q'")]
    [InlineData(1, "0 close(0xzz) = 0", "'0xzz' is not a whole number")]
    [InlineData(2, "\n/* never ends\n0 close(3) = 0", "'/*' has no '*/'")]
    [InlineData(1, "`rm -rf /`", "the command 'rm -rf /' is not understood; only sysctl and tc are")]
    [InlineData(1, "`tc qdisc add dev eth0 root netem`", "the command is not")]
    [InlineData(1, "`sysctl -q net.ipv4.tcp_sack`", "'net.ipv4.tcp_sack' of the command")]
    [InlineData(1, "`sysctl -q a=\"1`", "a quote of the command")]
    [InlineData(1, "`sysctl -q a=1", "'`' has no '`'")]
    [InlineData(2, "0 close(3) = 0\n`sysctl -q a=1`\n+0 close(3) = 0", "a command between events needs a time")]
    [InlineData(1, "0 %{ assert 1", "'%{' has no '}%'")]
    [InlineData(1, "99999999999 close(3) = 0", "is not a number of seconds up to 1000000")]
    [InlineData(1, "0 poll([[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]], 1, 0) = 0", "values are nested deeper than 16")]
    public void What_is_malformed_is_told_with_its_line(int line, string text, string problem)
    {
        ScriptException error = Assert.Throws<ScriptException>(() => Script.Parse("x.pkt", text));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        string place = error.Line == 0 ? "x.pkt: " : $"x.pkt:{error.Line}: ";
        Assert.StartsWith(place, error.Message, StringComparison.Ordinal);
        Assert.Equal(problem == "the script has no events" ? 0 : line, error.Line);
    }

    [Fact]
    public void No_text_whatever_does_more_than_a_script_exception()
    {
        var random = new Random(1);
        const string good =
            "--mtu=1500\n`sysctl -q a=1`\n0 socket(..., SOCK_STREAM, 0) = 3\n"
            + "+0...0.2 accept(3, {a=[1], b(2)=\"x\"}, ...) "
            + "= 4\n+.1~+.2 > [ect0] 1 > 2 SEW. 0:0(0) ack 1 win 5 <mss 1,nop,TS val 1 ecr 2,FO 00ff,sack 1:2>\n"
            + "+0 < icmp unreachable port_unreachable [1:1(0)]\n+1 %{ assert (1 + 2) * 3 == 9, 'no'\nx = 4 }%\n";
        int read = 0;
        for (int i = 0; i < 20000; i++)
        {
            char[] text = good.ToCharArray();
            for (int n = random.Next(1, 6); n > 0; n--)
            {
                text[random.Next(text.Length)] = good[random.Next(good.Length)];
            }

            try
            {
                Script.Parse("x.pkt", new string(text, 0, random.Next(text.Length / 2, text.Length)));
                read++;
            }
            catch (ScriptException error)
            {
                Assert.StartsWith("x.pkt", error.Message, StringComparison.Ordinal);
            }
        }

        Assert.InRange(read, 1, 19999);
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private static Script Parse(params string[] lines) => Script.Parse("x.pkt", string.Join('\n', lines));

    private static PacketPattern Packet(string line) => ((PacketEvent)Parse(line).Events[0]).Packet;
}
