using System;

namespace Earshot.Simulation.Scenarios;

/// <summary>What the programs of a connection do that few programs do.</summary>
[Flags]
public enum TalkHabits
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>They set SO_KEEPALIVE: nine probes, one every 5 seconds, after 10 seconds of silence.</summary>
    KeepAlive = 1,

    /// <summary>They set TCP_USER_TIMEOUT to 90 seconds.</summary>
    UserTimeout = 2,

    /// <summary>They change TCP_NODELAY, TCP_CORK, TCP_QUICKACK and TCP_NOTSENT_LOWAT between two calls.</summary>
    Fidgets = 4,

    /// <summary>They change SO_RCVBUF, SO_SNDBUF and TCP_WINDOW_CLAMP between two calls.</summary>
    Resizes = 8,

    /// <summary>They change TCP_CONGESTION and SO_MAX_PACING_RATE between two calls.</summary>
    ChangesPace = 16,

    /// <summary>They send with MSG_MORE and MSG_EOR.</summary>
    Records = 32,

    /// <summary>They send with MSG_OOB, and read urgent data in the stream.</summary>
    Urgent = 64,

    /// <summary>They sign every segment (TCP_MD5SIG).</summary>
    Signed = 128,

    /// <summary>The client's data is in its SYN (TCP_FASTOPEN_CONNECT).</summary>
    FastOpen = 256,
}
