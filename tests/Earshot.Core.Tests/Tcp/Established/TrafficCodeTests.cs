using System;
using System.Runtime.InteropServices;
using Earshot.Core.Tcp.Established;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established;

/// <summary>What is written down of a connection is all of it.</summary>
public sealed class TrafficCodeTests
{
    private readonly Chance _chance = new(Chance.Spread(5), ChanceStream.Program);

    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    [InlineData(1)]
    public void Any_numbers_come_back_as_they_were(double filled)
    {
        byte[] form = new byte[TrafficCode.LongestForm];
        for (int round = 0; round < 2000; round++)
        {
            TrafficState state = default;
            foreach (ref uint word in Words(ref state))
            {
                // Small, large and extreme ones, of either sign.
                word = !_chance.Happens(filled) ? 0
                    : (uint)_chance.Next() >> (int)_chance.Below(32) ^ (_chance.Happens(0.3) ? uint.MaxValue : 0);
            }

            uint[] before = Words(ref state).ToArray();
            int length = TrafficCode.Write(ref state, form);
            TrafficState read = default;
            TrafficCode.Read(form.AsSpan(0, length), ref read);

            Assert.Equal(before, Words(ref read).ToArray());
        }
    }

    [Fact]
    public void Nothing_takes_sixteen_bytes()
    {
        byte[] form = new byte[TrafficCode.LongestForm];
        TrafficState state = default;

        // One number is written as its difference from what it nearly always is.
        state.Control.Threshold = global::Earshot.Core.Congestion.CongestionState.InfiniteThreshold;

        Assert.Equal(16, TrafficCode.Write(ref state, form));
    }

    private static Span<uint> Words(ref TrafficState state) =>
        MemoryMarshal.Cast<TrafficState, uint>(new Span<TrafficState>(ref state));
}
