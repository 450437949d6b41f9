using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established.Recovery;

/// <summary>What a connection remembers of losses: made when the first one is suspected. Linux: the recovery fields of
/// struct tcp_sock.</summary>
internal sealed class LossState
{
    /// <summary>Recoveries for which a widened window of reordering is kept. Linux:
    /// TCP_RACK_RECOVERY_THRESH.</summary>
    internal const byte RecoveriesHeld = 16;

    internal LossState(int reordering) => Reordering = reordering;

    /// <summary>SND.NXT when the state was entered: the episode ends there. Linux: high_seq.</summary>
    internal SeqNumber HighSeq;

    /// <summary>Where the highest piece that was told of ends; it counts while any is. Linux: highest_sack.</summary>
    internal SeqNumber HighestSacked;

    /// <summary>Before it nothing is to be sent again. Linux: retransmit_skb_hint.</summary>
    internal SeqNumber RetransmitHint;

    /// <summary>Before it every piece was sent again, is told of or is lost.</summary>
    internal SeqNumber RackHint;

    /// <summary>SND.UNA when the window was reduced. Linux: undo_marker.</summary>
    internal SeqNumber UndoMarker;

    /// <summary>Whether a reduction can be undone: there is a marker.</summary>
    internal bool HasUndoMarker;

    /// <summary>Whether the third ACK echoed the first SYN-ACK, so that the timeout was spurious.</summary>
    internal bool IsSynEchoed;

    /// <summary>Retransmissions of which no duplicate was told yet; -1: there were none. Linux: undo_retrans.</summary>
    internal int UndoRetransmissions;

    /// <summary>The threshold to go back to; 0: the network itself spoke of congestion. Linux:
    /// prior_ssthresh.</summary>
    internal int PriorThreshold;

    /// <summary>Packets delivered since the reduction began. Linux: prr_delivered.</summary>
    internal int Delivered;

    /// <summary>Packets sent since. Linux: prr_out.</summary>
    internal int Sent;

    /// <summary>Whether it is being found out if a timeout was spurious (RFC 5682). Linux: frto.</summary>
    internal bool IsFrto;

    /// <summary>Whether the peer has gone back on what it told. Linux: is_sack_reneg.</summary>
    internal bool IsReneging;

    /// <summary>Whether a tail loss probe is under way. Linux: tlp_high_seq.</summary>
    internal bool HasProbe;

    /// <summary>Whether that probe was a retransmission. Linux: tlp_retrans.</summary>
    internal bool ProbeIsCopy;

    /// <summary>SND.NXT when it was sent. Linux: tlp_high_seq.</summary>
    internal SeqNumber ProbeEnd;

    /// <summary>Packets by which the path is known to shift one. Linux: reordering.</summary>
    internal int Reordering;

    /// <summary>How often reordering was seen. Linux: reord_seen.</summary>
    internal int ReorderingSeen;

    /// <summary>Duplicates that were told of. Linux: dsack_dups.</summary>
    internal int Duplicates;

    /// <summary>Quarters of the least round trip that RACK waits. Linux: reo_wnd_steps.</summary>
    internal byte WindowSteps = 1;

    /// <summary>Recoveries for which that stays. Linux: reo_wnd_persist.</summary>
    internal byte WindowHeld;

    /// <summary>Whether a duplicate was told of in this round. Linux: dsack_seen.</summary>
    internal bool DuplicateSeen;

    /// <summary>Packets delivered when that was last acted on. Linux: last_delivered.</summary>
    internal uint DeliveredAtWidening;

    /// <summary>Timeouts ever. Linux: total_rto.</summary>
    internal ushort TotalTimeouts;

    /// <summary>Episodes of timeouts that ended. Linux: total_rto_recoveries.</summary>
    internal ushort TimeoutRecoveries;

    /// <summary>When the present episode of timeouts began, in milliseconds; 0: there is none. Linux:
    /// rto_stamp.</summary>
    internal uint TimeoutsBegan;

    /// <summary>Milliseconds in the earlier ones. Linux: total_rto_time.</summary>
    internal uint TimeoutMilliseconds;

    /// <summary>Copies that count as under way though no piece is marked for them, until the connection
    /// is open again.</summary>
    internal int CountedTwice;

    /// <summary>What was sent again, in order.</summary>
    internal ResentQueue Resent;

    /// <summary>All marks are gone: every piece is looked at again. Linux: tcp_clear_all_retrans_hints.</summary>
    internal void ForgetHints(SeqNumber una) => RetransmitHint = RackHint = una;
}
