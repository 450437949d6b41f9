using System;
using Earshot.Core.Time;
using Xunit;

namespace Earshot.Core.Tests.Memory;

/// <summary>What a connection costs that nothing happens on: its objects, its places in all tables, what lies outside
/// the collector's heap.</summary>
[Collection(nameof(AloneCollection))]
public sealed class IdleConnectionTests
{
    private const int Count = 20_000;
    private const double MostBytes = 700;

    [Fact]
    public void One_that_was_only_made_costs_at_most_700_bytes_a_side() =>
        Assert.InRange(BytesOfASide(withExchange: false), 400, MostBytes);

    [Fact]
    public void One_that_has_carried_a_request_and_its_reply_costs_at_most_700_bytes_a_side() =>
        Assert.InRange(BytesOfASide(withExchange: true), 400, MostBytes);

    private static double BytesOfASide(bool withExchange)
    {
        // A day after the stacks began: times are large numbers then.
        using var pair = new Pair(now: Instant.FromSeconds(86_400));
        int listener = pair.Listen(backlog: 64);
        pair.A.Sysctls.Set("net.ipv4.ip_local_port_range", "1024\t65535");
        Open(pair, listener, 100, withExchange);
        long before = Bytes(pair);
        Open(pair, listener, Count, withExchange);
        double side = (Bytes(pair) - before) / (2.0 * Count);
        GC.KeepAlive(pair);
        return side;
    }

    private static void Open(Pair pair, int listener, int count, bool withExchange)
    {
        byte[] message = Peer.Bytes(100);
        byte[] buffer = new byte[100];
        for (int i = 0; i < count; i++)
        {
            (int a, int b) = pair.Connect(listener);
            pair.Run(0.0001);
            if (withExchange)
            {
                Assert.Equal(100, pair.A.Calls.Send(a, message));
                pair.Run(0.0001);
                Assert.Equal(100, pair.B.Calls.Receive(b, buffer));
                Assert.Equal(100, pair.B.Calls.Send(b, message));
                pair.Run(0.0001);
                Assert.Equal(100, pair.A.Calls.Receive(a, buffer));
            }
        }

        // What is owed and what is armed has run out.
        pair.Run(5);
    }

    private static long Bytes(Pair pair)
    {
        long live = long.MaxValue;
        for (int i = 0; i < 3; i++)
        {
            live = Math.Min(live, GC.GetTotalMemory(forceFullCollection: true));
        }

        return live + pair.A.TableBytes + pair.A.ConnectionBytes + pair.B.TableBytes + pair.B.ConnectionBytes;
    }
}

/// <summary>Tests that measure the whole process: no other test runs beside them.</summary>
[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;
