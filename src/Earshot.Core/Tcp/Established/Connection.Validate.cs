using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>Whether a segment is acceptable, and what the others are answered (RFC 7323, RFC 5961). Linux:
/// tcp_validate_incoming.</content>
internal sealed partial class Connection
{
    // PAWS lets a clock go back one tick, and forgets after INT_MAX microseconds. Linux: TCP_PAWS_WINDOW,
    // TCP_PAWS_WRAP.
    private const int PawsTolerance = 1;
    private const long PawsForgetsSeconds = 2147;

    /// <summary>PAWS, sequence, RST, SYN. Linux: tcp_validate_incoming.</summary>
    private bool Validate(in TcpSegment segment, in TcpOptions options)
    {
        if (options.HasTimestamp && IsOldTimestamp(options) && !IsDisorderedAck(segment, options)
            && !segment.Has(TcpFlags.Rst))
        {
            RefuseOldTimestamp(segment);
            return false;
        }

        SeqNumber right = _receiveNext + RemainingWindow;

        // A FIN may lie beyond the window's end; whether beyond a window of 0, the profile says.
        bool finMayLieBeyond = right != _receiveNext || _context.Profile.TakesFinAtClosedWindow;
        uint fin = segment.Has(TcpFlags.Fin) && finMayLieBeyond ? 1u : 0;
        bool beyond = segment.EndSeq - fin > right
            && (segment.Seq > right || (_context.Profile.ChecksSegmentEnd && UnreadPackets > 0));
        bool finReset = segment.Has(TcpFlags.Rst) && segment.Seq + 1 == _receiveNext
            && State is TcpState.CloseWait or TcpState.LastAck or TcpState.Closing;
        if (!finReset && (segment.EndSeq < _windowUpdated || beyond))
        {
            if (beyond && !segment.Has(TcpFlags.Rst | TcpFlags.Syn))
            {
                _context.Mib.Count(Counter.TcpExtBeyondWindow);
            }

            RefuseOutOfWindow(segment);
            return false;
        }

        if (segment.Has(TcpFlags.Rst))
        {
            if (segment.Seq == _receiveNext || finReset || IsResetAtHighestBlock(segment)
                || !_context.Profile.ChallengesOddSegments)
            {
                Judge(segment, RuleId.SegmentReset);
                End(State == TcpState.CloseWait ? Errno.EPIPE : Errno.ECONNRESET);
            }
            else
            {
                NoteOddReset();
                SendChallenge(segment);
            }

            return false;
        }

        bool answersCrossedSyn = State == TcpState.SynRecv && segment.Has(TcpFlags.Ack)
            && segment.SegmentLength == 1 && segment.Seq + 1 == _receiveNext && segment.Ack == _nxt;
        return !segment.Has(TcpFlags.Syn) || answersCrossedSyn || TolerateSyn(segment);
    }

    /// <summary>A SYN on a connection: challenged, or in older kernels an old number or the end.</summary>
    private bool TolerateSyn(in TcpSegment segment)
    {
        if (_context.Profile.ChallengesOddSegments)
        {
            ChallengeSyn(segment);
            return false;
        }

        if (segment.Seq < _receiveNext)
        {
            // A repeated SYN-ACK: taken as a segment that was received before, and acknowledged as such.
            return true;
        }

        _context.Mib.Count(Counter.TcpInErrs);
        Judge(segment, RuleId.SegmentReset);
        End(Errno.ECONNRESET);
        return false;
    }

    private bool IsOldTimestamp(in TcpOptions options)
    {
        if (_tsRecent == 0 || (int)(_tsRecent - options.TsVal) <= PawsTolerance)
        {
            return false;
        }

        long seconds = _context.Now.Nanoseconds / Time.Instant.NanosecondsPerSecond;
        return seconds - TsRecentSeconds < PawsForgetsSeconds;
    }

    /// <summary>A pure ACK that overtook another says nothing new and is let pass. Linux: tcp_disordered_ack.</summary>
    private bool IsDisorderedAck(in TcpSegment segment, in TcpOptions options) =>
        segment.Has(TcpFlags.Ack) && segment.SegmentLength == 0 && segment.Seq == _receiveNext
        && segment.Ack == _una && !UpdatesWindow(segment)
        && (int)(_tsRecent - options.TsVal) <= Rtt.Rto * 6 / 5 / 1000;

    private void RefuseOldTimestamp(in TcpSegment segment)
    {
        if (segment.Has(TcpFlags.Syn))
        {
            ChallengeSyn(segment);
            return;
        }

        Judge(segment, RuleId.SegmentOldTimestamp);
        if (segment.PayloadLength == 0 && !segment.Has(TcpFlags.Fin) && segment.Seq < _receiveNext)
        {
            _context.Mib.Count(Counter.TcpExtPAWSOldAck);
            return;
        }

        _context.Mib.Count(Counter.TcpExtPAWSEstab);
        SendDuplicateAck(segment, Counter.TcpExtTCPACKSkippedPAWS);
    }

    private void RefuseOutOfWindow(in TcpSegment segment)
    {
        if (segment.Has(TcpFlags.Rst))
        {
            Judge(segment, RuleId.SegmentOutOfWindow);
            return;
        }

        if (segment.Has(TcpFlags.Syn))
        {
            ChallengeSyn(segment);
            return;
        }

        Judge(segment, RuleId.SegmentOutOfWindow);
        SendDuplicateAck(segment, Counter.TcpExtTCPACKSkippedSeq);
    }

    private void ChallengeSyn(in TcpSegment segment)
    {
        if (!_context.Profile.ChallengesOddSegments)
        {
            // Before RFC 5961 a SYN outside the window was a segment like any other there.
            Judge(segment, RuleId.SegmentOutOfWindow);
            SendDuplicateAck(segment, Counter.TcpExtTCPACKSkippedSeq);
            return;
        }

        if (State == TcpState.Established)
        {
            _context.Mib.Count(Counter.TcpInErrs);
        }

        _context.Mib.Count(Counter.TcpExtTCPSYNChallenge);
        SendChallenge(segment);
    }

    /// <summary>RFC 5961: an ACK in place of obedience. Linux: tcp_send_challenge_ack.</summary>
    private void SendChallenge(in TcpSegment segment)
    {
        if (IsLimited(Counter.TcpExtTCPACKSkippedChallenge) || !_tcp.ChallengeLimit.TryTake())
        {
            Judge(segment, RuleId.SegmentChallengeLimited);
            return;
        }

        _context.Mib.Count(Counter.TcpExtTCPChallengeACK);
        Judge(segment, RuleId.SegmentChallenge);
        SendAck();
    }

    private void SendDuplicateAck(in TcpSegment segment, Counter skipped)
    {
        if (segment.SegmentLength > 0 && segment.Seq < _receiveNext)
        {
            _context.Mib.Count(Counter.TcpExtDelayedACKLost);
            EnterQuickAck();
            SeqNumber end = segment.EndSeq;
            TellDuplicate(segment.Seq, end > _receiveNext ? _receiveNext : end);
        }

        // Data outside the window is answered each time: the peer must learn what is expected.
        if (segment.SegmentLength == 0 && IsLimited(skipped))
        {
            return;
        }

        SendAck();
    }

    /// <summary>One stamp for all rate-limited replies of this socket. Linux: tcp_oow_rate_limited.</summary>
    private bool IsLimited(Counter skipped)
    {
        uint now = _context.NowMilliseconds;
        int limit = _context.Sysctls.TcpInvalidRatelimit;
        if (LastOutOfWindow != 0 && now - LastOutOfWindow < (uint)limit)
        {
            _context.Mib.Count(skipped);
            return true;
        }

        LastOutOfWindow = now == 0 ? 1 : now;
        return false;
    }

    /// <summary>A RST that answers the last SACK block that it saw. Linux: tcp_reset_check.</summary>
    private bool IsResetAtHighestBlock(in TcpSegment segment) =>
        _hasSack && Unread is { Sacks.Count: > 0 } inbox && segment.Seq == inbox.Sacks.HighestEnd;
}
