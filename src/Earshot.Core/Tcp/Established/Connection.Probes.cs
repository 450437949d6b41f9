using System;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>Asking a peer that does not open its window, or that has long been silent. Linux: tcp_probe_timer,
/// tcp_keepalive_timer.</content>
internal sealed partial class Connection
{
    /// <summary>Nothing is in flight, and data may not leave.</summary>
    private void OnProbeTimer()
    {
        if (Unsent.Count == 0)
        {
            Probes = 0;
            ProbesBegun = 0;
            return;
        }

        uint now = (uint)_context.Jiffies;
        if (ProbesBegun == 0)
        {
            ProbesBegun = now == 0 ? 1 : now;
        }
        else if (Options.UserTimeout > 0 && (int)(now - ProbesBegun) >= UserTimeoutJiffies)
        {
            GiveUpProbing();
            return;
        }

        int limit = _context.Sysctls.TcpRetries2;
        if (IsOrphan)
        {
            bool alive = Rtt.Rto << Math.Min(Backoff, MaximumBackoff) < MaximumRto;
            limit = OrphanRetriesWhile(alive);
            if (!alive && Backoff >= limit)
            {
                GiveUpProbing();
                return;
            }

            if (EndsForWantOfMemory(reset: true))
            {
                return;
            }
        }

        if (Probes >= limit)
        {
            GiveUpProbing();
            return;
        }

        ProbeWindow();
    }

    private void GiveUpProbing()
    {
        _context.Mib.Count(Counter.TcpExtTCPAbortOnTimeout);
        Judge(RuleId.ConnectionTimedOut, (uint)Probes);
        End(SoftError != 0 ? SoftError : Errno.ETIMEDOUT);
    }

    /// <summary>Linux: tcp_send_probe0.</summary>
    private void ProbeWindow()
    {
        WakePeer(Counter.TcpExtTCPWinProbe);
        if (_packetsOut > 0 || Unsent.Count == 0)
        {
            Probes = Backoff = 0;
            ProbesBegun = 0;
            return;
        }

        Probes++;
        if (Backoff < _context.Sysctls.TcpRetries2)
        {
            Backoff++;
        }

        ArmWriteTimer(ProbeWait);
    }

    // Linux: TCP_TIMEOUT_MIN.
    private const int LeastProbeJiffies = 2;

    /// <summary>Microseconds until the next probe. Linux: tcp_probe0_when, tcp_clamp_probe0_to_user_timeout.</summary>
    private long ProbeWait
    {
        get
        {
            long wait = Math.Max(Rtt.Rto, RttEstimator.MinimumMicroseconds);
            wait = Math.Min(wait << Math.Min(Backoff, MaximumBackoff), MaximumRto);
            if (Options.UserTimeout == 0 || ProbesBegun == 0)
            {
                return wait;
            }

            int elapsed = Math.Max(0, (int)((uint)_context.Jiffies - ProbesBegun));
            long left = Math.Max(UserTimeoutJiffies - elapsed, LeastProbeJiffies);
            return Math.Min(wait, left * _context.Clock.TickMicroseconds);
        }
    }

    private int UserTimeoutJiffies => (int)_context.Clock.FromMilliseconds(Options.UserTimeout);

    /// <summary>A segment that the peer must answer. Linux: tcp_write_wakeup.</summary>
    private void WakePeer(Counter counter)
    {
        int window = (int)(_una.Value + _sendWindow - _nxt.Value);
        if (Unsent.Count > 0 && window > 0)
        {
            // The window is open, but less than a segment: a piece that fits goes as real data.
            SendProbePiece(window);
            return;
        }

        if (IsUrgent && UrgentEnd - _una <= ushort.MaxValue)
        {
            SendProbe(_una, counter);
        }

        SendProbe(_una - 1, counter);
    }

    /// <summary>An empty segment that asks for an answer, or tells of an urgent byte that may not leave. Linux:
    /// tcp_xmit_probe_skb.</summary>
    private void SendProbe(SeqNumber seq, Counter counter)
    {
        _context.Mib.Count(counter);
        if (Send(seq, TcpFlags.Ack, default, default, 0))
        {
            _context.Mib.Count(Counter.TcpOutSegs);
        }
    }

    /// <summary>An ACK while nothing was in flight: perhaps the window has opened. Linux: tcp_ack_probe.</summary>
    private void AfterProbe()
    {
        if (Unsent.Count == 0)
        {
            return;
        }

        // A FIN takes a number too, and waits for the window as data does.
        if (Unsent.Head.End + (Unsent.Head.Has(UnsentFlags.Fin) ? 1 : 0) <= _una + _sendWindow)
        {
            Backoff = 0;
            ProbesBegun = 0;
            _tcp.Timers.Stop(_writeTimer);
        }
        else
        {
            ArmWriteTimer(ProbeWait);
        }
    }

    /// <summary>How often an orphan tries. Linux: tcp_orphan_retries.</summary>
    private int OrphanRetriesWhile(bool alive)
    {
        int retries = SoftError != 0 && !alive ? 0 : _context.Sysctls.TcpOrphanRetries;
        return retries == 0 && alive ? OrphanRetries : retries;
    }

    /// <summary>Whether there are too many connections without a program. Linux: tcp_out_of_resources.</summary>
    private bool EndsForWantOfMemory(bool reset)
    {
        long sinceSent = (_context.Now.Nanoseconds - LastSent) / 1000;
        int shift = (sinceSent > 2 * MaximumRto || !reset ? 1 : 0) + (SoftError != 0 ? 1 : 0);
        if ((long)_tcp.OrphanCount << shift <= _context.Sysctls.TcpMaxOrphans)
        {
            return false;
        }

        bool isRecent = sinceSent <= TimeWait.Length.Ticks / TimeSpan.TicksPerMicrosecond;
        if (reset || isRecent || (_sendWindow == 0 && _packetsOut == 0))
        {
            SendReset();
        }

        _context.Mib.Count(Counter.TcpExtTCPAbortOnMemory);
        End(0);
        return true;
    }

    /// <summary>SO_KEEPALIVE was set or taken away. Linux: tcp_set_keepalive.</summary>
    internal void SetKeepalive()
    {
        if (State is TcpState.Close or TcpState.Listen)
        {
            return;
        }

        if (Options.KeepAlive)
        {
            ArmKeepalive(KeepaliveTime);
        }
        else if (_keepaliveTimer >= 0)
        {
            _tcp.Timers.Wheel.Cancel(_keepaliveTimer);
        }
    }

    /// <summary>TCP_KEEPIDLE was set: what is left of the time counts. Linux: tcp_sock_set_keepidle_locked.</summary>
    internal void RestartKeepalive()
    {
        Rouse();
        if (Options.KeepAlive && State is not (TcpState.Close or TcpState.Listen))
        {
            ArmKeepalive(Math.Max(0, KeepaliveTime - KeepaliveElapsed));
        }
    }

    // All in jiffies. Linux: keepalive_time_when, keepalive_intvl_when.
    private long KeepaliveTime =>
        (Options.KeepIdle != 0 ? Options.KeepIdle : _context.Sysctls.TcpKeepaliveTime) * (long)_context.Clock.Hz;

    private long KeepaliveInterval =>
        (Options.KeepInterval != 0 ? Options.KeepInterval : _context.Sysctls.TcpKeepaliveIntvl)
        * (long)_context.Clock.Hz;

    private int KeepaliveProbes => Options.KeepCount != 0 ? Options.KeepCount : _context.Sysctls.TcpKeepaliveProbes;

    /// <summary>For how long nothing has come. Linux: keepalive_time_elapsed.</summary>
    private long KeepaliveElapsed
    {
        get
        {
            long heard = _context.Jiffies - _context.Clock.At(new Time.Instant(LastReceived));
            return Math.Min((uint)_context.Jiffies - LastDataJiffies, heard);
        }
    }

    private void ArmKeepalive(long jiffies) =>
        _tcp.Timers.Arm(Node(ref _keepaliveTimer, TimerKind.Keepalive), jiffies);

    /// <summary>The keepalive timer fired; of an orphan in FIN_WAIT2 it is the end.</summary>
    internal void OnKeepaliveTimer()
    {
        Rouse();
        if (State == TcpState.FinWait2 && IsOrphan)
        {
            EndFinWait2();
            return;
        }

        if (_extras is { IsLimited: true } && IsUnheard)
        {
            _context.Mib.Count(Counter.TcpExtTCPAbortOnTimeout);
            Judge(RuleId.ConnectionTimedOut, (uint)Timeouts);
            SendReset();
            End(0);
            return;
        }

        if (!Options.KeepAlive || State is TcpState.Close or TcpState.SynSent)
        {
            return;
        }

        long elapsed = KeepaliveElapsed;
        if (_packetsOut > 0 || Unsent.Count > 0)
        {
            ArmKeepalive(KeepaliveTime);
        }
        else if (elapsed < KeepaliveTime)
        {
            ArmKeepalive(KeepaliveTime - elapsed);
        }
        else if (Options.UserTimeout > 0
            ? elapsed >= UserTimeoutJiffies && Probes > 0 : Probes >= KeepaliveProbes)
        {
            _context.Mib.Count(Counter.TcpExtTCPAbortOnTimeout);
            Judge(RuleId.ConnectionTimedOut, (uint)Probes);
            SendReset();
            End(SoftError != 0 ? SoftError : Errno.ETIMEDOUT);
        }
        else
        {
            WakePeer(Counter.TcpExtTCPKeepAlive);
            Probes++;
            ArmKeepalive(KeepaliveInterval);
        }
    }

    /// <summary>The first part of an orphan's long FIN_WAIT2 is over. Linux: tcp_keepalive_timer.</summary>
    private void EndFinWait2()
    {
        TimeSpan left = FinTime - TimeWait.Length;
        if (Options.Linger2 >= 0 && left > TimeSpan.Zero)
        {
            TimeSpan least = TimeSpan.FromMicroseconds(Rtt.Rto * 3.5);
            EnterTimeWait(isFinWait2: true, left < least ? least : left);
            return;
        }

        SendReset();
        End(0);
    }
}
