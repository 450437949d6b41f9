using System.Collections.Generic;
using Earshot.Benchmarks.Workloads;

namespace Earshot.Benchmarks.Peers;

/// <summary>What the third ACK costs: from the packet to the connection in the accept queue.</summary>
internal sealed class ThirdAckGauge
{
    private const double MostNanoseconds = 500;
    private readonly List<double> _times = [];
    private double _allocated;

    internal IEnumerable<Measure> Measures =>
    [
        new Measure("Third ACK to the accept queue", Statistics.Median(_times), "ns", MostNanoseconds),
        new Measure("Bytes allocated per third ACK, tables grown", _allocated, "B", 0),
    ];

    internal void Add(int rounds)
    {
        using var handshakes = new Handshakes();
        handshakes.Prepare();
        handshakes.Acknowledge();
        handshakes.TakeAndReset();
        double time = 0;
        long allocated = 0;
        for (int i = 0; i < rounds; i++)
        {
            handshakes.Prepare();
            Gauge gauge = Gauge.Of(handshakes.Acknowledge);
            time += gauge.Nanoseconds;
            allocated += gauge.Allocated;
            handshakes.TakeAndReset();
        }

        _times.Add(time / rounds / Handshakes.Count);
        _allocated = allocated / (double)rounds / Handshakes.Count;
    }
}
