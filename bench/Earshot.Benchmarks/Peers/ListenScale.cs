using System.Collections.Generic;
using Earshot.Benchmarks.Workloads;

namespace Earshot.Benchmarks.Peers;

/// <summary>What a SYN costs where there are many listeners, or many requests already.</summary>
internal sealed class ListenScale
{
    private readonly List<double> _byListeners = [];
    private readonly List<double> _byRequests = [];
    private int _listeners;
    private int _requests;

    internal IEnumerable<Measure> Measures =>
    [
        new Measure(
            $"SYN to one of {_listeners} listeners, as a multiple of one", Statistics.Median(_byListeners), "x", 1.5),
        new Measure(
            $"SYN beside {_requests} requests, as a multiple of none", Statistics.Median(_byRequests), "x", 2),
    ];

    /// <summary>Measures once more; figures of one call are compared with each other.</summary>
    /// <param name="syns">SYNs of each measurement.</param>
    /// <param name="listeners">Listeners, all of them asked in turn.</param>
    /// <param name="requests">Requests that are there before.</param>
    internal void Add(int syns, int listeners, int requests)
    {
        _listeners = listeners;
        _requests = requests;
        double one = Cost(syns, 1, 0);
        _byListeners.Add(Cost(syns, listeners, 0) / one);
        _byRequests.Add(Cost(syns, 1, requests) / one);
    }

    // Of three runs the middle one; the tables have grown before.
    private static double Cost(int syns, int listeners, int requests)
    {
        using var flood = new SynFlood(syns, listeners);
        flood.Prepare();
        flood.Crowd(requests);
        var times = new List<double>();
        for (int i = 0; i < 3; i++)
        {
            flood.Run();
            flood.Withdraw();
            times.Add(Gauge.Of(flood.Run).Nanoseconds / syns);
            flood.Withdraw();
        }

        return Statistics.Median(times);
    }
}
