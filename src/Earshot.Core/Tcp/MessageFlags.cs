using System;

namespace Earshot.Core.Tcp;

/// <summary>The flags of send() and recv(), with Linux's bits.</summary>
[Flags]
internal enum MessageFlags
{
    None = 0,

    /// <summary>MSG_OOB: urgent data.</summary>
    Urgent = 0x1,

    /// <summary>MSG_PEEK: what is read stays.</summary>
    Peek = 0x2,

    /// <summary>MSG_DONTROUTE: hosts of the link only.</summary>
    DontRoute = 0x4,

    /// <summary>MSG_CTRUNC: control messages did not fit.</summary>
    ControlCut = 0x8,

    /// <summary>MSG_TRUNC: a datagram did not fit; on a stream: throw away instead of reading.</summary>
    Cut = 0x20,

    /// <summary>MSG_DONTWAIT.</summary>
    DontWait = 0x40,

    /// <summary>MSG_EOR: the end of a record: nothing is added to the segment.</summary>
    EndOfRecord = 0x80,

    /// <summary>MSG_WAITALL.</summary>
    WaitAll = 0x100,

    /// <summary>MSG_CONFIRM: the neighbour is there.</summary>
    Confirm = 0x800,

    /// <summary>MSG_ERRQUEUE: the error queue.</summary>
    ErrorQueue = 0x2000,

    /// <summary>MSG_NOSIGNAL.</summary>
    NoSignal = 0x4000,

    /// <summary>MSG_MORE: more follows.</summary>
    More = 0x8000,

    /// <summary>MSG_ZEROCOPY.</summary>
    ZeroCopy = 0x4000000,

    /// <summary>MSG_FASTOPEN: data in the SYN.</summary>
    FastOpen = 0x20000000,

    /// <summary>MSG_CMSG_CLOEXEC.</summary>
    CloseOnExec = 0x40000000,
}
