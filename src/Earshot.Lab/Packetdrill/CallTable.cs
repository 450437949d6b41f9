using System;
using System.Collections.Generic;

namespace Earshot.Lab.Packetdrill;

/// <summary>The calls that a script can make, and how many arguments each takes.</summary>
internal static class CallTable
{
    private static readonly Dictionary<string, (int Least, int Most)> All = new(StringComparer.Ordinal)
    {
        ["socket"] = (3, 3),
        ["bind"] = (3, 3),
        ["listen"] = (2, 2),
        ["accept"] = (3, 3),
        ["accept4"] = (4, 4),
        ["connect"] = (3, 3),
        ["read"] = (3, 3),
        ["write"] = (3, 3),
        ["readv"] = (3, 3),
        ["writev"] = (3, 3),
        ["send"] = (4, 4),
        ["recv"] = (4, 4),
        ["sendto"] = (6, 6),
        ["recvfrom"] = (6, 6),
        ["sendmsg"] = (3, 3),
        ["recvmsg"] = (3, 3),
        ["shutdown"] = (2, 2),
        ["close"] = (1, 1),
        ["getsockopt"] = (5, 5),
        ["setsockopt"] = (5, 5),
        ["getsockname"] = (3, 3),
        ["getpeername"] = (3, 3),
        ["poll"] = (3, 3),
        ["epoll_create"] = (1, 1),
        ["epoll_create1"] = (1, 1),
        ["epoll_ctl"] = (4, 4),
        ["epoll_wait"] = (4, 4),
        ["fcntl"] = (2, 3),
        ["ioctl"] = (3, 3),
    };

    /// <summary>The names, for a message.</summary>
    public static string Names => string.Join(", ", All.Keys);

    /// <summary>Whether there is such a call.</summary>
    public static bool Has(string name) => All.ContainsKey(name);

    /// <summary>The least and the most arguments of a call.</summary>
    public static (int Least, int Most) Arguments(string name) => All[name];
}
