using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Memory;
using Xunit;

namespace Earshot.Core.Tests.Memory;

/// <summary>Slabs and the index, each against what .NET has for it.</summary>
public sealed class TableTests
{
    private readonly Chance _chance = new(Chance.Spread(11), ChanceStream.Program);

    [Fact]
    public void A_slab_gives_zeroed_entries_that_stay_in_place_up_to_its_limit()
    {
        const int Limit = 40_000;
        using var slab = new Slab<long>(Limit);
        var live = new Dictionary<int, long>();
        for (int step = 0; step < 150_000; step++)
        {
            if (live.Count > 0 && _chance.Happens(0.3))
            {
                int victim = live.Keys.First();
                Assert.Equal(live[victim], slab[victim]);
                slab.Free(victim);
                live.Remove(victim);
                continue;
            }

            int index = slab.Allocate();
            Assert.Equal(live.Count == Limit, index < 0);
            if (index >= 0)
            {
                Assert.Equal(0, slab[index]);
                slab[index] = (long)_chance.Next();
                live.Add(index, slab[index]);
            }
        }

        Assert.Equal(live.Count, slab.Count);
        Assert.All(live, pair => Assert.Equal(pair.Value, slab[pair.Key]));
    }

    [Theory]
    [InlineData(8u)]
    [InlineData(300u)]
    [InlineData(uint.MaxValue)]
    public void A_tag_index_finds_what_a_dictionary_finds(uint tags)
    {
        using var index = new TagIndex();
        var model = new Dictionary<int, uint>();
        int next = 0;
        for (int step = 0; step < 20_000; step++)
        {
            // Few tags collide always; those of a block wrap round the table's end.
            uint tag = _chance.Below(tags) + (tags == 300 ? uint.MaxValue - 150 : 0);
            if (model.Count < 300 && _chance.Happens(0.55))
            {
                index.Add(tag, next);
                model.Add(next++, tag);
            }
            else if (model.Count > 0)
            {
                KeyValuePair<int, uint> victim = model.ElementAt((int)_chance.Below((uint)model.Count));
                if (_chance.Happens(0.2))
                {
                    index.Replace(victim.Value, victim.Key, next);
                    model.Add(next++, victim.Value);
                }
                else
                {
                    index.Remove(victim.Value, victim.Key);
                }

                model.Remove(victim.Key);
            }

            Assert.Equal(model.Count, index.Count);
            if (step % 100 == 0)
            {
                AssertSame(index, model);
            }
        }
    }

    private static void AssertSame(TagIndex index, Dictionary<int, uint> model)
    {
        foreach (uint tag in model.Values.Distinct())
        {
            var found = new List<int>();
            uint position = tag;
            for (int handle = index.Next(tag, ref position); handle >= 0; handle = index.Next(tag, ref position))
            {
                found.Add(handle);
            }

            Assert.Equal(model.Where(pair => pair.Value == tag).Select(pair => pair.Key).Order(), found.Order());
        }

        Assert.Equal(
            model.Keys.Order(),
            Enumerable.Range(0, index.Size).Select(index.HandleAt).Where(handle => handle >= 0).Order());
    }
}
