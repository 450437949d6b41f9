using System;
using Earshot.Core.Congestion;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>What the congestion control is told and may ask. Linux: tcp_cong.c.</content>
internal sealed partial class Connection : ISender
{
    /// <summary>The congestion control. Linux: icsk_ca_ops.</summary>
    private ICongestionControl Algorithm => _context.CongestionControls[Options.Congestion];

    /// <summary>The connection as the congestion control sees it.</summary>
    private CongestionContext Congestion => new(this, ref Control);

    long ISender.NowMicroseconds => _context.NowMicroseconds;

    long ISender.Jiffies => _context.Jiffies;

    int ISender.JiffiesPerSecond => _context.Clock.Hz;

    int ISender.SegmentSize => _mss;

    int ISender.PacketsInFlight => PacketsInFlight;

    int ISender.PacketsOut => _packetsOut;

    int ISender.Reordering => Reordering;

    uint ISender.Delivered => Tally.Delivered;

    uint ISender.DeliveredWithCe => Tally.DeliveredCe;

    uint ISender.Lost => LostEver;

    long ISender.DeliveredMicroseconds => Sender.DeliveredNanoseconds / 1000;

    long ISender.PaceMicroseconds => Sender.PaceNanoseconds / 1000;

    uint ISender.AppLimited => Sender.AppLimited;

    long ISender.LastSentJiffies => _context.Clock.At(new Time.Instant(LastSent));

    SeqNumber ISender.Unacknowledged => _una;

    SeqNumber ISender.Next => _nxt;

    RecoveryState ISender.Recovery => _recovery;

    long ISender.SmoothedRtt8 => Rtt.Smoothed8;

    long ISender.MinimumRtt => Tally.MinimumRtt == 0 ? uint.MaxValue : Tally.MinimumRtt;

    // Only a window that was used up shows what the path can take. Linux: tcp_is_cwnd_limited.
    bool ISender.IsWindowLimited => _windowLimited
        || (Control.Window < Control.Threshold && Control.Window < 2 * MostPacketsOut);

    bool ISender.IsPaced => IsPaced;

    long ISender.MaximumPacingRate => Options.Others is null ? long.MaxValue : LimitOfPace;

    int ISender.MaximumSuperPacket => MaximumSuperSegment;

    bool ISender.HasEcn => _hasEcn;

    void ISender.MarkAppLimited() =>
        Sender.AppLimited = Math.Max(1, Tally.Delivered + (uint)PacketsInFlight);

    uint ISender.Draw(uint bound) => _context.Identifications.Below(bound);

    void ISender.Count(Counter counter, long amount) => _context.Mib.Count(counter, amount);

    /// <summary>Another congestion control takes over; the window stays. Linux:
    /// tcp_reinit_congestion_control.</summary>
    internal void ChangeAlgorithm(byte place)
    {
        Rouse();
        Algorithm.Release(Congestion);
        ChangeOptions().Congestion = place;
        Control.ClearPrivate();
        if (!IsOpening)
        {
            StartAlgorithm();
        }
    }

    /// <summary>What TCP_CC_INFO tells: the bytes written.</summary>
    internal int AlgorithmInfo(Span<byte> target)
    {
        Rouse();
        return IsOpening ? Algorithm.InfoLength : Algorithm.Info(Congestion, target);
    }

    /// <summary>The congestion control begins. Linux: tcp_init_congestion_control.</summary>
    private void StartAlgorithm()
    {
        Control.ClearPrivate();
        _isPaced |= (Algorithm.Traits & CongestionTraits.Paced) != 0;
        Algorithm.Initialize(Congestion);
    }

    /// <summary>The window grows by what was delivered. Linux: tcp_cong_avoid.</summary>
    private void GrowWindow(int delivered)
    {
        Algorithm.Grow(Congestion, delivered);
        Sender.WindowStamp = (uint)_context.Jiffies;
    }

    /// <summary>The threshold that the congestion control wants after a loss.</summary>
    private int LossThreshold() => Algorithm.Threshold(Congestion);

    /// <summary>Enters a state of recovery. Linux: tcp_set_ca_state.</summary>
    private void SetRecovery(RecoveryState state)
    {
        Algorithm.OnState(Congestion, state);
        _recovery = state;
        if (state == RecoveryState.Open)
        {
            ForgetCountedTwice();
        }
    }
}
