using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established;

/// <summary>The tree of packets beyond gaps.</summary>
public sealed class PacketTreeTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Whatever_comes_and_goes_the_order_and_the_colours_hold(int round)
    {
        var chance = new Random(round);
        PacketTree tree = default;
        var model = new SortedDictionary<uint, uint>();
        for (int step = 0; step < 4000; step++)
        {
            // It grows and shrinks in turn, down to nothing.
            bool grows = chance.NextDouble() < (step / 500 % 2 == 0 ? 0.7 : 0.3);
            uint seq = (uint)chance.Next(20_000);
            if (grows)
            {
                if (!model.ContainsKey(seq))
                {
                    uint end = seq + 1 + (uint)chance.Next(chance.Next(4) == 0 ? 3000 : 30);
                    Add(ref tree, seq, end);
                    model.Add(seq, end);
                }
            }
            else if (tree.Count > 0)
            {
                int place = chance.Next(3) switch
                {
                    0 => tree.First,
                    1 => tree.Last,
                    _ => Find(tree, model.Keys.ElementAt(chance.Next(model.Count))),
                };
                model.Remove(tree.At(place).Seq.Value);
                tree.Remove(place);
            }

            Assert.Equal(model.Keys, InOrder(tree).Select(packet => packet.Seq.Value));
            if (step % 16 == 0)
            {
                Check(tree);
            }
        }
    }

    [Fact]
    public void What_comes_in_order_has_the_shape_of_a_red_black_tree_of_the_book()
    {
        // The shapes of Cormen, Leiserson, Rivest and Stein's insertion, worked out by hand.
        PacketTree tree = default;
        for (uint seq = 10; seq <= 80; seq += 10)
        {
            Add(ref tree, seq, seq + 1);
        }

        Assert.Equal("((10 20r 30) 40 (50 60r ( 70 80r)))", Shape(tree, tree.Root));
    }

    [Fact]
    public void A_packet_with_two_below_it_gives_its_place_to_the_next()
    {
        PacketTree tree = default;
        foreach (uint seq in new uint[] { 40, 20, 60, 10, 30, 50, 70 })
        {
            Add(ref tree, seq, seq + 1);
        }

        tree.Remove(tree.Root);
        Assert.Equal(50u, tree.At(tree.Root).Seq.Value);
        Check(tree);
        tree.Remove(tree.Root);
        Assert.Equal(60u, tree.At(tree.Root).Seq.Value);
        Check(tree);
    }

    [Fact]
    public void A_packet_that_grows_reaches_over_those_after_it()
    {
        PacketTree tree = default;
        int first = Add(ref tree, 0, 10);
        int second = Add(ref tree, 20, 30);
        int third = Add(ref tree, 40, 60);
        tree.At(first).End = new SeqNumber(50);
        tree.Extend(first);
        Assert.Equal([50u, 50u, 60u], new[] { first, second, third }.Select(place => tree.Reach(place).Value));
    }

    [Fact]
    public void Packets_that_come_and_go_allocate_nothing()
    {
        PacketTree tree = default;
        for (uint seq = 0; seq < 300; seq++)
        {
            Add(ref tree, seq * 10, (seq * 10) + 5);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (uint seq = 300; seq < 5000; seq++)
        {
            tree.Remove(seq % 3 == 0 ? tree.Last : seq % 3 == 1 ? tree.First : tree.Root);
            Add(ref tree, seq * 10, (seq * 10) + 5);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(300, tree.Count);
    }

    [Fact]
    public void Copies_take_their_places_when_all_were_put()
    {
        PacketTree tree = default;
        for (uint seq = 0; seq < 100; seq += 10)
        {
            Add(ref tree, seq, seq + 10);
        }

        int at = tree.First;
        for (int i = 0; i < 5; i++)
        {
            at = tree.Remove(at);
        }

        at = tree.Put(at, PacketOf(0, 30));
        at = tree.Put(at, PacketOf(30, 50));
        Assert.Equal(50u, tree.At(at).Seq.Value);
        Assert.Equal(5, tree.Count);
        tree.Settle();
        Assert.Equal([0u, 30, 50, 60, 70, 80, 90], InOrder(tree).Select(packet => packet.Seq.Value));
        Check(tree);
    }

    private static int Add(ref PacketTree tree, uint seq, uint end)
    {
        int parent = 0;
        bool right = false;
        for (int at = tree.Root; at != 0; at = tree.Below(at, right))
        {
            parent = at;
            right = tree.At(at).Seq.Value < seq;
        }

        return tree.Add(parent, right, PacketOf(seq, end));
    }

    private static ReceivedPacket PacketOf(uint seq, uint end) =>
        new() { Seq = new SeqNumber(seq), End = new SeqNumber(end) };

    private static int Find(in PacketTree tree, uint seq)
    {
        int at = tree.Root;
        while (tree.At(at).Seq.Value != seq)
        {
            at = tree.Below(at, tree.At(at).Seq.Value < seq);
        }

        return at;
    }

    private static List<ReceivedPacket> InOrder(in PacketTree tree)
    {
        var all = new List<ReceivedPacket>();
        for (int at = tree.First; at != 0; at = tree.Next(at))
        {
            all.Add(tree.At(at));
        }

        return all;
    }

    private static void Check(PacketTree tree)
    {
        Assert.False(tree.Root != 0 && tree.IsRed(tree.Root));
        BlackHeight(tree, tree.Root);
        uint reach = 0;
        int last = 0;
        for (int at = tree.First; at != 0; at = tree.Next(at))
        {
            Assert.Equal(last, tree.Previous(at));
            reach = Math.Max(reach, tree.At(at).End.Value);
            Assert.Equal(reach, tree.Reach(at).Value);
            last = at;
        }

        Assert.Equal(last, tree.Last);
    }

    private static int BlackHeight(in PacketTree tree, int place)
    {
        if (place == 0)
        {
            return 1;
        }

        int left = tree.Below(place, right: false);
        int right = tree.Below(place, right: true);
        if (tree.IsRed(place))
        {
            Assert.False((left != 0 && tree.IsRed(left)) || (right != 0 && tree.IsRed(right)));
        }

        int height = BlackHeight(tree, left);
        Assert.Equal(height, BlackHeight(tree, right));
        return height + (tree.IsRed(place) ? 0 : 1);
    }

    private static string Shape(in PacketTree tree, int place)
    {
        if (place == 0)
        {
            return "";
        }

        string left = Shape(tree, tree.Below(place, right: false));
        string right = Shape(tree, tree.Below(place, right: true));
        string self = tree.At(place).Seq.Value + (tree.IsRed(place) ? "r" : "");
        return left.Length + right.Length == 0 ? self : $"({left} {self} {right})";
    }
}
