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
