using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace Earshot.Sockets.Tests;

public sealed class PumpWorkQueueTests
{
    [Fact]
    public void Work_comes_out_in_the_order_in_which_it_went_in()
    {
        var queue = new PumpWorkQueue();
        Work[] work = [new Work(0), new Work(1), new Work(2)];
        foreach (Work one in work)
        {
            queue.Push(one);
        }

        Assert.False(queue.IsEmpty);
        Assert.Equal(work, Take(queue));
        Assert.True(queue.IsEmpty);
    }

    [Fact]
    public async Task Work_of_many_threads_all_comes_out_each_threads_in_order()
    {
        const int threads = 4;
        const int each = 20_000;
        var queue = new PumpWorkQueue();
        Task[] writers = Enumerable.Range(0, threads).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < each; i++)
            {
                queue.Push(new Work((thread * each) + i));
            }
        })).ToArray();
        var seen = new List<int>();
        while (seen.Count < threads * each)
        {
            seen.AddRange(Take(queue).Select(work => work.Number));
            Thread.Yield();
        }

        await Task.WhenAll(writers);
        Assert.True(queue.IsEmpty);
        foreach (IGrouping<int, int> thread in seen.GroupBy(number => number / each))
        {
            Assert.Equal(Enumerable.Range(thread.Key * each, each), thread);
        }
    }

    private static List<Work> Take(PumpWorkQueue queue)
    {
        var taken = new List<Work>();
        for (PumpWork? work = queue.TakeAll(); work is not null; work = work.NextWork)
        {
            taken.Add((Work)work);
        }

        return taken;
    }

    private sealed class Work(int number) : PumpWork
    {
        public int Number { get; } = number;

        internal override void Run(StackPump pump, int signals)
        {
        }

        internal override void Refuse(StackPump pump, int signals)
        {
        }
    }
}
