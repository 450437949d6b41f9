namespace Earshot.Kestrel;

/// <summary>How Kestrel's connections use an Earshot stack.</summary>
public sealed class EarshotTransportOptions
{
    /// <summary>
    /// The backlog given to listen(), cut to the stack's net.core.somaxconn; 512 unless set, as with Kestrel's own
    /// sockets.
    /// </summary>
    public int Backlog { get; set; } = 512;

    /// <summary>
    /// Whether connections send without waiting for ACKs of small segments (TCP_NODELAY); on unless set.
    /// </summary>
    public bool NoDelay { get; set; } = true;

    /// <summary>
    /// Bytes received that wait for the application before the stack's receive window is left to close; 0 for no
    /// limit. 1 MiB unless set.
    /// </summary>
    public long MaxReadBufferSize { get; set; } = 1024 * 1024;

    /// <summary>
    /// Bytes written that wait for the stack's send buffer before the application's flush waits; 0 for no limit.
    /// 64 KiB unless set.
    /// </summary>
    public long MaxWriteBufferSize { get; set; } = 64 * 1024;

    /// <summary>
    /// Whether the transport's own copying runs on the stack's thread, which saves a hand-over per read and write; on
    /// unless set. The application always runs on the thread pool.
    /// </summary>
    public bool InlineCompletions { get; set; } = true;
}
