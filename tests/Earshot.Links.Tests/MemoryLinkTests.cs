using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

using Xunit;

namespace Earshot.Links.Tests;

public sealed class MemoryLinkTests
{
    private const LinkOffload AllOffload = LinkOffload.Checksum | LinkOffload.Segmentation;
    private static readonly LinkPacketInfo Plain = new(LinkPacketFlags.None);

    [Fact]
    public void Packets_arrive_in_order_with_their_bytes()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair(mtu: 100, capacityPackets: 7);
        using (a)
        using (b)
        {
            byte[] buffer = new byte[200];
            for (int round = 0; round < 50; round++)
            {
                for (int i = 1; i <= 5; i++)
                {
                    Assert.True(a.TrySend(Packet(round + i, length: i * 20), Plain));
                }

                for (int i = 1; i <= 5; i++)
                {
                    Assert.Equal(i * 20, b.Receive(buffer, out _));
                    Assert.Equal(Packet(round + i, i * 20), buffer[..(i * 20)]);
                }

                Assert.Equal(0, b.Receive(buffer, out _));
            }
        }
    }

    [Fact]
    public void A_pipe_that_counts_is_done_with_what_the_other_end_received()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair(capacityPackets: 4, offload: LinkOffload.Completion);
        using (a)
        using (b)
        {
            a.TrySend(Packet(1, 40), Plain);
            a.TrySend(Packet(2, 40), Plain);
            a.TrySend(Packet(3, 1501), Plain);
            Assert.Equal(1, a.SendCompleted);
            Assert.False(a.Wait(TimeSpan.Zero));
            byte[] buffer = new byte[2000];
            Assert.Equal(40, b.Receive(buffer, out _));
            Assert.True(a.Wait(TimeSpan.FromSeconds(10)));
            Assert.Equal(2, a.SendCompleted);
            Assert.False(a.Wait(TimeSpan.Zero));
            Assert.Equal(40, b.Receive(buffer, out _));
            Assert.Equal(3, a.SendCompleted);
        }
    }

    [Fact]
    public void The_two_directions_are_apart()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair();
        using (a)
        using (b)
        {
            a.TrySend(Packet(1, 40), Plain);
            b.TrySend(Packet(2, 60), Plain);
            byte[] buffer = new byte[2000];
            Assert.Equal(60, a.Receive(buffer, out _));
            Assert.Equal(0, a.Receive(buffer, out _));
            Assert.Equal(40, b.Receive(buffer, out _));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public void A_full_link_refuses_and_keeps_what_it_has(int capacity)
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair(capacityPackets: capacity);
        using (a)
        using (b)
        {
            for (int i = 0; i < capacity; i++)
            {
                Assert.True(a.TrySend(Packet(i, 40), Plain));
            }

            Assert.False(a.TrySend(Packet(99, 40), Plain));
            byte[] buffer = new byte[100];
            Assert.Equal(40, b.Receive(buffer, out _));
            Assert.Equal(Packet(0, 40), buffer[..40]);
            Assert.True(a.TrySend(Packet(100, 40), Plain));
            Assert.False(a.TrySend(Packet(101, 40), Plain));
            Assert.Equal(0, a.SendDropped);
        }
    }

    [Fact]
    public void What_is_known_about_a_packet_travels_with_it()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair(offload: AllOffload);
        using (a)
        using (b)
        {
            LinkPacketInfo super = new(LinkPacketFlags.ChecksumPartial, 1448, 20, 16);
            LinkPacketInfo good = new(LinkPacketFlags.ChecksumGood);
            Assert.True(a.TrySend(Packet(1, 60_000), super));
            Assert.True(a.TrySend(Packet(2, 1500), good));
            byte[] buffer = new byte[LinkPacketInfo.MaxPacketLength];
            Assert.Equal(60_000, b.Receive(buffer, out LinkPacketInfo first));
            Assert.Equal(super, first);
            Assert.Equal(Packet(1, 60_000), buffer[..60_000]);
            Assert.Equal(1500, b.Receive(buffer, out LinkPacketInfo second));
            Assert.Equal(good, second);
        }
    }

    [Fact]
    public void A_packet_larger_than_the_buffer_is_dropped_and_counted()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair();
        using (a)
        using (b)
        {
            a.TrySend(Packet(1, 101), Plain);
            a.TrySend(Packet(2, 100), Plain);
            byte[] buffer = new byte[100];
            Assert.Equal(100, b.Receive(buffer, out _));
            Assert.Equal(Packet(2, 100), buffer);
            Assert.Equal(1, b.ReceiveOversized);
        }
    }

    [Fact]
    public void A_packet_longer_than_the_MTU_is_dropped_and_counted()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair(mtu: 100);
        using (a)
        using (b)
        {
            Assert.True(a.TrySend(new byte[101], Plain));
            Assert.True(a.TrySend([], Plain));
            Assert.Equal(2, a.SendDropped);
            Assert.Equal(0, b.Receive(new byte[200], out _));
        }
    }

    [Theory]
    [InlineData(LinkOffload.None, LinkPacketFlags.ChecksumPartial, 0)]
    [InlineData(LinkOffload.Checksum, LinkPacketFlags.ChecksumPartial, 1448)]
    [InlineData(AllOffload, LinkPacketFlags.None, 1448)]
    public void Work_the_link_does_not_do_is_the_callers_error(LinkOffload offload, LinkPacketFlags flags, int size)
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair(offload: offload);
        using (a)
        using (b)
        {
            Assert.Throws<ArgumentException>(
                () => a.TrySend(new byte[100], new LinkPacketInfo(flags, (ushort)size, 20, 16)));
        }
    }

    [Fact]
    public void A_checksum_outside_the_packet_is_the_callers_error()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair(offload: AllOffload);
        using (a)
        using (b)
        {
            LinkPacketInfo beyond = new(LinkPacketFlags.ChecksumPartial, 0, 20, 19);
            Assert.Throws<ArgumentException>(() => a.TrySend(new byte[40], beyond));
            Assert.True(a.TrySend(new byte[41], beyond));
        }
    }

    [Fact]
    public void Waiting_ends_at_once_when_a_packet_is_there()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair();
        using (a)
        using (b)
        {
            Assert.False(b.Wait(TimeSpan.Zero));
            a.TrySend(Packet(1, 40), Plain);
            Assert.True(b.Wait(Timeout.InfiniteTimeSpan));
            Assert.True(b.Wait(TimeSpan.Zero));
        }
    }

    [Fact]
    public async Task A_sleeping_peer_is_woken_by_a_packet()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair();
        using (a)
        using (b)
        {
            Task<bool> sleeper = Task.Run(() => b.Wait(TimeSpan.FromSeconds(20)));
            await Task.Delay(50);
            Assert.False(sleeper.IsCompleted);
            a.TrySend(Packet(1, 40), Plain);
            Assert.True(await sleeper.WaitAsync(TimeSpan.FromSeconds(10)));
        }
    }

    [Fact]
    public async Task A_wake_ends_the_wait_under_way()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair();
        using (a)
        using (b)
        {
            Task<bool> sleeper = Task.Run(() => a.Wait(Timeout.InfiniteTimeSpan));
            await Task.Delay(50);
            a.Wake();
            Assert.True(await sleeper.WaitAsync(TimeSpan.FromSeconds(10)));
        }
    }

    [Fact]
    public void A_wake_lasts_until_one_wait_has_used_it_up()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair();
        using (a)
        using (b)
        {
            a.Wake();
            a.Wake();
            Assert.True(a.Wait(Timeout.InfiniteTimeSpan));
            Assert.False(a.Wait(TimeSpan.FromMilliseconds(1)));
            a.Wake();
            Assert.True(a.Wait(TimeSpan.Zero));
            Assert.False(a.Wait(TimeSpan.Zero));
        }
    }

    [LinuxFact]
    public void A_wait_below_a_millisecond_is_not_rounded_up()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair();
        using (a)
        using (b)
        {
            List<double> times = [];
            for (int i = 0; i < 101; i++)
            {
                long start = Stopwatch.GetTimestamp();
                Assert.False(a.Wait(TimeSpan.FromMicroseconds(200)));
                times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            }

            times.Sort();
            Assert.True(times[0] >= 200, $"shortest {times[0]} µs");
            // Single waits may be long on a busy machine; a wait in milliseconds would make all of them so.
            Assert.True(times[10] < 900, $"10th percentile {times[10]} µs");
        }
    }

    [Fact]
    public async Task A_refused_sender_is_woken_when_there_is_room()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair(capacityPackets: 4);
        using (a)
        using (b)
        {
            while (a.TrySend(Packet(1, 40), Plain))
            {
            }

            Task<bool> sleeper = Task.Run(() => a.Wait(TimeSpan.FromSeconds(20)));
            await Task.Delay(50);
            Assert.False(sleeper.IsCompleted);
            byte[] buffer = new byte[100];
            while (b.Receive(buffer, out _) > 0)
            {
            }

            Assert.True(await sleeper.WaitAsync(TimeSpan.FromSeconds(10)));
            Assert.False(a.Wait(TimeSpan.Zero));
            Assert.True(a.TrySend(Packet(1, 40), Plain));
        }
    }

    [Fact]
    public async Task Disposal_ends_the_wait_under_way()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair();
        using (b)
        {
            Task<bool> sleeper = Task.Run(() => a.Wait(Timeout.InfiniteTimeSpan));
            await Task.Delay(50);
            a.Dispose();
            await sleeper.WaitAsync(TimeSpan.FromSeconds(10));
            Assert.Throws<ObjectDisposedException>(() => a.Wait(TimeSpan.Zero));
            a.Wake();
            a.Dispose();
        }
    }

    [Fact]
    public void What_is_sent_to_an_end_that_is_gone_is_dropped_and_counted()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair();
        using (a)
        {
            a.TrySend(Packet(1, 40), Plain);
            b.Dispose();
            Assert.True(a.TrySend(Packet(2, 40), Plain));
            Assert.Equal(1, a.SendDropped);
            Assert.Throws<ObjectDisposedException>(() => b.Receive(new byte[100], out _));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(64)]
    public async Task Two_threads_lose_nothing_and_never_sleep_through_a_packet(int capacity)
    {
        const int count = 100_000;
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair(mtu: 1500, capacity, AllOffload);
        using (a)
        using (b)
        {
            Task sender = Task.Factory.StartNew(() => SendNumbered(a, count), TaskCreationOptions.LongRunning);
            Task receiver = Task.Factory.StartNew(() => ReceiveNumbered(b, count), TaskCreationOptions.LongRunning);
            await Task.WhenAll(sender, receiver).WaitAsync(TimeSpan.FromSeconds(60));
            Assert.Equal(0, a.SendDropped + b.ReceiveOversized);
        }
    }

    [Fact]
    public async Task No_wake_of_many_is_lost()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair();
        using (a)
        using (b)
        {
            const int count = 100_000;
            int asked = 0;
            Task pump = Task.Factory.StartNew(
                () =>
                {
                    while (Volatile.Read(ref asked) < count)
                    {
                        Assert.True(a.Wait(TimeSpan.FromSeconds(20)), "a wake was lost");
                    }
                },
                TaskCreationOptions.LongRunning);
            for (int i = 0; i < count; i++)
            {
                Interlocked.Increment(ref asked);
                a.Wake();
                if (i % 64 == 0)
                {
                    Thread.Yield();
                }
            }

            await pump.WaitAsync(TimeSpan.FromSeconds(30));
        }
    }

    [Fact]
    public void Steady_traffic_allocates_nothing()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair(capacityPackets: 64, offload: AllOffload);
        using (a)
        using (b)
        {
            byte[] packet = new byte[1500], super = new byte[65_000], buffer = new byte[LinkPacketInfo.MaxPacketLength];
            void Round()
            {
                for (int i = 0; i < 32; i++)
                {
                    a.TrySend(packet, Plain);
                    a.TrySend(super, new LinkPacketInfo(LinkPacketFlags.ChecksumPartial, 1448, 20, 16));
                }

                b.Wait(TimeSpan.FromSeconds(1));
                while (b.Receive(buffer, out _) > 0)
                {
                }

                b.Wait(TimeSpan.FromMicroseconds(1));
            }

            // The first round makes the blocks, the second makes room to keep those that come back.
            Round();
            Round();
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++)
            {
                Round();
            }

            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    [Theory]
    [InlineData(67, 1)]
    [InlineData(65_576, 1)]
    [InlineData(1500, 0)]
    [InlineData(1500, MemoryLink.MaxCapacity + 1)]
    public void Sizes_out_of_range_are_refused(int mtu, int capacity) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => MemoryLink.CreatePair(mtu, capacity));

    [Fact]
    public void A_negative_timeout_is_refused()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair();
        using (a)
        using (b)
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => a.Wait(TimeSpan.FromTicks(-1)));
        }
    }

    private static byte[] Packet(int seed, int length) =>
        Enumerable.Range(0, length).Select(i => (byte)((i * 7) + seed)).ToArray();

    private static int NumberedLength(int number) => number % 1000 == 0 ? 30_000 : 8 + (number % 1400);

    private static void SendNumbered(MemoryLink link, int count)
    {
        byte[] packet = new byte[30_000];
        for (int i = 0; i < count; i++)
        {
            int length = NumberedLength(i);
            BinaryPrimitives.WriteInt32LittleEndian(packet, i);
            packet[length - 1] = (byte)i;
            LinkPacketInfo info = length > 1500 ? new(LinkPacketFlags.ChecksumPartial, 1448, 20, 16) : Plain;
            while (!link.TrySend(packet.AsSpan(0, length), info))
            {
                Assert.True(link.Wait(TimeSpan.FromSeconds(20)), "the sender slept through free room");
            }
        }
    }

    private static void ReceiveNumbered(MemoryLink link, int count)
    {
        byte[] buffer = new byte[LinkPacketInfo.MaxPacketLength];
        for (int i = 0; i < count; i++)
        {
            int length;
            while ((length = link.Receive(buffer, out _)) == 0)
            {
                Assert.True(link.Wait(TimeSpan.FromSeconds(20)), "the receiver slept through a packet");
            }

            Assert.Equal(NumberedLength(i), length);
            Assert.Equal(i, BinaryPrimitives.ReadInt32LittleEndian(buffer));
            Assert.Equal((byte)i, buffer[length - 1]);
        }
    }
}
