using System;
using System.Text;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Wire;

/// <summary>Digests: RFC 1321's own, and packets that the host kernel 6.18 signed with the key "secret".</summary>
public sealed class SegmentSignatureTests
{
    [Theory]
    [InlineData("", "d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData("abc", "900150983cd24fb0d6963f7d28e17f72")]
    [InlineData("message digest", "f96b697d7cb7938d525a2f31aaf161d0")]
    [InlineData("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f")]
    [InlineData(
        "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
        "57edf4a22be3c955ac49da2e2107b67a")]
    [Trait("RFC", "1321 A.5")]
    public void Digests_are_those_of_the_RFC(string text, string expected)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        var digest = new byte[16];
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            Md5 md5 = Md5.Begin();
            md5.Add(bytes.AsSpan(0, cut));
            md5.Add(bytes.AsSpan(cut));
            md5.Finish(digest);
            Assert.Equal(expected, Convert.ToHexStringLower(digest));
        }
    }

    [Theory]
    [InlineData("45000048000040004006269c0a0900010a09000213880001de689e3600000065d012faf06fef0000010113121e686dadd72991"
        + "0a660edeeb55156cfb020405b4010104020103030a")]
    [InlineData("4500003cc2124000400664950a0900010a09000213880001de689e3700000068a010003f54c0000001011312bbdfe151f3eeaa"
        + "ed4e37df29285ec03a")]
    [InlineData("45000041c21340004006648f0a0900010a09000213880001de689e3700000068a018003f0778000001011312b951054023ce7a"
        + "52e699afb8219b46d168656c6c6f")]
    [Trait("Linux", "tcp_v4_md5_hash_skb")]
    public void Segments_are_signed_as_the_kernel_signs_them(string hex)
    {
        byte[] packet = Convert.FromHexString(hex);
        Assert.Equal(IpParseError.None, IpPacket.Parse(packet, out IpPacket ip));
        Assert.Equal(TcpParseError.None, TcpSegment.Parse(ip, false, 0, out TcpSegment segment));
        Assert.True(SegmentSignature.TryFind(segment.Options, out ReadOnlySpan<byte> digest));
        var expected = new byte[16];
        SegmentSignature.Compute(
            segment.Source, segment.Destination, segment.Whole, segment.HeaderLength, "secret"u8.ToArray(), expected);
        Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(digest));
    }
}
