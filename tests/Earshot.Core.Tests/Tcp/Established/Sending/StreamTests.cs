using System;
using System.Text;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established.Sending;

public sealed class StreamTests
{
    private const int Tcp = 6;

    [Theory]
    [InlineData("reno", 0, 0)]
    [InlineData("cubic", 0, 0)]
    [InlineData("bbr", 0, 0)]
    [InlineData("dctcp", 0, 0)]
    [InlineData("cubic", 2, 0)]
    [InlineData("cubic", 0, 20_000_000)]
    public void A_stream_arrives_whole(string algorithm, int probing, int pace)
    {
        const int Length = 1_000_000;
        const int MaximumPacingRate = 47;
        using var pair = new Pair();
        Assert.Equal(0, pair.A.Sysctls.Set("net.ipv4.tcp_mtu_probing", probing.ToString()));
        int listener = pair.Listen();
        (int a, int b) = pair.Connect(listener);
        Assert.Equal(0, pair.A.Calls.SetSocketOption(a, Tcp, 13, Encoding.ASCII.GetBytes(algorithm)));
        if (pace != 0)
        {
            Assert.Equal(0, pair.A.Calls.SetSocketOption(a, 1, MaximumPacingRate, BitConverter.GetBytes(pace)));
        }

        byte[] sent = new byte[Length];
        new Random(1).NextBytes(sent);
        byte[] received = new byte[Length];
        int written = 0;
        int read = 0;
        for (int turn = 0; turn < 100_000 && read < Length; turn++)
        {
            int result = written < Length ? pair.A.Calls.Send(a, sent.AsSpan(written)) : 0;
            written += Math.Max(0, result);
            pair.Run(0.001);
            pair.A.CheckInvariants();
            pair.B.CheckInvariants();
            while ((result = pair.B.Calls.Receive(b, received.AsSpan(read))) > 0)
            {
                read += result;
            }

            pair.Settle();
        }

        Assert.Equal(Length, read);
        Assert.True(sent.AsSpan().SequenceEqual(received));
        if (pace != 0)
        {
            // 1 MB at 20 MB/s takes 50 ms at least, less the first window.
            Assert.True(pair.Now.Nanoseconds > 1_045_000_000, $"it took until {pair.Now}");
        }
    }
}
