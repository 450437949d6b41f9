using System;
using System.Diagnostics;
using Earshot.Monitor.Reading;

namespace Earshot.Monitor.Sampling;

/// <summary>Tells whether an accept queue of a namespace may have grown since the last time, by the namespace's number
/// of TCP sockets instead of a query for each queue.</summary>
/// <remarks>A connection in an accept queue is one socket more. As many that are closed within the same ten
/// milliseconds would hide it, so whatever moves makes the answer yes for a tenth of a second, and the asker asks every
/// tenth time in any case: a growth is missed only for so long, and only where everything else stands still.</remarks>
/// <param name="sockets">Tells their number.</param>
internal sealed class GrowthGate(SocketCountReader sockets)
{
    // Where sockets come and go all the time the numbers say nothing new: then they are read now and then.
    private const int YesAfterMove = 10;

    // Where reading costs more than half of what the queries do (many processors, few listeners), it is left alone, and
    // tried again later.
    private const int RestWhileDear = 64;

    private SocketCount _before;
    private int _rest;

    // The least of late, in ticks of the stopwatch.
    private double _reading, _asking;

    /// <summary>Whether a queue may be longer than when it was last asked.</summary>
    public bool MayHaveGrown()
    {
        if (_rest > 0)
        {
            _rest--;
            return true;
        }

        long start = Stopwatch.GetTimestamp();
        SocketCount now = sockets.Read();
        _reading = Least(_reading, Stopwatch.GetTimestamp() - start);
        bool moved = now.V4 is null || now != _before;
        _before = now;
        _rest = _reading * 2 > _asking && _asking > 0 ? RestWhileDear : moved ? YesAfterMove : 0;
        return moved || _rest > 0;
    }

    /// <summary>Is told what a round of queries took.</summary>
    public void Asked(long ticks) => _asking = Least(_asking, ticks);

    // What was interrupted, or ran for the first time, tells nothing of the cost.
    private static double Least(double before, long now) => before == 0 ? now : Math.Min(before * 1.01, now);
}
