using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established.Recovery;

/// <summary>The order in which blocks are looked at.</summary>
public sealed class SackBlocksTests
{
    [Theory]
    [InlineData(new uint[] { 30, 10, 20 }, 0, new uint[] { 10, 20, 30 }, 2)]
    [InlineData(new uint[] { 30, 10, 20 }, 1, new uint[] { 10, 20, 30 }, 0)]
    [InlineData(new uint[] { 10, 10, 5 }, 0, new uint[] { 5, 10, 10 }, 1)]
    [InlineData(new uint[] { 4_294_967_290, 5 }, -1, new uint[] { 4_294_967_290, 5 }, -1)]
    [Trait("Linux", "tcp_sacktag_write_queue")]
    public void Blocks_are_sorted_by_their_starts_and_one_is_followed(
        uint[] starts, int marked, uint[] sorted, int place)
    {
        var blocks = default(SackBlocks);
        foreach (uint start in starts)
        {
            blocks.Add(new SackBlock { Start = new SeqNumber(start), End = new SeqNumber(start + 1) });
        }

        Assert.Equal(place, blocks.Sort(marked));
        for (int i = 0; i < sorted.Length; i++)
        {
            Assert.Equal(sorted[i], blocks[i].Start.Value);
        }
    }
}
