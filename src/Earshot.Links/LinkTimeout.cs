using System;
using System.Threading;

namespace Earshot.Links;

/// <summary>How long a link may be waited for.</summary>
internal static class LinkTimeout
{
    /// <summary>Refuses a negative time other than <see cref="Timeout.InfiniteTimeSpan"/>.</summary>
    internal static void Check(TimeSpan timeout)
    {
        if (timeout < TimeSpan.Zero && timeout != Timeout.InfiniteTimeSpan)
        {
            throw new ArgumentOutOfRangeException(nameof(timeout));
        }
    }
}
