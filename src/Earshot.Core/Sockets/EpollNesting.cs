using System;
using System.Collections.Generic;

namespace Earshot.Core.Sockets;

/// <summary>How far epolls may watch each other: a wake-up goes up all ways from a file to the epolls that nobody
/// watches, so that their length and number have bounds. Linux: ep_loop_check, reverse_path_check.</summary>
internal static class EpollNesting
{
    // Linux: EP_MAX_NESTS.
    private const int MostSteps = 4;

    // The most ways of so many steps between epolls; those without a step are not counted. Linux: path_limits.
    private static ReadOnlySpan<int> MostWays => [int.MaxValue, 500, 100, 50, 10];

    /// <summary>Whether there would be too many epolls in a row if one watched another, or a circle.</summary>
    internal static bool IsTooDeep(Epoll outer, Epoll inner)
    {
        int below = Below(inner, outer, 0);
        return below > MostSteps || below + 1 + Above(outer, 0) > MostSteps;
    }

    /// <summary>Whether from a file, or from one that an epoll watches, too many ways lead up.</summary>
    internal static bool HasTooManyWays(OpenFile target)
    {
        var files = new HashSet<OpenFile>();
        Collect(target, files, 0);
        Span<int> counts = stackalloc int[MostSteps + 1];
        foreach (OpenFile file in files)
        {
            counts.Clear();
            if (!Count(file, 0, counts))
            {
                return true;
            }
        }

        return false;
    }

    // The most steps down to an epoll; of a circle more than there may be.
    private static int Below(Epoll epoll, Epoll outer, int depth)
    {
        if (epoll == outer || depth > MostSteps)
        {
            return MostSteps + 1;
        }

        int most = 0;
        foreach (OpenFile target in epoll.Targets)
        {
            if (target is Epoll next)
            {
                most = Math.Max(most, Below(next, outer, depth + 1) + 1);
            }
        }

        return most;
    }

    private static int Above(Epoll epoll, int depth)
    {
        int most = 0;
        foreach (EpollItem item in depth > MostSteps ? [] : epoll.Watches)
        {
            most = Math.Max(most, Above(item.Epoll, depth + 1) + 1);
        }

        return most;
    }

    private static void Collect(OpenFile file, HashSet<OpenFile> files, int depth)
    {
        if (file is not Epoll epoll)
        {
            files.Add(file);
        }
        else if (depth <= MostSteps)
        {
            foreach (OpenFile target in epoll.Targets)
            {
                Collect(target, files, depth + 1);
            }
        }
    }

    private static bool Count(OpenFile file, int steps, Span<int> counts)
    {
        if (steps > MostSteps)
        {
            return false;
        }

        foreach (EpollItem item in file.Watches)
        {
            bool isTop = item.Epoll.Watches.Count == 0;
            if (isTop ? ++counts[steps] > MostWays[steps] : !Count(item.Epoll, steps + 1, counts))
            {
                return false;
            }
        }

        return true;
    }
}
