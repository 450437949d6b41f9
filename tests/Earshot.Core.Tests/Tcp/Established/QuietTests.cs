using System;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established;

/// <summary>Connections on which nothing happens: what is known of them is written down in short, and nobody
/// notices.</summary>
public sealed class QuietTests
{
    [Fact]
    public void Beyond_the_limit_the_one_rented_first_is_written_down()
    {
        using var pair = new Pair(busy: 2);
        int listener = pair.Listen();
        for (int i = 0; i < 5; i++)
        {
            pair.Connect(listener);
        }

        Assert.Equal((2, 3), pair.A.Traffics);
        Assert.Equal((2, 3), pair.B.Traffics);
    }

    [Fact]
    public void What_has_bytes_unread_or_unsent_is_never_written_down()
    {
        using var pair = new Pair(busy: 0);
        int listener = pair.Listen();
        (int a, int b) = pair.Connect(listener);
        Assert.Equal((0, 1), pair.B.Traffics);

        Assert.Equal(100, pair.A.Calls.Send(a, Peer.Bytes(100)));
        pair.Settle();

        Assert.Equal((1, 0), pair.B.Traffics);
        byte[] buffer = new byte[100];
        Assert.Equal(100, pair.B.Calls.Receive(b, buffer));
        Assert.Equal(Peer.Bytes(100), buffer);
        Assert.Equal((0, 1), pair.B.Traffics);
    }

    [Fact]
    public void A_connection_that_has_ended_leaves_nothing_written_down()
    {
        using var pair = new Pair(busy: 0);
        int listener = pair.Listen();
        (int a, int b) = pair.Connect(listener);
        pair.A.Calls.Close(a);
        pair.Settle();
        pair.B.Calls.Close(b);
        pair.Settle();

        Assert.Equal((0, 0), pair.A.Traffics);
        Assert.Equal((0, 0), pair.B.Traffics);
    }

    [Fact]
    public void What_is_told_of_a_connection_is_the_same_however_often_it_was_written_down()
    {
        Assert.Equal(Story(busy: 1024), Story(busy: 0));
        Assert.NotEqual(Story(busy: 0), Story(busy: 0, more: 1));
    }

    [Fact]
    public void What_was_learned_of_losses_is_not_lost()
    {
        Assert.Equal(Losses(busy: 1024), Losses(busy: 0));
        Assert.NotEqual(Losses(busy: 0), Losses(busy: 0, lost: 0));
    }

    private static string Losses(int busy, int lost = 3)
    {
        using var pair = new Pair(busy: busy);
        int listener = pair.Listen();
        (int a, int b) = pair.Connect(listener);
        for (int i = 0; i < lost; i++)
        {
            pair.A.Calls.Send(a, Peer.Bytes(100));
            while (pair.A.TryTransmit(out _))
            {
            }

            pair.Run(1);
            Assert.Equal(100, pair.B.Calls.Receive(b, new byte[100]));
            pair.Run(10);
        }

        Assert.Equal(busy == 0 ? (0, 1) : (1, 0), pair.A.Traffics);
        return Info(pair.A, a);
    }

    private static string Info(NetworkStack stack, int socket)
    {
        Span<byte> info = stackalloc byte[280];
        int length = info.Length;
        Assert.Equal(0, stack.Calls.GetSocketOption(socket, 6, 11, info, ref length));
        return Convert.ToHexString(info[..length]);
    }

    // All of TCP_INFO of both ends after each step of an exchange with pauses.
    private static string Story(int busy, int more = 0)
    {
        using var pair = new Pair(busy: busy);
        int listener = pair.Listen();
        (int a, int b) = pair.Connect(listener);
        byte[] buffer = new byte[65536];
        string story = "";
        for (int round = 0; round < 20; round++)
        {
            byte[] sent = Peer.Bytes((round * 700) + 1 + more);
            pair.A.Calls.Send(a, sent);
            Tell();
            pair.Run(0.01 * round);
            pair.B.Calls.Receive(b, buffer);
            pair.Settle();
            Tell();
            pair.B.Calls.Send(b, sent);
            pair.Run(0.3 * (round % 3));
            pair.A.Calls.Receive(a, buffer);
            Tell();
        }

        return story;

        void Tell()
        {
            story += Info(pair.A, a) + Info(pair.B, b) + "\n";
        }
    }
}
