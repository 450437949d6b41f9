using System;
using Earshot.Core.Time;

namespace Earshot.Core.Tcp.Established;

/// <content>The pace at which packets leave. Linux: tcp_update_pacing_rate, tcp_pacing_check.</content>
internal sealed partial class Connection
{
    // The key of SO_MAX_PACING_RATE among the options that nothing else reads.
    private const int MaximumPacingRateKey = (1 << 16) | 47;

    // Packets that leave before there is a pace, as fq has it.
    private const int UnpacedSegments = 10;

    private bool _isPaced;

    /// <summary>Whether packets leave at a pace. Linux: tcp_needs_internal_pacing.</summary>
    private bool IsPaced => _isPaced || Options.Others is not null && LimitOfPace != long.MaxValue;

    /// <summary>SO_MAX_PACING_RATE in bytes a second. Linux: sk_max_pacing_rate.</summary>
    private long LimitOfPace
    {
        get
        {
            long rate = OptionValues.Get(Options.Others, MaximumPacingRateKey, -1);
            return rate is < 0 or uint.MaxValue ? long.MaxValue : rate;
        }
    }

    /// <summary>The pace in bytes a second; 0: there is none yet.</summary>
    private long Pace => Options.Others is null
        ? Control.PacingRate
        : Math.Min(Control.PacingRate == 0 ? long.MaxValue : Control.PacingRate, LimitOfPace);

    /// <summary>By how much timers are late because the pace is. Linux: tcp_pacing_delay.</summary>
    private long PaceDelayMicroseconds => IsPaced
        ? Math.Max(0, (Sender.PaceNanoseconds - _context.Now.Nanoseconds) / 1000) : 0;

    /// <summary>Whether the pace keeps the next packet back; it leaves later by itself then.</summary>
    private bool IsPaceClosed()
    {
        if (Sender.PaceNanoseconds <= _context.Now.Nanoseconds || !IsPaced)
        {
            return false;
        }

        if (PaceTimer == 0)
        {
            PaceTimer = Sender.PaceNanoseconds;
            _tcp.Timers.Precise.Arm(new Instant(PaceTimer), Handle, PreciseTimerKind.Pacing);
        }

        return true;
    }

    /// <summary>The pace lets the next packet out. Linux: tcp_pace_kick, tcp_tsq_write.</summary>
    internal void OnPaceTimer()
    {
        if (_traffic is null || PaceTimer != _context.Now.Nanoseconds)
        {
            // It was armed for a connection that is no more.
            return;
        }

        PaceTimer = 0;
        SendWaiting();
    }

    /// <summary>What waited for the pace or for the link leaves. Linux: tcp_tsq_write.</summary>
    private void SendWaiting()
    {
        if (State is TcpState.Established or TcpState.FinWait1 or TcpState.Closing or TcpState.CloseWait
            or TcpState.LastAck)
        {
            if (_lost > _retransmitted && PacketsInFlight < Control.Window)
            {
                RetransmitLost();
            }

            Push(force: false);
        }
    }

    /// <summary>Data has left: when the next may. Linux: tcp_update_skb_after_send.</summary>
    /// <param name="length">Its bytes.</param>
    /// <param name="before">When the one before left or was to leave, in nanoseconds.</param>
    private void AdvancePace(int length, long before)
    {
        long rate;
        if (IsPaced && Tally.DataOut >= UnpacedSegments && (rate = Pace) > 0)
        {
            // What was lost by waking late is made up for, up to half.
            long pause = (long)((double)length * Instant.NanosecondsPerSecond / rate);
            Sender.PaceNanoseconds += pause - Math.Min(pause / 2, Sender.PaceNanoseconds - before);
        }
    }

    /// <summary>The pace follows the window: so many times a window in a round trip. Linux:
    /// tcp_update_pacing_rate.</summary>
    private void UpdatePacing()
    {
        int percent = Control.Window < Control.Threshold / 2
            ? _context.Sysctls.TcpPacingSsRatio : _context.Sysctls.TcpPacingCaRatio;
        ulong rate = (ulong)_mss * 80_000 * (ulong)percent * (ulong)Math.Max(Control.Window, _packetsOut);
        long rtt = Rtt.Smoothed8;
        rate = rtt > 0 ? rate / (ulong)rtt : rate;
        Control.PacingRate = (long)Math.Min(rate, (ulong)(Options.Others is null ? long.MaxValue : LimitOfPace));
    }
}
