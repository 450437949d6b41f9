namespace Earshot.Core.Tcp.Established.Sending;

/// <summary>What a connection keeps that was opened with Fast Open: made when it is asked for. Linux:
/// tcp_fastopen_request, syn_fastopen.</summary>
internal sealed class ClientFastOpen
{
    /// <summary>connect() is done, and the SYN waits for the first write. Linux: INET_FLAGS_DEFER_CONNECT.</summary>
    internal bool IsDeferred;

    /// <summary>The SYN had an option. Linux: syn_fastopen.</summary>
    internal bool HasOption;

    /// <summary>Whether it tries again after Fast Open was off for a while. Linux: syn_fastopen_ch.</summary>
    internal bool IsTrial;

    /// <summary>It was the experimental one. Linux: syn_fastopen_exp.</summary>
    internal bool IsExperimental;

    /// <summary>Bytes of data in the SYN.</summary>
    internal int DataLength;

    /// <summary>Whether the SYN-ACK acknowledged data. Linux: syn_data_acked.</summary>
    internal bool IsDataAcknowledged;

    /// <summary>Why it failed: 0 it did not, 1 no cookie, 2 data not acknowledged, 3 the SYN was sent again. Linux:
    /// fastopen_client_fail.</summary>
    internal byte Failure;
}
