using System.Collections.Generic;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established.Sending;

public sealed class UnsentQueueTests
{
    private readonly RingPool<UnsentPiece> _pool = new();

    [Fact]
    public void Pieces_leave_in_the_order_in_which_they_came()
    {
        var queue = default(UnsentQueue);
        for (uint i = 1; i <= 100; i++)
        {
            queue.Add(new SeqNumber(i - 1), _pool);
            queue.Tail.End = new SeqNumber(i);
        }

        for (uint i = 1; i <= 100; i++)
        {
            Assert.Equal(i, queue.Head.End.Value);
            queue.RemoveHead(_pool);
        }

        Assert.Equal(0, queue.Count);
        Assert.Equal(0, _pool.RentedCount);
    }

    [Fact]
    public void One_piece_needs_no_memory_of_its_own()
    {
        var queue = default(UnsentQueue);
        queue.Add(new SeqNumber(1), _pool);
        Assert.Equal(0, _pool.RentedCount);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(40)]
    public void What_marks_the_end_of_a_piece_stays_with_the_second_part(int pieces)
    {
        var queue = default(UnsentQueue);
        for (int i = 0; i < pieces; i++)
        {
            queue.Add(new SeqNumber((uint)i * 10), _pool);
            queue.Tail.End = new SeqNumber((uint)(i + 1) * 10);
            queue.Tail.Flags = UnsentFlags.Push;
        }

        queue.Split(new SeqNumber(4), _pool);
        var ends = new List<(uint End, bool Push)>();
        while (queue.Count > 0)
        {
            ends.Add((queue.Head.End.Value, queue.Head.Has(UnsentFlags.Push)));
            queue.RemoveHead(_pool);
        }

        Assert.Equal((4u, false), ends[0]);
        for (int i = 0; i < pieces; i++)
        {
            Assert.Equal(((uint)(i + 1) * 10, true), ends[i + 1]);
        }
    }
}
