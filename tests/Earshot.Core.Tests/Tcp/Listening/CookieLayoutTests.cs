using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.Intrinsics;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Listening;

/// <summary>The cookies of every era, seen from outside: sizes, minutes, gates, stamps.</summary>
[Trait("Linux", "secure_tcp_syn_cookie")]
public sealed class CookieLayoutTests
{
    private static readonly byte[] MssOption = [2, 4, 5, 0xb4];
    private static readonly byte[] Scale = [1, 3, 3, 7];

    public static TheoryData<string, int[]> Tables => new()
    {
        { "2.0", [64, 256, 512, 536, 1024, 1440, 1460, 4312] },
        { "2.2", [64, 256, 512, 536, 1024, 1440, 1460, 4312] },
        { "2.6.32", [64, 256, 512, 536, 1024, 1440, 1460, 4312] },
        { "3.10", [64, 512, 536, 1024, 1440, 1460, 4312, 8960] },
        { "4.4", [536, 1300, 1440, 1460] },
    };

    [Theory]
    [MemberData(nameof(Tables))]
    public void Every_size_of_the_table_comes_back_and_one_less_gives_the_size_before(string layout, int[] sizes)
    {
        using TestHost host = Make(layout);
        host.Listen(100);
        ushort port = 1;
        for (int i = 0; i < sizes.Length; i++)
        {
            Assert.Equal(sizes[i], Kept(host, port++, sizes[i]));
            Assert.Equal(sizes[Math.Max(i - 1, 0)], Kept(host, port++, sizes[i] - 1));
        }
    }

    [Fact]
    public void The_oldest_cookies_have_the_place_of_the_size_in_their_low_bits()
    {
        using TestHost host = Make("2.0");
        host.Listen(100);
        uint[] numbers = [.. new[] { 64, 536, 1460, 4312 }.Select(mss => Syn(host, 7, mss).Seq)];
        Assert.Equal([0u, 3u, 6u, 7u], numbers.Select(number => number & 7));
        Assert.Single(numbers.Select(number => number & ~7u).Distinct());

        // Nothing of the peer's number can be read from it.
        uint other = Assert.Single(host.Send(new Peer(host, 7).SynPacket() with { Seq = Peer.Isn + 1 })).Seq;
        Assert.NotEqual(numbers[2] + 1, other);
    }

    [Theory]
    [InlineData("2.0", 239, true)]
    [InlineData("2.0", 241, false)]
    [InlineData("2.2", 239, true)]
    [InlineData("2.2", 241, false)]
    [InlineData("2.6.32", 239, true)]
    [InlineData("3.10", 239, true)]
    [InlineData("3.10", 241, false)]
    [InlineData("4.4", 119, true)]
    [InlineData("4.4", 121, false)]
    public void A_cookie_is_believed_for_four_minutes_and_later_for_two(string layout, double seconds, bool believed)
    {
        using TestHost host = Make(layout);
        host.Listen(100);

        // To the start of a minute: jiffies start 300 s before 2^32.
        double hz = host.Stack.Profile.Hz;
        host.Run(60 - (((1L << 32) / hz - 300) % 60) + 0.02);
        Packet cookie = Syn(host, 7, 1460);
        host.Run(seconds);
        Syn(host, 8, 1460);
        host.Mark();
        host.Send(new Packet
        {
            SourcePort = 7,
            Seq = Peer.Isn + 1,
            Ack = cookie.Seq + 1,
            Flags = TcpFlags.Ack,
        });
        Assert.Equal(believed ? 1 : 0, host.Moved(Counter.TcpExtSyncookiesRecv));
        Assert.Equal(believed ? 0 : 1, host.Moved(Counter.TcpExtSyncookiesFailed));
    }

    [Theory]
    [InlineData("2.2", 2.9, true)]
    [InlineData("2.2", 3.1, false)]
    [InlineData("3.10", 3.1, false)]
    [InlineData("4.4", 3.1, true)]
    public void Cookies_are_believed_for_three_seconds_after_one_was_sent_and_later_for_two_minutes(
        string layout, double seconds, bool believed)
    {
        using TestHost host = Make(layout);
        host.Listen(100);
        Packet cookie = Syn(host, 7, 1460);
        host.Run(seconds);
        host.Send(new Packet
        {
            SourcePort = 7,
            Seq = Peer.Isn + 1,
            Ack = cookie.Seq + 1,
            Flags = TcpFlags.Ack,
        });
        Assert.Equal(believed ? 1 : 0, host.Moved(Counter.TcpExtSyncookiesRecv));
    }

    [Theory]
    [InlineData("2.2", 1)]
    [InlineData("2.6.32", 0)]
    [InlineData("4.4", 0)]
    public void One_stamp_for_all_listeners_became_one_for_each(string layout, int received)
    {
        using TestHost host = Make(layout);
        host.Listen(100);
        host.Listen(100, 81);
        Packet cookie = Syn(host, 7, 1460);
        int other = host.Listen(100, 82);
        host.Calls.Close(other);

        // The cookie of a listener that was closed and opened again: only a shared stamp still vouches for it.
        host.Calls.Close(3);
        host.Listen(100);
        host.Send(new Packet
        {
            SourcePort = 7,
            Seq = Peer.Isn + 1,
            Ack = cookie.Seq + 1,
            Flags = TcpFlags.Ack,
        });
        Assert.Equal(received, host.Moved(Counter.TcpExtSyncookiesRecv));
    }

    [Theory]
    [InlineData("2.2", "020405b4", null)]
    [InlineData("2.6.32", "020405b40101080a", 0x1ffu)]
    [InlineData("3.10", "020405b40101080a", 0x3fu)]
    [InlineData("4.4", "020405b40101080a", 0x3fu)]
    public void The_stamp_remembers_nothing_then_nine_bits_then_six(string layout, string options, uint? mask)
    {
        using TestHost host = Make(layout);
        host.Set("net.ipv4.tcp_timestamps", 2);
        host.Listen(100);
        Packet reply = Assert.Single(host.Send(new Peer(host, 7).SynPacket() with
        {
            Options = [.. MssOption, .. Packet.Timestamps(77, 0), .. Scale],
        }));
        Assert.StartsWith(options, reply.OptionText);
        Assert.Equal(mask is null ? 4 : 20, reply.Options.Length);
        if (mask is not null)
        {
            uint expected = mask == 0x1ff ? 7u | (10u << 4) : 7u;
            Assert.Equal(expected, reply.TsVal & mask.Value);
        }

        host.Send(new Packet
        {
            SourcePort = 7,
            Seq = Peer.Isn + 1,
            Ack = reply.Seq + 1,
            Flags = TcpFlags.Ack,
            Options = Packet.Timestamps(78, reply.TsVal),
        });
        SocketRow row = host.Rows().Single(row => row.Remote.Port == 7);
        Assert.Equal(new CookieRemains(1460, mask is not null, mask is not null, false, false), row.SynCookie);
    }

    [Theory]
    [InlineData(1219, 1220)]
    [InlineData(1419, 1220)]
    [InlineData(1420, 1420)]
    [InlineData(1440, 1440)]
    [InlineData(8939, 1440)]
    [InlineData(8940, 8940)]
    [Trait("Linux", "cookie_v6_check")]
    public void Over_IPv6_the_sizes_are_those_of_its_networks(int mss, int kept)
    {
        using TestHost host = Make("4.4");
        host.Listen(address: InetAddress.IPv6Any);
        var peer = new Peer(host, 7, ipv6: true);
        Packet reply = Assert.Single(host.Send(
            peer.SynPacket() with { Options = [2, 4, (byte)(mss >> 8), (byte)mss] }));
        Assert.Equal("020405a0", reply.OptionText);
        peer.Next = Peer.Isn + 1;
        peer.Expected = reply.Seq + 1;
        peer.Ack();
        Assert.Equal(kept, host.Rows().Single(row => row.Remote.Port == 7 && row.State == TcpState.Established)
            .SynCookie?.Mss);
    }

    [Fact]
    public void The_line_about_an_IPv6_flood_names_the_other_slab_and_the_listeners_address()
    {
        using var host = new TestHost();
        host.Listen(0, address: InetAddress.IPv6Any);
        new Peer(host, 1, ipv6: true).Syn();
        new Peer(host, 2, ipv6: true).Syn();
        Assert.Equal(
            "TCP: request_sock_TCPv6: Possible SYN flooding on port [::]:80. Sending cookies.",
            Assert.Single(host.Stack.Log.Lines).Text);
    }

    [Theory]
    [InlineData("port", "TCP: request_sock_TCP: Possible SYN flooding on port 80. Sending cookies.  "
        + "Check SNMP counters.")]
    [InlineData("protocol", "TCP: TCP: Possible SYN flooding on port 80. Sending cookies.  Check SNMP counters.")]
    [InlineData("plain", "TCP: Possible SYN flooding on port 80. Sending cookies.")]
    [InlineData("cookies", "possible SYN flooding on port 80. Sending cookies.")]
    [InlineData("peer", "Warning: possible SYN flood from 10.0.0.2 on 10.0.0.1:80.  Sending cookies.")]
    public void The_line_about_a_flood_is_that_of_its_time(string text, string line)
    {
        using var host = new TestHost(KernelProfile.Linux618 with { FloodLog = Flood(text) });
        host.Listen(0);
        for (ushort port = 1; port < 5; port++)
        {
            new Peer(host, port).Syn();
        }

        int lines = text == "plain" ? 3 : 1;
        Assert.Equal(Enumerable.Repeat(line, lines), host.Stack.Log.Lines.Select(entry => entry.Text));
        host.Run(61);
        new Peer(host, 9).Syn();
        Assert.Equal(text is "port" or "protocol" ? 1 : lines + 1, host.Stack.Log.Lines.Count);
        host.Set("net.ipv4.tcp_syncookies", 0);
        int before = host.Stack.Log.Lines.Count;
        new Peer(host, 10).Syn();
        Assert.Equal(text == "plain" ? before + 1 : before, host.Stack.Log.Lines.Count);
    }

    private static SynFloodLog Flood(string text) => text switch
    {
        "port" => SynFloodLog.WithPort,
        "protocol" => SynFloodLog.WithProtocol,
        "plain" => SynFloodLog.Plain,
        "cookies" => SynFloodLog.CookiesOnly,
        _ => SynFloodLog.WithPeer,
    };

    private static TestHost Make(string layout)
    {
        var layouts = new Dictionary<string, CookieLayout>
        {
            ["2.0"] = CookieLayout.Linux20,
            ["2.2"] = CookieLayout.Linux22,
            ["2.6.32"] = CookieLayout.Linux2632,
            ["3.10"] = CookieLayout.Linux310,
            ["4.4"] = CookieLayout.Linux44,
        };
        var host = new TestHost(KernelProfile.Linux618 with { Cookies = layouts[layout] });
        host.Set("net.ipv4.tcp_syncookies", 2);
        return host;
    }

    private static Packet Syn(TestHost host, ushort port, int mss) => Assert.Single(host.Send(
        new Peer(host, port).SynPacket() with { Options = [2, 4, (byte)(mss >> 8), (byte)mss] }));

    private static int Kept(TestHost host, ushort port, int mss)
    {
        Packet reply = Syn(host, port, mss);
        host.Send(new Packet
        {
            SourcePort = port,
            Seq = Peer.Isn + 1,
            Ack = reply.Seq + 1,
            Flags = TcpFlags.Ack,
        });
        return host.Rows().Single(row => row.Remote.Port == port).SynCookie!.Value.Mss;
    }
}

/// <summary>Four hashes side by side are the same hashes.</summary>
public sealed class SipHashLanesTests
{
    [Fact]
    public void Each_lane_is_the_hash_of_its_own_key_and_message()
    {
        var chance = new Chance(Chance.Spread(7), ChanceStream.Program);
        for (int i = 0; i < 100; i++)
        {
            ulong[] words = [.. Enumerable.Range(0, 16).Select(_ => chance.Next())];
            Vector256<ulong> hashes = SipHashLanes.Hash(
                new SipHashLanes.Keys(Vector256.Create(words), Vector256.Create(words, 4)),
                Vector256.Create(words, 8), Vector256.Create(words, 12));
            for (int lane = 0; lane < 4; lane++)
            {
                Assert.Equal(
                    SipHash.Hash(words[lane], words[lane + 4], words[lane + 8], words[lane + 12]), hashes[lane]);
            }
        }
    }
}
