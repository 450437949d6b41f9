using System;
using Earshot.Core.Tcp.Established.Recovery;

namespace Earshot.Core.Tcp.Established;

/// <content>What ACKs tell of the round trip. Linux: tcp_ack_update_rtt.</content>
internal sealed partial class Connection
{
    /// <summary>Takes the sample of the round trip that an ACK gives. Linux: tcp_ack_update_rtt.</summary>
    /// <returns>Whether it gave one.</returns>
    private bool TakeRoundTrip(ref AckSample sample, long first, long last, bool isSingle)
    {
        long now = _context.NowMicroseconds;
        long smoothed = -1;
        long newest = -1;
        if (first >= 0 && !sample.Has(AckFlags.RetransmissionAcked))
        {
            smoothed = now - first;
            newest = now - last;
            if (isSingle && _una - sample.PriorUna < _mss && (sample.Flags & Alarming) == 0
                && sample.Rate.PriorDelivered + 1 == Tally.Delivered)
            {
                sample.Flags |= AckFlags.MaybeDelayed;
            }
        }

        if (sample.FirstSacked >= 0)
        {
            smoothed = smoothed < 0 ? now - sample.FirstSacked : smoothed;
            newest = now - sample.LastSacked;
        }

        if (smoothed < 0 && sample.Echo != 0 && sample.Has(AckFlags.DataAcked))
        {
            smoothed = newest = EchoAge(sample.Echo);
        }

        sample.Rate.RttMicroseconds = newest;
        if (smoothed < 0)
        {
            return false;
        }

        NoteMinimum(newest, sample.Has(AckFlags.MaybeDelayed));
        Rtt.Sample(smoothed, _una.Value, _nxt.Value, MinimumVariation);
        SetRto();
        Backoff = 0;
        return true;
    }

    /// <summary>How old an echoed timestamp is in microseconds, at least a tick; -1 when that cannot be. Linux:
    /// tcp_rtt_tsopt_us.</summary>
    private long EchoAge(uint echo)
    {
        uint ticks = _context.TimestampClock + _tsOffset - echo;
        return ticks < int.MaxValue / 1000 ? Math.Max(1u, ticks) * 1000L : -1;
    }

    /// <summary>A sample outside of the flow of data: the handshake's.</summary>
    private void Sample(long microseconds)
    {
        NoteMinimum(microseconds, maybeDelayed: false);
        Rtt.Sample(microseconds, _una.Value, _nxt.Value, MinimumVariation);
        SetRto();
    }

    private void SampleTimestamp(uint echo)
    {
        long age = EchoAge(echo);
        if (age >= 0)
        {
            Sample(age);
        }
    }

    /// <summary>Linux: tcp_update_rtt_min.</summary>
    private void NoteMinimum(long microseconds, bool maybeDelayed)
    {
        if (maybeDelayed && microseconds > Tally.MinimumRtt && Tally.MinimumRtt != 0)
        {
            return;
        }

        long counted = microseconds > 0 ? microseconds : _context.Clock.TickMicroseconds;
        Tally.MinimumRtt = LeastRtt.Update(
            (uint)_context.Jiffies, (uint)Math.Min(counted, uint.MaxValue),
            (uint)_context.Sysctls.TcpMinRttWlen * (uint)_context.Clock.Hz);
    }
}
