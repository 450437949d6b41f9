using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;

using Xunit;

namespace Earshot.Links.Tests;

public sealed class PcapngWriterTests
{
    // An ICMP echo request from 192.0.2.1 to 192.0.2.2, both checksums right.
    private static readonly byte[] Echo = Convert.FromHexString(
        "4500001c000000004001f6dd" + "c0000201" + "c0000202" + "0800f7fd" + "00010001");

    [Fact]
    public void A_capture_starts_with_a_section_and_its_interfaces()
    {
        MemoryStream stream = new();
        using (PcapngWriter writer = new(stream, leaveOpen: true))
        {
            Assert.Equal(0, writer.AddInterface("tun0"));
            Assert.Equal(1, writer.AddInterface("tun1"));
        }

        string[] expected =
        [
            "0A0D0D0A" + "2C000000" + "4D3C2B1A" + "01000000" + "FFFFFFFFFFFFFFFF"
                + "04000700" + Convert.ToHexString("Earshot"u8) + "00" + "00000000" + "2C000000",
            "01000000" + "28000000" + "6500" + "0000" + "00000000"
                + "02000400" + Convert.ToHexString("tun0"u8) + "09000100" + "09000000" + "00000000" + "28000000",
            "01000000" + "28000000" + "6500" + "0000" + "00000000"
                + "02000400" + Convert.ToHexString("tun1"u8) + "09000100" + "09000000" + "00000000" + "28000000",
        ];
        Assert.Equal(string.Concat(expected), Convert.ToHexString(stream.ToArray()));
    }

    [Fact]
    public void A_packet_carries_its_time_comment_and_direction()
    {
        byte[] block = PacketBlock(0x0123_4567_89AB_CDEF, [0x45, 1, 2, 3, 4], "dïd", PacketDirection.Outbound);
        string expected = "06000000" + "3C000000" + "00000000" + "67452301" + "EFCDAB89" + "05000000" + "05000000"
            + "45010203" + "04000000"
            + "01000400" + Convert.ToHexString("dïd"u8)
            + "02000400" + "02000000"
            + "00000000" + "3C000000";
        Assert.Equal(expected, Convert.ToHexString(block));
    }

    [Fact]
    public void A_packet_without_anything_to_say_has_no_options()
    {
        byte[] block = PacketBlock(1, [1, 2, 3, 4], null, PacketDirection.Unknown);
        Assert.Equal(36, block.Length);
        Assert.Equal(36u, BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(4)));
    }

    [Fact]
    public void A_comment_that_is_too_long_is_cut_between_characters()
    {
        byte[] block = PacketBlock(1, [1, 2, 3, 4], new string('…', 30_000), PacketDirection.Unknown);
        int length = BinaryPrimitives.ReadUInt16LittleEndian(block.AsSpan(34));
        Assert.Equal(65_535, length);
        Assert.Equal(new string('…', 65_535 / 3), Encoding.UTF8.GetString(block, 36, length));

        byte[] odd = PacketBlock(1, [1, 2, 3, 4], "x" + new string('…', 30_000), PacketDirection.Unknown);
        Assert.Equal(65_533, BinaryPrimitives.ReadUInt16LittleEndian(odd.AsSpan(34)));
    }

    [Fact]
    public void A_large_packet_is_written_whole()
    {
        byte[] packet = Enumerable.Range(0, 65_575).Select(i => (byte)(i * 3)).ToArray();
        byte[] block = PacketBlock(1, packet, "large", PacketDirection.Inbound);
        Assert.Equal(packet, block[28..(28 + packet.Length)]);
        Assert.Equal((uint)block.Length, BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(block.Length - 4)));
    }

    [Fact]
    public void Writing_a_packet_allocates_nothing()
    {
        using PcapngWriter writer = new(Stream.Null);
        int id = writer.AddInterface("a");
        byte[] packet = new byte[1500];
        writer.Write(id, 1, packet, "a comment", PacketDirection.Inbound);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            writer.Write(id, i, packet, "a comment", PacketDirection.Inbound);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(1001, writer.PacketCount);
    }

    [Fact]
    public void Interfaces_and_times_that_cannot_be_are_refused()
    {
        using PcapngWriter writer = new(new MemoryStream());
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(0, 0, Echo));
        writer.AddInterface("a");
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(-1, 0, Echo));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(0, -1, Echo));
        writer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => writer.Write(0, 0, Echo));
    }

    [Fact]
    public void Disposal_closes_the_stream_unless_it_is_to_stay_open()
    {
        MemoryStream closed = new(), open = new();
        new PcapngWriter(closed).Dispose();
        new PcapngWriter(open, leaveOpen: true).Dispose();
        Assert.False(closed.CanWrite);
        Assert.True(open.CanWrite);
    }

    [Fact]
    public async Task Several_threads_write_whole_blocks()
    {
        MemoryStream stream = new();
        PcapngWriter writer = new(stream, leaveOpen: true);
        writer.AddInterface("a");
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                writer.Write(0, i, Echo.AsSpan(0, (i % Echo.Length) + 1), $"thread {thread}");
            }
        })));
        writer.Dispose();
        Assert.Equal(4000 + 2, Blocks(stream.ToArray()).Count);
    }

    [TsharkFact]
    public void Tshark_reads_times_comments_directions_and_interfaces_back()
    {
        string file = Path.Combine(Path.GetTempPath(), $"earshot-{Guid.NewGuid():N}.pcapng");
        try
        {
            using (PcapngWriter writer = new(File.Create(file)))
            {
                int first = writer.AddInterface("west"), second = writer.AddInterface("east");
                writer.Write(first, 1_700_000_000_123_456_789, Echo, "Dropped: accept queue full (6 > 5), ü");
                writer.Write(second, 1_700_000_001_000_000_001, Echo, null, PacketDirection.Outbound);
                writer.Write(first, 5, Echo, "at 5 ns", PacketDirection.Inbound);
            }

            string[] lines = Tshark(
                "-r", file, "-T", "fields", "-E", "separator=|", "-e", "frame.time_epoch", "-e", "frame.interface_name",
                "-e", "frame.comment", "-e", "frame.packet_flags_direction", "-e", "ip.src", "-e", "icmp.type",
                "-e", "icmp.checksum.status", "-o", "ip.check_checksum:TRUE");
            Assert.Equal(3, lines.Length);
            Assert.Contains("123456789", lines[0], StringComparison.Ordinal);
            Assert.Contains(
                "|west|Dropped: accept queue full (6 > 5), ü||192.0.2.1|8|", lines[0], StringComparison.Ordinal);
            Assert.Contains("000000001|east||", lines[1], StringComparison.Ordinal);
            Assert.Contains("000000005|west|at 5 ns|", lines[2], StringComparison.Ordinal);
            Assert.Equal(["2", "1"], lines[1..].Select(line => Last(line.Split('|')[3])));
            Assert.All(lines, line => Assert.EndsWith("|1", line, StringComparison.Ordinal));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string Last(string hex) => hex.Length == 0 ? hex : hex[^1..];

    private static byte[] PacketBlock(long time, byte[] packet, string? comment, PacketDirection direction)
    {
        MemoryStream stream = new();
        using PcapngWriter writer = new(stream);
        writer.AddInterface("a");
        writer.Write(0, time, packet, comment, direction);
        return Blocks(stream.ToArray())[^1];
    }

    private static List<byte[]> Blocks(byte[] capture)
    {
        List<byte[]> blocks = [];
        for (int at = 0; at < capture.Length;)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(capture.AsSpan(at + 4));
            Assert.Equal(length, BinaryPrimitives.ReadInt32LittleEndian(capture.AsSpan(at + length - 4)));
            blocks.Add(capture[at..(at + length)]);
            at += length;
        }

        return blocks;
    }

    private static string[] Tshark(params string[] arguments)
    {
        ProcessStartInfo start = new("tshark", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        using Process process = Process.Start(start)!; // Null only when a process is reused, which a command is not.
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors.Result);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
