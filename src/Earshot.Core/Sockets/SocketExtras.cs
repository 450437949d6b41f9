namespace Earshot.Core.Sockets;

/// <summary>What few sockets have; made when first needed.</summary>
internal sealed class SocketExtras
{
    /// <summary>Options that are more than a number; null: none.</summary>
    internal LongOptions? Long { get; set; }

    /// <summary>The error queue; null: nothing was ever in it.</summary>
    internal ErrorQueue? Errors { get; set; }

    /// <summary>The listener that it was or is.</summary>
    internal Tcp.Listening.Listener? PastListener { get; set; }

    /// <summary>The kernel that its listener is to be like; null: the stack's.</summary>
    internal Profiles.KernelProfile? ListenProfile { get; set; }

    /// <summary>The chooser of the group that it will be the first of.</summary>
    internal ReusePortSelector? Selector { get; set; }

    /// <summary>Whether the chooser also chooses heirs.</summary>
    internal bool SelectorMigrates { get; set; }

    /// <summary>Times that it stopped listening.</summary>
    internal int Disconnects { get; set; }

    /// <summary>The number of the next packet whose times are told, on a connection the sequence number that they count
    /// from. Linux: sk_tskey.</summary>
    internal uint TimestampKey { get; set; }

    /// <summary>The number of the next send with MSG_ZEROCOPY. Linux: sk_zckey.</summary>
    internal uint ZeroCopyKey { get; set; }
}
