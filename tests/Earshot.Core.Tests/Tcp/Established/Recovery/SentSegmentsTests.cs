using System;
using System.Collections.Generic;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established.Recovery;

/// <summary>The ring of what is in flight.</summary>
public sealed class SentSegmentsTests
{
    private readonly RingPool<SentSegment> _pool = new();

    [Fact]
    public void An_empty_ring_holds_no_memory()
    {
        var sent = default(SentSegments);
        Add(ref sent, 100, 100);
        Assert.Equal(1, _pool.RentedCount);
        sent.RemoveFirst(_pool);
        Assert.Equal(0, _pool.RentedCount);
        Assert.Equal(0, sent.Count);
    }

    [Fact]
    [Trait("Linux", "tcp_sacktag_bsearch")]
    public void The_piece_that_a_number_lies_in_is_found_across_the_wrap()
    {
        var sent = default(SentSegments);
        uint start = uint.MaxValue - 450;
        for (int i = 0; i < 10; i++)
        {
            Add(ref sent, start + (uint)(i * 100), 100);
        }

        Assert.Equal(0, sent.IndexAfter(new SeqNumber(start - 5)));
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(i, sent.IndexAfter(new SeqNumber(start + (uint)(i * 100))));
            Assert.Equal(i, sent.IndexAfter(new SeqNumber(start + (uint)(i * 100) + 99)));
        }

        Assert.Equal(10, sent.IndexAfter(new SeqNumber(start + 1000)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Pieces_put_in_and_taken_out_anywhere_keep_their_order(int seed)
    {
        var random = new Random(seed);
        var sent = default(SentSegments);
        var model = new List<uint>();
        uint next = 0;
        for (int step = 0; step < 5000; step++)
        {
            switch (random.Next(5))
            {
                case 0 or 1:
                    Add(ref sent, next, 10);
                    model.Add(next);
                    next += 10;
                    break;
                case 2 when model.Count > 0:
                    sent.RemoveFirst(_pool);
                    model.RemoveAt(0);
                    break;
                case 3 when model.Count > 0:
                    int gone = random.Next(model.Count);
                    sent.RemoveAt(gone, _pool);
                    model.RemoveAt(gone);
                    break;
                case 4 when model.Count > 0:
                    int after = random.Next(model.Count);
                    sent.InsertAfter(after, new SentSegment { Seq = new SeqNumber(model[after] + 5) }, _pool);
                    model.Insert(after + 1, model[after] + 5);
                    break;
            }

            Assert.Equal(model.Count, sent.Count);
            for (int i = 0; i < model.Count; i++)
            {
                Assert.Equal(model[i], sent[i].Seq.Value);
            }
        }
    }

    private void Add(ref SentSegments sent, uint seq, int length)
    {
        ref SentSegment piece = ref sent.Add(_pool);
        piece = default;
        piece.Seq = new SeqNumber(seq);
        piece.End = piece.Seq + length;
    }
}
