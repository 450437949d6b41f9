using System;

namespace Earshot.Core.Tcp.Established;

/// <summary>Retransmission, probes, delayed ACKs, keepalive. Linux: tcp_timer.c.</summary>
internal sealed partial class Connection
{
    private const int MaximumBackoff = 10;
    private const int OrphanRetries = 8;

    private int Node(ref int node, TimerKind kind)
    {
        if (node < 0)
        {
            node = _tcp.Timers.NewNode(kind, Handle);
        }

        return node;
    }

    private void ArmWriteTimer(long microseconds, WriteTimer purpose = WriteTimer.Retransmission)
    {
        // Until the third ACK of a Fast Open connection the timer is the SYN-ACK's. Linux: tcp_rearm_rto.
        if (_fastOpen < 0)
        {
            _pending = purpose;
            _tcp.Timers.Arm(
                Node(ref _writeTimer, TimerKind.Write),
                Math.Max(1, _context.Clock.FromMicroseconds(microseconds + PaceDelayMicroseconds)));
        }
    }

    /// <summary>The write timer fired. Linux: tcp_write_timer_handler.</summary>
    internal void OnWriteTimer()
    {
        Rouse();
        if (State == TcpState.Close)
        {
            return;
        }

        if (_fastOpen >= 0)
        {
            OnFastOpenTimer();
        }
        else if (State is TcpState.SynSent or TcpState.SynRecv)
        {
            OnSynTimer();
        }
        else if (_packetsOut == 0)
        {
            OnProbeTimer();
        }
        else if (_pending == WriteTimer.Probe)
        {
            OnProbeOfTail();
        }
        else if (_pending == WriteTimer.Reordering)
        {
            OnReorderTimer();
        }
        else
        {
            _pending = WriteTimer.None;
            OnRetransmissionTimer();
        }
    }

    /// <summary>No answer to our SYN. Linux: tcp_write_timeout, tcp_retransmit_timer.</summary>
    private void OnSynTimer()
    {
        Mib mib = _context.Mib;
        mib.Count(Counter.TcpExtTCPTimeouts);
        int retries = Options.SynCount != 0 ? Options.SynCount : _context.Sysctls.TcpSynRetries;
        int linear = State == TcpState.SynSent ? _context.Sysctls.TcpSynLinearTimeouts : 0;
        long elapsed = (_context.Now.Nanoseconds - FirstRetransmission) / 1000;
        long limit = Options.UserTimeout > 0 ? Options.UserTimeout * 1000L : ConnectLimit(retries);
        bool tooMany = Options.UserTimeout == 0 && Timeouts >= retries + linear;
        DetectFastOpenBlackHole(tooMany || elapsed >= limit);
        if (tooMany || elapsed >= limit)
        {
            mib.Count(Counter.TcpExtTCPAbortOnTimeout);
            Judge(RuleId.ConnectTimedOut, (uint)Timeouts);
            End(SoftError != 0 ? SoftError : Errno.ETIMEDOUT);
            return;
        }

        Rehash();
        if (Timeouts > 0)
        {
            mib.Count(Counter.TcpExtTCPLostRetransmit);
        }

        Judge(RuleId.ConnectAgain, (uint)Timeouts + 1, (uint)(elapsed / 1000));
        _owesCwr |= _hasEcn;
        SendSyn(again: true);
        BeginTimeoutEpisode(Loss);
        TotalRetransmissions++;
        mib.Count(Counter.TcpRetransSegs);
        mib.Count(Counter.TcpExtTCPSynRetrans);
        if (Timeouts > linear)
        {
            // The first timeouts of a SYN come at a steady pace; only then the waits double.
            Backoff++;
            Rtt.Rto = Math.Min(Rtt.Rto << 1, MaximumRto);
        }

        bool cut = Options.UserTimeout > 0 || _context.Profile.ConnectLifetime is not null;
        ArmWriteTimer(cut ? Math.Clamp(limit - elapsed, 1, Rtt.Rto) : Rtt.Rto);
    }

    /// <summary>For how many microseconds connect() tries. Linux: retransmits_timed_out.</summary>
    private long ConnectLimit(int retries)
    {
        if (_context.Profile.ConnectLifetime is { } lifetime)
        {
            return lifetime.Ticks / TimeSpan.TicksPerMicrosecond;
        }

        long first = _context.Profile.ConnectTimeoutBase is { } wrong
            ? wrong.Ticks / TimeSpan.TicksPerMicrosecond : InitialRto;
        return ((1L << Math.Min(retries + 1, 40)) - 1) * first;
    }
}
