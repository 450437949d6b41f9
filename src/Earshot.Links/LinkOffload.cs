using System;

namespace Earshot.Links;

/// <summary>Work on packets that a sender may leave to the link.</summary>
[Flags]
public enum LinkOffload
{
    /// <summary>The link carries packets as they are.</summary>
    None = 0,

    /// <summary>The link completes a checksum of which the sender wrote only the pseudo-header's sum.</summary>
    Checksum = 1,

    /// <summary>
    /// The link cuts a TCP super-packet of up to 64 KB into segments (TSO); only together with <see cref="Checksum"/>.
    /// </summary>
    Segmentation = 2,

    /// <summary>The link tells in <see cref="ILink.SendCompleted"/> when it is done with packets, so that a sender
    /// can keep few of them waiting in it.</summary>
    Completion = 4,
}
