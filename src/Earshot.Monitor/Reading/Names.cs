namespace Earshot.Monitor.Reading;

/// <summary>The kernel's names of what the monitor looks at: counters as nstat spells them, sysctls as sysctl
/// does.</summary>
internal static class Names
{
    public const string Somaxconn = "net.core.somaxconn";
    public const string MaxSynBacklog = "net.ipv4.tcp_max_syn_backlog";
    public const string Syncookies = "net.ipv4.tcp_syncookies";
    public const string AbortOnOverflow = "net.ipv4.tcp_abort_on_overflow";
    public const string SynAckRetries = "net.ipv4.tcp_synack_retries";
    public const string MigrateReq = "net.ipv4.tcp_migrate_req";

    public const string ListenOverflows = "TcpExtListenOverflows";
    public const string ListenDrops = "TcpExtListenDrops";
    public const string SyncookiesSent = "TcpExtSyncookiesSent";
    public const string SyncookiesRecv = "TcpExtSyncookiesRecv";
    public const string SyncookiesFailed = "TcpExtSyncookiesFailed";
    public const string ReqQFullDoCookies = "TcpExtTCPReqQFullDoCookies";
    public const string ReqQFullDrop = "TcpExtTCPReqQFullDrop";
    public const string DeferAcceptDrop = "TcpExtTCPDeferAcceptDrop";
    public const string EmbryonicRsts = "TcpExtEmbryonicRsts";
    public const string SynRetrans = "TcpExtTCPSynRetrans";
    public const string Timeouts = "TcpExtTCPTimeouts";
    public const string MigrateSuccess = "TcpExtTCPMigrateReqSuccess";
    public const string MigrateFailure = "TcpExtTCPMigrateReqFailure";
    public const string MinTtlDrop = "TcpExtTCPMinTTLDrop";
    public const string PassiveOpens = "TcpPassiveOpens";
    public const string AttemptFails = "TcpAttemptFails";
    public const string EstabResets = "TcpEstabResets";
    public const string OutRsts = "TcpOutRsts";
    public const string RetransSegs = "TcpRetransSegs";
}
