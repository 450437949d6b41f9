using System;
using Earshot.Core.Wire;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Earshot.Core.Tests.Wire;

public sealed class PacketTests
{
    private static readonly byte[] Good =
        new Packet { SourcePort = 1, Flags = TcpFlags.Ack, Payload = [1, 2] }.ToBytes();

    [Fact]
    [Trait("Linux", "ip_rcv")]
    public void A_bad_IP_header_is_named_by_the_first_thing_wrong()
    {
        Assert.Equal(IpParseError.None, Parse(Good));
        Assert.Equal(IpParseError.Header, Parse(Good[..19]));
        Assert.Equal(IpParseError.Header, Parse(Changed(0, 0x55)));
        Assert.Equal(IpParseError.Header, Parse(Changed(0, 0x44)));
        Assert.Equal(IpParseError.HeaderTruncated, Parse(Changed(0, 0x4f)));
        Assert.Equal(IpParseError.Checksum, Parse(Changed(8, 1)));
        Assert.Equal(IpParseError.Truncated, Parse(Good[..^1]));
        Assert.Equal(IpParseError.TotalLength, Parse(Summed(Changed(3, 19))));

        // A wrong checksum is seen before a wrong length.
        Assert.Equal(IpParseError.Checksum, Parse(Changed(3, 19)));
        Assert.Equal(IpParseError.Truncated, Parse(Summed(Changed(3, 200))));
    }

    [Fact]
    [Trait("Linux", "ip_rcv")]
    public void Bytes_behind_the_total_length_are_cut_off()
    {
        byte[] bytes = [.. Good, 9, 9];
        Assert.Equal(IpParseError.None, IpPacket.Parse(bytes, out IpPacket packet));
        Assert.Equal(Good.Length, packet.Bytes.Length);
    }

    [Theory]
    [Trait("Linux", "tcp_v4_rcv")]
    [InlineData(0x40, TcpParseError.Header)]
    [InlineData(0x60, TcpParseError.Header)]
    [InlineData(0x50, TcpParseError.None)]
    public void A_data_offset_is_five_words_or_more_and_lies_in_the_packet(byte offset, TcpParseError error)
    {
        IpPacket.Parse(Summed(Changed(32, offset)), out IpPacket packet);
        Assert.Equal(error, TcpSegment.Parse(packet, false, 0, out _));
    }

    [Fact]
    [Trait("Linux", "tcp_v4_rcv")]
    public void A_wrong_TCP_checksum_is_refused_unless_the_link_vouches_for_it()
    {
        IpPacket.Parse(Changed(40, 99), out IpPacket packet);
        Assert.Equal(TcpParseError.Checksum, TcpSegment.Parse(packet, false, 0, out _));
        Assert.Equal(TcpParseError.None, TcpSegment.Parse(packet, true, 0, out _));
    }

    [Fact]
    [Trait("RFC", "9293 3.1")]
    public void What_is_written_is_read_again() =>
        Check.QuickThrowOnFailure(Prop.ForAll<ushort, uint, byte>(IsReadAgain));

    [Fact]
    [Trait("Linux", "tcp_parse_options")]
    public void No_option_list_makes_the_reader_fail() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll<byte[], bool>((list, small) =>
        {
            byte[] options = list.Length > 40 ? list[..40] : list;
            for (int i = 0; small && i < options.Length; i++)
            {
                options[i] %= 12;
            }

            return Options(options, TcpFlags.Syn).WindowScale <= TcpOptions.MaximumWindowScale;
        }));

    [Theory]
    [Trait("Linux", "tcp_parse_options")]
    [InlineData("020405b4", 1460, false, 0)]
    [InlineData("02040000", 0, false, 0)]
    [InlineData("020405b402040218", 536, false, 0)]
    [InlineData("020405b402040000", 1460, false, 0)]
    [InlineData("02030502040218", 536, false, 0)]
    [InlineData("00000000020405b4", 0, false, 0)]
    [InlineData("0303c800", 0, true, 14)]
    [InlineData("03010303", 0, false, 0)]
    [InlineData("01010101030303", 0, true, 3)]
    [InlineData("0204", 0, false, 0)]
    [InlineData("02", 0, false, 0)]
    [InlineData("fe04f989030307", 0, true, 7)]
    public void Options_are_read_as_far_as_they_are_sound(string hex, int mss, bool hasScale, int scale)
    {
        TcpOptions options = Options(Convert.FromHexString(hex), TcpFlags.Syn);
        Assert.Equal((mss, hasScale, scale), (options.Mss, options.HasWindowScale, options.WindowScale));
    }

    [Fact]
    [Trait("Linux", "tcp_parse_options")]
    public void MSS_and_window_scale_count_in_a_SYN_only() =>
        Assert.Equal(default, Options([2, 4, 5, 0xb4, 1, 3, 3, 7], TcpFlags.Ack));

    [Theory]
    [InlineData("10.0.0.1", 0x0a000001u)]
    [InlineData("255.255.255.255", 0xffffffffu)]
    [InlineData("0.0.0.0", 0u)]
    public void An_address_is_read_and_said(string text, uint bits)
    {
        Assert.Equal(bits, InetAddress.Parse(text).Bits);
        Assert.Equal(text, new InetAddress(bits).ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("1.2.3")]
    [InlineData("1.2.3.4.5")]
    [InlineData("1.2.3.256")]
    [InlineData("1.2.3.-1")]
    [InlineData("1..2.3")]
    [InlineData(" 1.2.3.4")]
    public void What_is_no_address_is_refused(string text) => Assert.False(InetAddress.TryParse(text, out _));

    [Fact]
    [Trait("RFC", "9293 3.4")]
    public void Sequence_numbers_compare_around_the_wrap()
    {
        var last = new SeqNumber(uint.MaxValue);
        Assert.True(last < last + 1);
        Assert.True(last + 1 > last);
        Assert.Equal(2, (last + 2) - last);
        Assert.True(new SeqNumber(0) <= new SeqNumber(0x7fffffff));
        Assert.False(new SeqNumber(0) >= new SeqNumber(1));
    }

    private static bool IsReadAgain(ushort port, uint number, byte bits)
    {
        bool timestamps = (bits & 2) != 0;
        bool scale = (bits & 8) != 0;
        var fields = new TcpFields
        {
            SourcePort = port,
            DestinationPort = (ushort)~port,
            Seq = new SeqNumber(number),
            Ack = new SeqNumber(~number),
            Flags = (TcpFlags)bits | TcpFlags.Syn,
            WindowField = port,
            Options = new TcpOptions
            {
                Mss = (ushort)(bits & 1),
                HasTimestamp = timestamps,
                TsVal = timestamps ? number : 0,
                TsEcr = timestamps ? port : 0u,
                SackPermitted = (bits & 4) != 0,
                HasWindowScale = scale,
                WindowScale = (byte)(scale ? bits % 15 : 0),
            },
        };
        byte[] bytes = new byte[20 + fields.HeaderLength];
        Span<byte> tcp = bytes.AsSpan(20);
        var ip = new IpFields(new InetAddress(number), new InetAddress(~number), 6, port, bits, 64, true);
        IpPacket.WriteHeader(bytes, ip, tcp.Length);
        bool lengths = fields.WriteHeader(tcp) == tcp.Length && tcp.Length % 4 == 0;
        bool parsed = IpPacket.Parse(bytes, out IpPacket packet) == IpParseError.None
            & TcpSegment.Parse(packet, true, 0, out TcpSegment segment) == TcpParseError.None;
        return lengths && parsed && packet.Source.Bits == number && packet.Identification == port
            && packet.Tos == bits && packet.DontFragment && !packet.IsFragment
            && segment.SourcePort == port && segment.DestinationPort == (ushort)~port
            && segment.Seq == fields.Seq && segment.Ack == fields.Ack && segment.Flags == fields.Flags
            && segment.WindowField == port && TcpOptions.Parse(segment).Equals(fields.Options);
    }

    private static TcpOptions Options(byte[] options, TcpFlags flags)
    {
        IpPacket.Parse(new Packet { Flags = flags, Options = options }.ToBytes(), out IpPacket packet);
        TcpSegment.Parse(packet, false, 0, out TcpSegment segment);
        return TcpOptions.Parse(segment);
    }

    private static IpParseError Parse(byte[] bytes) => IpPacket.Parse(bytes, out _);

    private static byte[] Changed(int at, byte value)
    {
        byte[] bytes = [.. Good];
        bytes[at] = value;
        return bytes;
    }

    private static byte[] Summed(byte[] bytes)
    {
        Packet.Finish(bytes);
        return bytes;
    }
}
