using System;

namespace Earshot.Core.Sockets;

/// <summary>The bits of SO_TIMESTAMPING that a stack without timestamping hardware looks at.</summary>
[Flags]
internal enum TimestampingFlags
{
    None = 0,

    /// <summary>SOF_TIMESTAMPING_TX_SOFTWARE: when a packet is handed to its device.</summary>
    Sent = 0x2,

    /// <summary>SOF_TIMESTAMPING_RX_SOFTWARE: when a packet came.</summary>
    Received = 0x8,

    /// <summary>SOF_TIMESTAMPING_SOFTWARE: times are told.</summary>
    Told = 0x10,

    /// <summary>SOF_TIMESTAMPING_OPT_ID: each has a number.</summary>
    Id = 0x80,

    /// <summary>SOF_TIMESTAMPING_TX_SCHED: when a packet enters the queue of its device.</summary>
    Queued = 0x100,

    /// <summary>SOF_TIMESTAMPING_TX_ACK: when all of it was acknowledged.</summary>
    Acknowledged = 0x200,

    /// <summary>SOF_TIMESTAMPING_OPT_CMSG: control messages come with each.</summary>
    WithControl = 0x400,

    /// <summary>SOF_TIMESTAMPING_OPT_TSONLY: without the packet.</summary>
    TimeOnly = 0x800,

    /// <summary>SOF_TIMESTAMPING_OPT_STATS: with the connection's statistics.</summary>
    Statistics = 0x1000,

    /// <summary>SOF_TIMESTAMPING_BIND_PHC: by a clock of hardware.</summary>
    BindClock = 0x8000,

    /// <summary>SOF_TIMESTAMPING_OPT_ID_TCP: numbers count from what was written.</summary>
    IdOfStream = 0x10000,

    /// <summary>Those that ask for a time of a packet on its way out.</summary>
    Transmit = Sent | Queued | Acknowledged,
}
