namespace Earshot.Core.Congestion;

/// <summary>How loss recovery stands. Linux: enum tcp_ca_state.</summary>
public enum RecoveryState : byte
{
    /// <summary>Nothing is missing.</summary>
    Open,

    /// <summary>Something is missing or came out of order, and it is not known to be lost.</summary>
    Disorder,

    /// <summary>The window shrinks because the network said that it is congested (ECN, or a full local
    /// queue).</summary>
    Cwr,

    /// <summary>A loss was seen; what is lost is being sent again.</summary>
    Recovery,

    /// <summary>The retransmission timer fired.</summary>
    Loss,
}

/// <summary>What happens to a connection that an algorithm may want to know of. Linux: enum tcp_ca_event.</summary>
public enum CongestionEvent : byte
{
    /// <summary>The first packet leaves after nothing was in flight. Linux: CA_EVENT_TX_START.</summary>
    TransmitStart,

    /// <summary>The window begins again after a pause. Linux: CA_EVENT_CWND_RESTART.</summary>
    WindowRestart,

    /// <summary>A reduction of the window is complete. Linux: CA_EVENT_COMPLETE_CWR.</summary>
    ReductionComplete,

    /// <summary>The retransmission timer fired. Linux: CA_EVENT_LOSS.</summary>
    Loss,

    /// <summary>A packet with an ECN mark and without congestion came. Linux: CA_EVENT_ECN_NO_CE.</summary>
    EcnNoCe,

    /// <summary>A packet came that says that it met congestion. Linux: CA_EVENT_ECN_IS_CE.</summary>
    EcnIsCe,
}

/// <summary>What kind of ACK came. Linux: enum tcp_ca_ack_event_flags.</summary>
[System.Flags]
public enum AckEvent : byte
{
    /// <summary>An ACK taken by the fast path.</summary>
    None = 0,

    /// <summary>It went the slow path. Linux: CA_ACK_SLOWPATH.</summary>
    SlowPath = 1,

    /// <summary>It changed the window. Linux: CA_ACK_WIN_UPDATE.</summary>
    WindowUpdate = 2,

    /// <summary>It carried ECE. Linux: CA_ACK_ECE.</summary>
    Ece = 4,
}

/// <summary>What an algorithm asks for. Linux: the flags of struct tcp_congestion_ops.</summary>
[System.Flags]
public enum CongestionTraits : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Programs without privilege may choose it. Linux: TCP_CONG_NON_RESTRICTED.</summary>
    Unrestricted = 1,

    /// <summary>It needs ECN: connections ask for it, and every packet is marked. Linux: TCP_CONG_NEEDS_ECN.</summary>
    NeedsEcn = 2,

    /// <summary>It sets window and rate itself at each ACK; growth and proportional rate reduction are left out.
    /// Linux: cong_control.</summary>
    ControlsWindow = 4,

    /// <summary>It wants its connections paced. Linux: SK_PACING_NEEDED.</summary>
    Paced = 8,
}
