using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established.Recovery;

/// <summary>The packet that losses are judged by (RFC 8985 §6.2).</summary>
public sealed class RackTests
{
    private const int RoundTrip = 100_000;

    // What arrived before: sent at 1 000 000 µs, ending at 2000; then a piece sent and ending as told.
    [Theory]
    [InlineData(1_000_000, 3000, false, 3000)]
    [InlineData(1_000_001, 1000, false, 1000)]
    [InlineData(999_999, 3000, false, 2000)]
    [InlineData(1_000_000, 1000, false, 2000)]
    [InlineData(1_050_000, 9000, true, 2000)]
    [InlineData(1_000_001, 9000, true, 9000)]
    [Trait("Linux", "tcp_rack_advance")]
    public void The_last_one_sent_counts_and_of_one_moment_the_furthest(
        long sent, uint end, bool isCopy, uint expected)
    {
        var rack = new Rack { SentMicroseconds = 1_000_000, End = new SeqNumber(2000) };
        var piece = new SentSegment
        {
            SentNanoseconds = sent * 1000,
            End = new SeqNumber(end),
            Flags = isCopy ? SentFlags.EverRetransmitted : SentFlags.None,
        };
        rack.Advance(piece, 1_100_001, RoundTrip);
        Assert.Equal(expected, rack.End.Value);
    }
}
