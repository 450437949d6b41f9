using System;
using System.Buffers.Binary;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests;

[Trait("Linux", "__tcp_fastopen_cookie_gen_cipher")]
public sealed class FastOpenKeyTests
{
    // As the host's kernel (6.18.44) gave them out under this key; see docs/linux-facts.md.
    [Theory]
    [InlineData("10.9.0.2", "10.9.0.1", "b577c561d89657ab")]
    [InlineData("fd00::2", "fd00::1", "189aa79a4316153b")]
    public void A_cookie_is_the_one_that_the_kernel_gives_for_the_same_key(string client, string server, string cookie)
    {
        Assert.True(FastOpenKey.TryParse("00112233-44556677-8899aabb-ccddeeff", out byte[] key));
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(
            bytes, FastOpenKey.Cookie(key, InetAddress.Parse(client), InetAddress.Parse(server)));
        Assert.Equal(cookie, Convert.ToHexStringLower(bytes));
    }

    [Theory]
    [Trait("Linux", "proc_tcp_fastopen_key")]
    [InlineData("00112233-44556677-8899aabb-ccddeeff\n", "00112233-44556677-8899aabb-ccddeeff")]
    [InlineData("0-0-0-0", "00000000-00000000-00000000-00000000")]
    [InlineData(" 1- 2-3-4 x", "00000001-00000002-00000003-00000004")]
    [InlineData("1-2-3-4-5", "00000001-00000002-00000003-00000004")]
    [InlineData("0x1-2-3-FFFFFFFF", "00000001-00000002-00000003-ffffffff")]
    [InlineData("123456789-2-3-4", "23456789-00000002-00000003-00000004")]
    [InlineData(
        "1-2-3-4, 5-6-7-8,9",
        "00000001-00000002-00000003-00000004,00000005-00000006-00000007-00000008")]
    [InlineData("1-2-3", null)]
    [InlineData("zz", null)]
    [InlineData("+1-2-3-4", null)]
    [InlineData("1 -2-3-4", null)]
    [InlineData("1-2-3-4,", null)]
    [InlineData("1-2-3-4,5-6-7", null)]
    [InlineData(",1-2-3-4", null)]
    public void A_key_is_read_as_scanf_reads_it(string text, string? shown)
    {
        Assert.Equal(shown is not null, FastOpenKey.TryParse(text, out byte[] key));
        Assert.Equal(shown ?? FastOpenKey.Show(key), FastOpenKey.Show(key));
    }

    [Fact]
    public void Without_a_key_the_sysctl_shows_zeros() =>
        Assert.Equal("00000000-00000000-00000000-00000000", FastOpenKey.Show([]));
}
