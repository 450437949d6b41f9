namespace Earshot.Core;

/// <summary>What a rule did with a segment or a call.</summary>
public enum Outcome : byte
{
    /// <summary>A request was made and answered.</summary>
    Queued,

    /// <summary>Something was sent or noted; nothing was lost.</summary>
    Answered,

    /// <summary>A handshake was finished.</summary>
    Established,

    /// <summary>The application took a connection.</summary>
    Accepted,

    /// <summary>Nothing was sent, nothing counted as lost.</summary>
    Ignored,

    /// <summary>Something was lost; nothing was sent.</summary>
    Dropped,

    /// <summary>A RST was sent.</summary>
    Reset,

    /// <summary>State was given up.</summary>
    Removed,
}

/// <summary>Every rule that gives verdicts. The numbers are not stable between versions; the names are.</summary>
public enum RuleId : ushort
{
    /// <summary>No rule.</summary>
    None,

    /// <summary>SynQueued: Linux's <c>tcp_conn_request</c>.</summary>
    SynQueued,

    /// <summary>SynQueueFull: Linux's <c>tcp_conn_request</c>.</summary>
    SynQueueFull,

    /// <summary>SynAcceptQueueFull: Linux's <c>tcp_conn_request</c>.</summary>
    SynAcceptQueueFull,

    /// <summary>SynAcceptQueueFullYoung: Linux's <c>tcp_v4_conn_request</c>.</summary>
    SynAcceptQueueFullYoung,

    /// <summary>SynLastQuarter: Linux's <c>tcp_conn_request</c>.</summary>
    SynLastQuarter,

    /// <summary>SynCounterFull: 2.0's <c>tcp_conn_request</c>, the BSDs' <c>sonewconn</c>.</summary>
    SynCounterFull,

    /// <summary>SynQueuedForAnother: XNU's <c>tcp_dropdropablreq</c>, FreeBSD's <c>syncache_insert</c>.</summary>
    SynQueuedForAnother,

    /// <summary>RequestPushedOut: as <see cref="SynQueuedForAnother"/>, of the one that went.</summary>
    RequestPushedOut,

    /// <summary>RequestNoSocket: FreeBSD's <c>syncache_socket</c>.</summary>
    RequestNoSocket,

    /// <summary>RequestNoSocketReset: FreeBSD's <c>syncache_socket</c>.</summary>
    RequestNoSocketReset,

    /// <summary>SynNotUnicast: Linux's <c>tcp_v4_conn_request</c>.</summary>
    SynNotUnicast,

    /// <summary>SynNoRoute: Linux's <c>inet_csk_route_req</c>.</summary>
    SynNoRoute,

    /// <summary>SynNoRoom: Linux's <c>inet_reqsk_alloc</c>.</summary>
    SynNoRoom,

    /// <summary>SynCookie: Linux's <c>tcp_conn_request</c>.</summary>
    SynCookie,

    /// <summary>SynCookieForced: Linux's <c>tcp_conn_request</c>.</summary>
    SynCookieForced,

    /// <summary>CookieNotExpected: Linux's <c>cookie_v4_check</c>.</summary>
    CookieNotExpected,

    /// <summary>CookieBad: Linux's <c>cookie_v4_check</c>.</summary>
    CookieBad,

    /// <summary>CookieOptions: Linux's <c>cookie_timestamp_decode</c>.</summary>
    CookieOptions,

    /// <summary>CookieNoRoute: Linux's <c>cookie_v4_check</c>.</summary>
    CookieNoRoute,

    /// <summary>CookieOverflow: Linux's <c>tcp_get_cookie_sock</c>.</summary>
    CookieOverflow,

    /// <summary>CookieTwice: Linux's <c>tcp_get_cookie_sock</c>.</summary>
    CookieTwice,

    /// <summary>CookiePromoted: Linux's <c>tcp_get_cookie_sock</c>.</summary>
    CookiePromoted,

    /// <summary>FastOpenChild: Linux's <c>tcp_try_fastopen</c>.</summary>
    FastOpenChild,

    /// <summary>FastOpenCookie: Linux's <c>tcp_try_fastopen</c>.</summary>
    FastOpenCookie,

    /// <summary>FastOpenBadCookie: Linux's <c>tcp_try_fastopen</c>.</summary>
    FastOpenBadCookie,

    /// <summary>FastOpenQueueFull: Linux's <c>tcp_fastopen_queue_check</c>.</summary>
    FastOpenQueueFull,

    /// <summary>ListenAck: Linux's <c>tcp_rcv_state_process</c>.</summary>
    ListenAck,

    /// <summary>ListenRst: Linux's <c>tcp_rcv_state_process</c>.</summary>
    ListenRst,

    /// <summary>ListenSynFin: Linux's <c>tcp_rcv_state_process</c>.</summary>
    ListenSynFin,

    /// <summary>ListenNothing: Linux's <c>tcp_rcv_state_process</c>.</summary>
    ListenNothing,

    /// <summary>RequestSynAgain: Linux's <c>tcp_check_req</c>.</summary>
    RequestSynAgain,

    /// <summary>RequestSynAgainLimited: Linux's <c>tcp_oow_rate_limited</c>.</summary>
    RequestSynAgainLimited,

    /// <summary>RequestWrongAck: Linux's <c>tcp_check_req</c>.</summary>
    RequestWrongAck,

    /// <summary>RequestOldTimestamp: Linux's <c>tcp_check_req</c>.</summary>
    RequestOldTimestamp,

    /// <summary>RequestWrongEcho: Linux's <c>tcp_check_req</c>.</summary>
    RequestWrongEcho,

    /// <summary>RequestOutOfWindow: Linux's <c>tcp_check_req</c>.</summary>
    RequestOutOfWindow,

    /// <summary>RequestReset: Linux's <c>tcp_check_req</c>.</summary>
    RequestReset,

    /// <summary>RequestChallenge: Linux's <c>tcp_challenge_ack_check_req</c>.</summary>
    RequestChallenge,

    /// <summary>RequestChallengeLimited: Linux's <c>tcp_challenge_ack_check_req</c>.</summary>
    RequestChallengeLimited,

    /// <summary>RequestNoRoute: Linux's <c>inet_csk_route_child_sock</c>.</summary>
    RequestNoRoute,

    /// <summary>RequestNotSent: Linux's <c>tcp_rtx_synack</c>.</summary>
    RequestNotSent,

    /// <summary>RequestSynInWindow: Linux's <c>tcp_check_req</c>.</summary>
    RequestSynInWindow,

    /// <summary>RequestNoAck: Linux's <c>tcp_check_req</c>.</summary>
    RequestNoAck,

    /// <summary>RequestOverflow: Linux's <c>tcp_v4_syn_recv_sock</c>.</summary>
    RequestOverflow,

    /// <summary>RequestOverflowAbort: Linux's <c>tcp_check_req</c>.</summary>
    RequestOverflowAbort,

    /// <summary>RequestPromoted: Linux's <c>inet_csk_complete_hashdance</c>.</summary>
    RequestPromoted,

    /// <summary>RequestDeferred: Linux's <c>tcp_check_req</c>.</summary>
    RequestDeferred,

    /// <summary>RequestDeferredTimer: Linux's <c>syn_ack_recalc</c>.</summary>
    RequestDeferredTimer,

    /// <summary>RequestTimer: Linux's <c>reqsk_timer_handler</c>.</summary>
    RequestTimer,

    /// <summary>RequestSweep: Linux's <c>inet_csk_reqsk_queue_prune</c>.</summary>
    RequestSweep,

    /// <summary>RequestExpired: Linux's <c>reqsk_timer_handler</c>.</summary>
    RequestExpired,

    /// <summary>RequestListenerGone: Linux's <c>reqsk_timer_handler</c>.</summary>
    RequestListenerGone,

    /// <summary>RequestMigrated: Linux's <c>reuseport_migrate_sock</c>.</summary>
    RequestMigrated,

    /// <summary>RequestIcmp: Linux's <c>tcp_req_err</c>.</summary>
    RequestIcmp,

    /// <summary>RequestIcmpOutOfWindow: Linux's <c>tcp_req_err</c>.</summary>
    RequestIcmpOutOfWindow,

    /// <summary>Accepted: Linux's <c>inet_csk_accept</c>.</summary>
    Accepted,

    /// <summary>ChildReset: Linux's <c>inet_child_forget</c>.</summary>
    ChildReset,

    /// <summary>ChildMigrated: Linux's <c>inet_csk_listen_stop</c>.</summary>
    ChildMigrated,

    /// <summary>ListenStarted: Linux's <c>inet_csk_listen_start</c>.</summary>
    ListenStarted,

    /// <summary>ListenStopped: Linux's <c>inet_csk_listen_stop</c>.</summary>
    ListenStopped,

    /// <summary>DatagramTaken: Linux's <c>udp_queue_rcv_skb</c>.</summary>
    DatagramTaken,

    /// <summary>SegmentTtl: Linux's <c>tcp_v4_rcv</c>.</summary>
    SegmentTtl,

    /// <summary>SegmentSignature: Linux's <c>tcp_inbound_hash</c>.</summary>
    SegmentSignature,

    /// <summary>NoSocket: Linux's <c>tcp_v4_rcv</c>.</summary>
    NoSocket,

    /// <summary>NoSocketSilent: Linux's <c>tcp_v4_send_reset</c>.</summary>
    NoSocketSilent,

    /// <summary>SegmentHeader: Linux's <c>tcp_v4_rcv</c>.</summary>
    SegmentHeader,

    /// <summary>SegmentChecksum: Linux's <c>tcp_checksum_complete</c>.</summary>
    SegmentChecksum,

    /// <summary>PacketHeader: Linux's <c>ip_rcv_core</c>.</summary>
    PacketHeader,

    /// <summary>PacketTruncated: Linux's <c>ip_rcv_core</c>.</summary>
    PacketTruncated,

    /// <summary>PacketMartian: Linux's <c>ip_route_input_slow</c>.</summary>
    PacketMartian,

    /// <summary>PacketNotOurs: Linux's <c>ip_error</c>.</summary>
    PacketNotOurs,

    /// <summary>PacketFragment: Linux's <c>ip_defrag</c>.</summary>
    PacketFragment,

    /// <summary>PacketOptions: Linux's <c>ip_options_compile</c>.</summary>
    PacketOptions,

    /// <summary>PacketUnknownProtocol: Linux's <c>ip_protocol_deliver_rcu</c>.</summary>
    PacketUnknownProtocol,

    /// <summary>PacketQueueFull: Linux's <c>pfifo_enqueue</c>.</summary>
    PacketQueueFull,

    /// <summary>ConnectSent: Linux's <c>tcp_connect</c>.</summary>
    ConnectSent,

    /// <summary>ConnectAgain: Linux's <c>tcp_retransmit_timer</c>.</summary>
    ConnectAgain,

    /// <summary>ConnectDone: Linux's <c>tcp_rcv_synsent_state_process</c>.</summary>
    ConnectDone,

    /// <summary>ConnectTimedOut: Linux's <c>tcp_write_timeout</c>.</summary>
    ConnectTimedOut,

    /// <summary>ConnectRefused: Linux's <c>tcp_reset</c>.</summary>
    ConnectRefused,

    /// <summary>ConnectUnreachable: Linux's <c>tcp_v4_err</c>.</summary>
    ConnectUnreachable,

    /// <summary>ConnectWrongAck: Linux's <c>tcp_rcv_synsent_state_process</c>.</summary>
    ConnectWrongAck,

    /// <summary>ConnectOldEcho: Linux's <c>tcp_rcv_synsent_state_process</c>.</summary>
    ConnectOldEcho,

    /// <summary>ConnectIgnored: Linux's <c>tcp_rcv_synsent_state_process</c>.</summary>
    ConnectIgnored,

    /// <summary>SimultaneousOpen: Linux's <c>tcp_rcv_synsent_state_process</c>.</summary>
    SimultaneousOpen,

    /// <summary>SegmentNoFlags: Linux's <c>tcp_rcv_state_process</c>.</summary>
    SegmentNoFlags,

    /// <summary>SegmentOldTimestamp: Linux's <c>tcp_validate_incoming</c>.</summary>
    SegmentOldTimestamp,

    /// <summary>SegmentOutOfWindow: Linux's <c>tcp_validate_incoming</c>.</summary>
    SegmentOutOfWindow,

    /// <summary>SegmentReset: Linux's <c>tcp_reset</c>.</summary>
    SegmentReset,

    /// <summary>SegmentChallenge: Linux's <c>tcp_send_challenge_ack</c>.</summary>
    SegmentChallenge,

    /// <summary>SegmentChallengeLimited: Linux's <c>tcp_send_challenge_ack</c>.</summary>
    SegmentChallengeLimited,

    /// <summary>SegmentBadAck: Linux's <c>tcp_ack</c>.</summary>
    SegmentBadAck,

    /// <summary>SegmentAfterClose: Linux's <c>tcp_rcv_state_process</c>.</summary>
    SegmentAfterClose,

    /// <summary>SegmentClosed: Linux's <c>tcp_rcv_state_process</c>.</summary>
    SegmentClosed,

    /// <summary>SegmentNoMemory: Linux's <c>tcp_data_queue</c>.</summary>
    SegmentNoMemory,

    /// <summary>ConnectionTimedOut: Linux's <c>tcp_write_timeout</c>.</summary>
    ConnectionTimedOut,

    /// <summary>TimeWaitEntered: Linux's <c>tcp_time_wait</c>.</summary>
    TimeWaitEntered,

    /// <summary>TimeWaitAck: Linux's <c>tcp_timewait_state_process</c>.</summary>
    TimeWaitAck,

    /// <summary>TimeWaitIgnored: Linux's <c>tcp_timewait_state_process</c>.</summary>
    TimeWaitIgnored,

    /// <summary>TimeWaitKilled: Linux's <c>tcp_timewait_state_process</c>.</summary>
    TimeWaitKilled,

    /// <summary>TimeWaitReused: Linux's <c>tcp_timewait_state_process</c>.</summary>
    TimeWaitReused,

    /// <summary>IcmpEcho: Linux's <c>icmp_echo</c>.</summary>
    IcmpEcho,

    /// <summary>IcmpIgnored: Linux's <c>icmp_rcv</c>.</summary>
    IcmpIgnored,

    /// <summary>IcmpBad: Linux's <c>icmp_rcv</c>.</summary>
    IcmpBad,

    /// <summary>IcmpNoSocket: Linux's <c>tcp_v4_err</c>.</summary>
    IcmpNoSocket,

    /// <summary>IcmpOutOfWindow: Linux's <c>tcp_v4_err</c>.</summary>
    IcmpOutOfWindow,

    /// <summary>IcmpSoftError: Linux's <c>tcp_v4_err</c>.</summary>
    IcmpSoftError,

    /// <summary>IcmpPathMtu: Linux's <c>tcp_v4_mtu_reduced</c>.</summary>
    IcmpPathMtu,
}
