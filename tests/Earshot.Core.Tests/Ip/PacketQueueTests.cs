using System;
using System.Collections.Generic;
using Earshot.Core.Ip;
using Earshot.Core.Time;
using Xunit;

namespace Earshot.Core.Tests.Ip;

public sealed class PacketQueueTests
{
    private readonly Chance _chance = new(Chance.Spread(11), ChanceStream.Program);

    [Theory]
    [InlineData(2000)]
    [InlineData(65535)]
    public void A_packet_queue_is_a_queue(int largest)
    {
        var queue = new PacketQueue(600);
        var model = new Queue<(int Length, int Seed)>();
        byte[] pattern = Peer.Bytes(256 + largest);
        for (int step = 0; step < 6000; step++)
        {
            bool fill = step / 700 % 2 == 0;
            if (!queue.IsFull && _chance.Happens(fill ? 0.7 : 0.3))
            {
                int length = 1 + (int)_chance.Below((uint)largest);
                pattern.AsSpan(step & 255, length).CopyTo(queue.Reserve(length));
                queue.Commit(length, step & 7, default, new Instant(step));
                model.Enqueue((length, step));
            }
            else if (model.Count > 0)
            {
                (int length, int seed) = model.Dequeue();
                ReadOnlySpan<byte> bytes = queue.Peek(out int @interface, out _, out Instant time);
                Assert.True(bytes.SequenceEqual(pattern.AsSpan(seed & 255, length)));
                Assert.Equal((seed & 7, (long)seed), (@interface, time.Nanoseconds));
                queue.Drop();
            }

            Assert.Equal(model.Count, queue.Count);
        }
    }
}
