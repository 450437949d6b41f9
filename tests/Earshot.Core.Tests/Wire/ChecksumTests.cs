using System;
using Earshot.Core.Wire;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Earshot.Core.Tests.Wire;

[Trait("RFC", "1071")]
public sealed class ChecksumTests
{
    private static readonly byte[] Data = Random(70_000, 3);

    [Fact]
    public void Every_length_at_every_alignment_has_the_sum_of_its_words()
    {
        for (int length = 0; length < 700; length++)
        {
            for (int start = 0; start < 9; start++)
            {
                ReadOnlySpan<byte> bytes = Data.AsSpan(start, length);
                Assert.Equal(Reference(bytes), Stored(Checksum.Finish(Checksum.Add(bytes))));
            }
        }
    }

    [Theory]
    [InlineData(1460)]
    [InlineData(8192)]
    [InlineData(8193)]
    [InlineData(65535)]
    public void A_copy_has_the_bytes_and_the_sum(int length)
    {
        byte[] target = new byte[length];
        ulong sum = Checksum.CopyAndAdd(Data.AsSpan(1, length), target, 0);
        Assert.Equal(Data[1..(length + 1)], target);
        Assert.Equal(Reference(target), Stored(Checksum.Finish(sum)));
    }

    [Fact]
    public void All_ones_do_not_overflow()
    {
        byte[] ones = new byte[65534];
        Array.Fill(ones, (byte)0xff);
        Assert.Equal(0, Checksum.Finish(Checksum.Add(ones)));
    }

    [Fact]
    public void A_sum_may_be_taken_in_even_pieces() =>
        Check.QuickThrowOnFailure(Prop.ForAll<byte[], int>((bytes, cut) =>
        {
            int at = bytes.Length == 0 ? 0 : (int)((uint)cut % (uint)bytes.Length) & ~1;
            ulong sum = Checksum.Add(bytes.AsSpan(at), Checksum.Add(bytes.AsSpan(0, at)));
            return Checksum.Finish(sum) == Checksum.Finish(Checksum.Add(bytes));
        }));

    [Fact]
    public void Data_with_its_own_checksum_is_valid_and_one_changed_bit_is_seen() =>
        Check.QuickThrowOnFailure(Prop.ForAll<byte[], int>((bytes, bit) =>
        {
            byte[] whole = [0, 0, 1, .. bytes];
            ushort sum = Reference(whole);
            (whole[0], whole[1]) = ((byte)(sum >> 8), (byte)sum);
            bool valid = Checksum.IsValid(Checksum.Add(whole));
            whole[(int)((uint)bit % (uint)whole.Length)] ^= (byte)(1 << (bit & 7));
            return valid && !Checksum.IsValid(Checksum.Add(whole));
        }));

    [Fact]
    public void The_pseudo_header_is_that_of_the_RFC()
    {
        ulong sum = Checksum.PseudoHeader(InetAddress.Parse("192.0.2.1"), InetAddress.Parse("198.51.100.7"), 6, 40);
        byte[] header = [192, 0, 2, 1, 198, 51, 100, 7, 0, 6, 0, 40];
        Assert.Equal(Reference(header), Stored(Checksum.Finish(sum)));
    }

    private static ushort Reference(ReadOnlySpan<byte> bytes) => (ushort)~Packet.Sum(bytes, 0);

    // Sums are kept in the machine's order; on the wire they are in network order.
    private static ushort Stored(ushort sum) =>
        BitConverter.IsLittleEndian ? (ushort)((sum << 8) | (sum >> 8)) : sum;

    private static byte[] Random(int length, ulong seed)
    {
        var chance = new Chance(Chance.Spread(seed), ChanceStream.Program);
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            bytes[i] = (byte)chance.Next();
        }

        return bytes;
    }
}
