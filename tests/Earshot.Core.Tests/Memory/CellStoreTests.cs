using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Memory;
using Xunit;

namespace Earshot.Core.Tests.Memory;

public sealed class CellStoreTests
{
    private readonly Chance _chance = new(Chance.Spread(12), ChanceStream.Program);

    [Fact]
    public void Pieces_of_every_length_come_back_as_they_were()
    {
        using var store = new CellStore();
        var live = new Dictionary<int, byte[]>();
        for (int step = 0; step < 50_000; step++)
        {
            if (live.Count > 0 && _chance.Happens(0.45))
            {
                int victim = live.Keys.First();
                Assert.Equal(live[victim], store[victim].ToArray());
                store.Remove(victim);
                live.Remove(victim);
                continue;
            }

            byte[] piece = Peer.Bytes((int)_chance.Below(CellStore.LongestPiece + 1), step);
            live.Add(store.Add(piece), piece);
        }

        Assert.Equal(live.Count, store.Count);
        Assert.All(live, pair => Assert.Equal(pair.Value, store[pair.Key].ToArray()));
    }

    [Fact]
    public void A_cell_that_is_freed_is_used_again()
    {
        using var store = new CellStore();
        byte[] piece = Peer.Bytes(60);
        int first = store.Add(piece);
        long bytes = store.Bytes;
        for (int i = 0; i < 10_000; i++)
        {
            store.Remove(first);
            Assert.Equal(first, store.Add(piece));
        }

        Assert.Equal(bytes, store.Bytes);
    }

    [Fact]
    public void Ten_thousand_pieces_of_sixty_bytes_take_two_thirds_of_a_megabyte()
    {
        using var store = new CellStore();
        for (int i = 0; i < 10_000; i++)
        {
            store.Add(Peer.Bytes(60));
        }

        // A length of two bytes before each, rounded up to eight, in blocks of 64 KB.
        Assert.InRange(store.Bytes, 640_000, 640_000 + (2 * 65536));
    }
}
