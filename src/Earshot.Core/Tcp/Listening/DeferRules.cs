namespace Earshot.Core.Tcp.Listening;

/// <summary>TCP_DEFER_ACCEPT: a connection is not made before data comes, for a number of timeouts.</summary>
/// <remarks>Not a time: the option's seconds are turned into the timeouts that fill them.</remarks>
internal static class DeferRules
{
    /// <summary>Whether a third ACK is forgotten. Linux: tcp_check_req.</summary>
    /// <param name="isBare">It carries neither data nor a FIN.</param>
    /// <param name="timeouts">Firings of the request's timer so far.</param>
    /// <param name="limit">TCP_DEFER_ACCEPT as a number of timeouts; 0: off.</param>
    /// <param name="forEver">The release waits for data until the request dies.</param>
    internal static bool HoldsBack(bool isBare, int timeouts, int limit, bool forEver) =>
        isBare && limit > 0 && (forEver || timeouts < limit);

    /// <summary>What a request's timer does when it fires. Linux: syn_ack_recalc.</summary>
    /// <param name="timeouts">Firings before this one.</param>
    /// <param name="retries">How often the SYN-ACK may be sent again.</param>
    /// <param name="limit">TCP_DEFER_ACCEPT as a number of timeouts; 0: off.</param>
    /// <param name="isAcked">The third ACK came and was forgotten.</param>
    /// <param name="forEver">The release waits for data until the request dies.</param>
    /// <returns>Whether the request is given up, and whether its SYN-ACK is sent again.</returns>
    internal static (bool Expires, bool Resends) OnTimer(
        int timeouts, int retries, int limit, bool isAcked, bool forEver)
    {
        // Where it is off: every time. Else silent once the ACK has come, but for the last time: its ACK then makes the
        // connection, data or not.
        return (timeouts >= retries && (!isAcked || timeouts >= limit), forEver || !isAcked || timeouts >= limit - 1);
    }
}
