using System;

namespace Earshot.Lab.Views;

/// <summary>What <c>ss</c> is asked to show beside the sockets' addresses.</summary>
[Flags]
public enum SsOptions
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary><c>-o</c>: timers.</summary>
    Timers = 1,

    /// <summary><c>-e</c>: user, inode, number, directions; timers too.</summary>
    Extended = 2,

    /// <summary><c>-m</c>: memory.</summary>
    Memory = 4,

    /// <summary><c>-i</c>: what TCP_INFO tells.</summary>
    Info = 8,

    /// <summary><c>-O</c>: everything of a socket on one line.</summary>
    OneLine = 16,

    /// <summary><c>-H</c>: no heading.</summary>
    NoHeading = 32,

    /// <summary><c>-t</c> and <c>-u</c>: a column tells which of them a socket is.</summary>
    Netid = 64,

    /// <summary><c>-u</c> without <c>-t</c>: of sockets that are no listeners there is one state.</summary>
    NoStreams = 128,
}
