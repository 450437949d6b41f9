using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Earshot.Monitor.Processes;
using Earshot.Monitor.Reading;
using Xunit;

namespace Earshot.Monitor.Tests.Reading;

/// <summary>What the kernel's bytes say, also when some are missing.</summary>
public sealed class DiagTests
{
    [Fact]
    public void Drops_of_a_kernel_without_the_word_are_unknown()
    {
        byte[] old = [.. Row(), .. Attribute(7, new byte[32])];

        Assert.True(DiagRow.TryParse(old, out DiagRow row));
        Assert.Null(row.Drops);
        Assert.Null(DiagRow.HotDrops(old));
        Assert.Null(row.Cgroup);
        Assert.Null(row.V6Only);
    }

    [Fact]
    public void Drops_are_the_ninth_word_of_the_memory_attribute()
    {
        byte[] memory = new byte[36];
        memory[32] = 42;
        byte[] message = [.. Row(), .. Attribute(8, [0]), .. Attribute(7, memory)];

        Assert.True(DiagRow.TryParse(message, out DiagRow row));
        Assert.Equal(42u, row.Drops);
        Assert.Equal(42u, DiagRow.HotDrops(message));
    }

    [Fact]
    public void A_row_of_random_bytes_crashes_nothing()
    {
        var random = new Random(1);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = new byte[random.Next(0, 200)];
            random.NextBytes(bytes);
            _ = DiagRow.TryParse(bytes, out _);
            _ = UnixRow.TryParse(bytes, out _);
            if (bytes.Length >= DiagRow.Length)
            {
                _ = DiagRow.HotDrops(bytes);
            }

            ReadOnlySpan<byte> rest = bytes;
            while (DiagProtocol.TryNext(ref rest, out _, out _, out _))
            {
            }
        }
    }

    [Fact]
    public void Counters_are_matched_by_name_and_a_torn_line_shifts_nothing()
    {
        var file = new CounterFile();
        var values = new List<long>();

        file.Parse(Encoding.ASCII.GetBytes("TcpExt: A B C\nTcpExt: 1 2\nIpExt: D\nIpExt: 4\n"), values);

        Assert.Equal(["TcpExtA", "TcpExtB", "TcpExtC", "IpExtD"], file.Keys);
        Assert.Equal([1, 2, 0, 4], values);
    }

    [Theory]
    [InlineData("0::/system.slice/nginx.service", "nginx.service", null)]
    [InlineData("0::/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope", null,
        "0123456789ab")]
    [InlineData("0::/", null, null)]
    [InlineData("2:cpu:/\n0::/user.slice/session-3.scope", "session-3.scope", null)]
    public void A_cgroup_names_unit_and_container(string text, string? unit, string? container)
    {
        Cgroup cgroup = Cgroup.Parse(text);

        Assert.Equal(unit, cgroup.Unit);
        Assert.Equal(container, cgroup.Container);
    }

    [Fact]
    public void Members_of_a_dump_that_come_twice_are_one()
    {
        var tally = new SynRecvTally();
        byte[] row = Row(state: 3, cookie: 9);
        tally.Take(row);
        tally.Take(row);
        tally.Take(Row(state: 3, cookie: 10));

        Assert.Equal(2, tally.Groups().Single().Count);
    }

    private static byte[] Row(byte state = 10, ulong cookie = 5)
    {
        byte[] row = new byte[DiagRow.Length];
        row[0] = DiagProtocol.Inet;
        row[1] = state;
        BinaryPrimitives.WriteUInt16BigEndian(row.AsSpan(4), 80);
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(44), cookie);
        return row;
    }

    private static byte[] Attribute(ushort type, byte[] value)
    {
        byte[] attribute = new byte[(4 + value.Length + 3) & ~3];
        BinaryPrimitives.WriteUInt16LittleEndian(attribute, (ushort)(4 + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(attribute.AsSpan(2), type);
        value.CopyTo(attribute, 4);
        return attribute;
    }
}
