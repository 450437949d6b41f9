namespace Earshot.Core.Tcp.Established.Sending;

/// <summary>What a connection has given to a link that is not done with it. Linux: sk_wmem_alloc and sk_tsq_flags of a
/// socket.</summary>
internal sealed class LinkAccount
{
    /// <summary>Whose packets they are; null: the connection is no more, or they are a datagram socket's.</summary>
    internal Connection? Owner { get; set; }

    /// <summary>The datagram socket whose they are, which keeps its account; null: a connection's, or the socket is
    /// closed.</summary>
    internal ILinkSender? Sender { get; set; }

    /// <summary>Bytes of memory that they take. Linux: sk_wmem_alloc, without its one.</summary>
    internal long Bytes { get; set; }

    /// <summary>How many charges these are.</summary>
    internal int Count { get; set; }

    /// <summary>Whether the connection waits for the link to be done with some. Linux: TSQF_THROTTLED.</summary>
    internal bool IsThrottled { get; set; }
}

/// <summary>A datagram socket as links know it.</summary>
internal interface ILinkSender
{
    /// <summary>A link is done with some of what it was given.</summary>
    void OnLinkReleased();
}
