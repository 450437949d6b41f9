namespace Earshot.Core.Sockets;

/// <summary>What few sockets have; made when first needed.</summary>
internal sealed class SocketExtras
{
    /// <summary>Options that are more than a number; null: none.</summary>
    internal LongOptions? Long { get; set; }

    /// <summary>The error queue; null: nothing was ever in it.</summary>
    internal ErrorQueue? Errors { get; set; }

    /// <summary>The number of the next packet whose times are told, on a connection the sequence number that they count
    /// from. Linux: sk_tskey.</summary>
    internal uint TimestampKey { get; set; }

    /// <summary>The number of the next send with MSG_ZEROCOPY. Linux: sk_zckey.</summary>
    internal uint ZeroCopyKey { get; set; }
}
