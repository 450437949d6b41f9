using System;
using System.Collections.Generic;
using Earshot.Core.Memory;
using Earshot.Core.Tcp.Established;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established;

public sealed class BufferTests
{
    private readonly Chance _chance = new(Chance.Spread(12), ChanceStream.Program);

    [Fact]
    public void A_send_buffer_is_a_stream()
    {
        var pool = new BufferPool();
        var buffer = default(SendBuffer);
        var model = new List<byte>();
        for (int step = 0; step < 2000; step++)
        {
            if (_chance.Happens(0.5) && model.Count < 60_000)
            {
                byte[] bytes = Peer.Bytes(1 + (int)_chance.Below(5000), step);
                buffer.Append(bytes, pool);
                model.AddRange(bytes);
            }
            else if (model.Count > 0)
            {
                int count = 1 + (int)_chance.Below((uint)model.Count);
                int from = (int)_chance.Below((uint)(model.Count - count + 1));
                buffer.Peek(from, count, out ReadOnlySpan<byte> first, out ReadOnlySpan<byte> second);
                Assert.Equal(model.GetRange(from, count), (byte[])[.. first, .. second]);
                buffer.Advance(count / 2, pool);
                model.RemoveRange(0, count / 2);
            }

            Assert.Equal(model.Count, buffer.Length);
        }

        buffer.Clear(pool);
        Assert.Equal(0, pool.RentedBytes);
    }

    [Fact]
    public void A_receive_buffer_gives_the_stream_however_its_pieces_come()
    {
        var pool = new BufferPool();
        for (int round = 0; round < 60; round++)
        {
            byte[] stream = Peer.Bytes(40_000, round);
            var buffer = default(ReceiveBuffer);
            var read = new List<byte>();
            int next = 0;
            while (read.Count < stream.Length)
            {
                // Pieces overlap, repeat and leave gaps, as retransmissions do.
                int from = Math.Min(stream.Length, next + (int)_chance.Below(_chance.Happens(0.4) ? 1u : 9000u));
                int count = Math.Min(stream.Length - from, 1 + (int)_chance.Below(2000));
                if (from == next)
                {
                    buffer.Append(stream.AsSpan(from, count), pool);
                    next += count;
                    next += buffer.Join();
                }
                else if (count > 0)
                {
                    int offset = buffer.Length + (from - next);
                    Assert.True(buffer.TryInsert(offset, stream.AsSpan(from, count), pool, out _));
                }

                if (_chance.Happens(0.3))
                {
                    byte[] part = new byte[_chance.Below(8000)];
                    read.AddRange(part[..buffer.Read(part, pool)]);
                }

                Assert.Equal(next - read.Count, buffer.Length);
            }

            Assert.Equal(stream, read);
            Assert.Equal((0, 0), (buffer.RangeCount, buffer.OutOfOrderLength));
            buffer.Clear(pool);
        }

        Assert.Equal(0, pool.RentedBytes);
    }

    [Fact]
    [Trait("Linux", "tcp_rtt_estimator")]
    public void The_first_sample_gives_an_RTO_of_its_time_and_200_ms_at_least()
    {
        var rtt = default(RttEstimator);
        rtt.Sample(50_000, 0, 1, 200_000);
        Assert.Equal(250_000, rtt.Base(0));
        var slow = default(RttEstimator);
        slow.Sample(300_000, 0, 1, 200_000);
        Assert.Equal(900_000, slow.Base(0));
        Assert.Equal(300_000, slow.Smoothed);
    }
}
