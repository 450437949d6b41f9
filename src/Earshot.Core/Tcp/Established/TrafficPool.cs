using System.Collections.Generic;

namespace Earshot.Core.Tcp.Established;

/// <summary>Where connections rent what they need while something moves on them.</summary>
internal sealed class TrafficPool
{
    private const int Kept = 4096;
    private readonly Stack<Traffic> _free = new();

    /// <summary>Rents one, with all numbers 0.</summary>
    internal Traffic Rent(Connection user)
    {
        Traffic traffic = _free.TryPop(out Traffic? used) ? used : new Traffic();
        traffic.User = user;
        return traffic;
    }

    /// <summary>Takes one back that nothing is queued in any more.</summary>
    internal void Return(Traffic traffic)
    {
        traffic.User = null;
        traffic.Loss = null;
        traffic.Marks = null;
        traffic.Urgent = null;
        traffic.Accurate = null;
        traffic.State = default;
        if (_free.Count < Kept)
        {
            _free.Push(traffic);
        }
    }
}
