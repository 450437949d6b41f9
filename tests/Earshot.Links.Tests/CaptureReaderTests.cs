using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Xunit;

namespace Earshot.Links.Tests;

/// <summary>Captures are read as tcpdump and Wireshark write them, and never beyond their limits.</summary>
public sealed class CaptureReaderTests
{
    private static readonly byte[] Packet = [0x45, 0, 0, 20, .. new byte[16]];

    [Fact]
    public void What_our_own_writer_wrote_is_read_with_its_times()
    {
        using var file = new MemoryStream();
        using (var writer = new PcapngWriter(file, leaveOpen: true))
        {
            int first = writer.AddInterface("a");
            int second = writer.AddInterface("b");
            writer.Write(first, 1_234_567_890_123, Packet, "a comment", PacketDirection.Inbound);
            writer.Write(second, 5, Packet.AsSpan(0, 19));
        }

        List<CapturedPacket> read = Read(file.ToArray(), out _);
        Assert.Equal([1_234_567_890_123, 5], read.Select(packet => packet.TimeNanoseconds));
        Assert.Equal([0, 1], read.Select(packet => packet.Interface));
        Assert.All(read, packet => Assert.Equal(CapturedPacket.RawIp, packet.LinkType));
        Assert.Equal([20, 19], read.Select(packet => packet.OriginalLength));
    }

    [Theory]
    [InlineData(false, false, 7_000_000_123_000)]
    [InlineData(true, false, 7_000_000_123_000)]
    [InlineData(false, true, 7_000_000_000_123)]
    [InlineData(true, true, 7_000_000_000_123)]
    public void A_pcap_of_either_byte_order_and_resolution_is_read(bool big, bool nano, long time)
    {
        List<CapturedPacket> read = Read(Pcap(big, nano, 1, [new byte[12], [8, 0], Packet]), out byte[][] bytes);
        CapturedPacket packet = Assert.Single(read);
        Assert.Equal((time, 1, 34), (packet.TimeNanoseconds, packet.LinkType, bytes[0].Length));
    }

    [Theory]
    [InlineData(1, 14, true)]
    [InlineData(101, 0, true)]
    [InlineData(113, 16, true)]
    [InlineData(147, 0, false)]
    public void The_IP_packet_is_found_behind_the_link_s_header(int linkType, int header, bool found)
    {
        byte[] front = new byte[header];
        if (header > 0)
        {
            front[^2] = 8;
        }

        using CaptureReader reader = CaptureReader.Open(
            new MemoryStream(Pcap(false, false, linkType, [front, Packet])));
        Assert.True(reader.TryRead(out CapturedPacket packet));
        Assert.Equal(found, packet.TryGetIpPacket(out ReadOnlyMemory<byte> ip));
        Assert.Equal(found ? Packet : [], ip.ToArray());
    }

    [Fact]
    public void Lengths_beyond_the_limits_are_refused_without_taking_memory()
    {
        byte[] pcap = Pcap(false, false, 1, [Packet]);
        BinaryPrimitives.WriteUInt32LittleEndian(pcap.AsSpan(24 + 8), 0x7fffffff);
        using CaptureReader reader = CaptureReader.Open(new MemoryStream(pcap));
        Assert.Throws<InvalidDataException>(() => reader.TryRead(out _));
        Assert.Throws<InvalidDataException>(() => CaptureReader.Open(new MemoryStream([1, 2, 3, 4, 5])));
        Assert.Throws<InvalidDataException>(() => CaptureReader.Open(new MemoryStream()));
    }

    [Fact]
    public void Damaged_captures_end_in_one_kind_of_exception()
    {
        using var file = new MemoryStream();
        using (var writer = new PcapngWriter(file, leaveOpen: true))
        {
            writer.AddInterface("a");
            writer.Write(0, 5, Packet, "x", PacketDirection.Outbound);
            writer.Write(0, 6, Packet);
        }

        byte[][] seeds = [file.ToArray(), Pcap(true, false, 1, [Packet])];
        uint state = 12345;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = [.. seeds[i % 2]];
            for (int flips = 1 + (i % 3); flips > 0; flips--)
            {
                bytes[Draw(bytes.Length)] = (byte)Draw(256);
            }

            try
            {
                using CaptureReader reader = CaptureReader.Open(new MemoryStream(bytes));
                for (int n = 0; n < 10 && reader.TryRead(out CapturedPacket packet); n++)
                {
                    Assert.InRange(packet.Bytes.Length, 0, CaptureReader.MaxBlockLength);
                }
            }
            catch (InvalidDataException)
            {
            }
        }

        int Draw(int below)
        {
            state = (state * 1664525) + 1013904223;
            return (int)((state >> 8) % (uint)below);
        }
    }

    [Fact]
    public void A_replay_gives_the_packets_in_order_and_then_is_over()
    {
        using var file = new MemoryStream();
        using (var writer = new PcapngWriter(file, leaveOpen: true))
        {
            writer.AddInterface("a");
            for (int i = 0; i < 5; i++)
            {
                writer.Write(0, i * 1_000_000L, Packet.AsSpan(0, 20 - i));
            }
        }

        file.Position = 0;
        using var link = new ReplayLink(CaptureReader.Open(file), new ReplayOptions { Speed = 10 });
        byte[] buffer = new byte[100];
        List<int> lengths = [];
        while (!link.IsOver)
        {
            int length = link.Receive(buffer, out _);
            if (length > 0)
            {
                lengths.Add(length);
            }
            else if (!link.IsOver)
            {
                link.Wait(TimeSpan.FromSeconds(1));
            }
        }

        Assert.Equal([20, 19, 18, 17, 16], lengths);
        Assert.True(link.TrySend(Packet, default));
        Assert.Equal((5, 1), (link.Replayed, link.SendDropped));
    }

    private static byte[] Pcap(bool big, bool nano, int linkType, byte[][] parts)
    {
        byte[] packet = [.. parts.SelectMany(part => part)];
        byte[] file = new byte[24 + 16 + packet.Length];
        uint[] words =
        [
            nano ? 0xa1b23c4d : 0xa1b2c3d4, 0, 0, 0, 65535, (uint)linkType,
            7000, 123, (uint)packet.Length, (uint)packet.Length,
        ];
        for (int i = 0; i < words.Length; i++)
        {
            if (big)
            {
                BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(4 * i), words[i]);
            }
            else
            {
                BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(4 * i), words[i]);
            }
        }

        packet.CopyTo(file, 40);
        return file;
    }

    private static List<CapturedPacket> Read(byte[] file, out byte[][] bytes)
    {
        using CaptureReader reader = CaptureReader.Open(new MemoryStream(file));
        List<CapturedPacket> packets = [];
        List<byte[]> contents = [];
        while (reader.TryRead(out CapturedPacket packet))
        {
            packets.Add(packet);
            contents.Add(packet.Bytes.ToArray());
        }

        bytes = [.. contents];
        return packets;
    }
}
