using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>Round-trip time and retransmission timeout (RFC 6298) as Linux computes them, in microseconds.</summary>
/// <remarks>Linux: tcp_rtt_estimator, tcp_set_rto. The minimum enters through the variation, so RTO is at least srtt +
/// 200 ms.</remarks>
internal struct RttEstimator
{
    /// <summary>The least variation that counts unless it is configured. Linux: TCP_RTO_MIN.</summary>
    internal const int MinimumMicroseconds = 200_000;

    // Smoothed time, eight times; mean deviation, four times.
    private uint _srtt8;
    private uint _mdev4;
    private uint _mdevMax;
    private uint _rttvar;
    private uint _turn;

    /// <summary>The timeout, backoff included.</summary>
    internal long Rto;

    /// <summary>Whether a sample was taken.</summary>
    internal readonly bool HasSample => _srtt8 != 0;

    /// <summary>The smoothed time in eighths of a microsecond. Linux: srtt_us.</summary>
    internal readonly long Smoothed8 => _srtt8;

    /// <summary>The smoothed time in microseconds.</summary>
    internal readonly long Smoothed => _srtt8 >> 3;

    /// <summary>The mean deviation in microseconds, four times. Linux: mdev_us.</summary>
    internal readonly long Deviation => _mdev4;

    /// <summary>Takes a sample.</summary>
    /// <param name="microseconds">The measured time; 0 counts as 1.</param>
    /// <param name="una">SND.UNA, whose passing of <paramref name="nxt"/> ends a window.</param>
    /// <param name="nxt">SND.NXT.</param>
    /// <param name="minimum">The least variation that counts, in microseconds. Linux: tcp_rto_min_us.</param>
    internal void Sample(long microseconds, uint una, uint nxt, int minimum)
    {
        long m = Math.Max(1, microseconds);
        if (_srtt8 == 0)
        {
            _srtt8 = (uint)(m << 3);
            _mdev4 = (uint)(m << 1);
            _rttvar = Math.Max(_mdev4, (uint)minimum);
            _mdevMax = _rttvar;
            _turn = nxt;
        }
        else
        {
            Update(m, una, nxt, (uint)minimum);
        }
    }

    /// <summary>The timeout without backoff.</summary>
    internal readonly long Base(long initial) => _srtt8 == 0 ? initial : (_srtt8 >> 3) + _rttvar;

    /// <summary>Writes what follows from the rest as 0, or nearly: for a short form.</summary>
    /// <param name="end">What is mostly the sequence number that ends a window.</param>
    /// <param name="other">Another such.</param>
    internal void Shorten(ref SeqNumber end, ref SeqNumber other)
    {
        end = new SeqNumber(end.Value - _turn);
        other = new SeqNumber(other.Value - _turn);
        Rto -= Base(0);
        _rttvar -= _mdevMax;
    }

    /// <summary>Takes <see cref="Shorten"/> back.</summary>
    internal void Restore(ref SeqNumber end, ref SeqNumber other)
    {
        _rttvar += _mdevMax;
        Rto += Base(0);
        other = new SeqNumber(other.Value + _turn);
        end = new SeqNumber(end.Value + _turn);
    }

    private void Update(long m, uint una, uint nxt, uint minimum)
    {
        long error = m - (_srtt8 >> 3);
        _srtt8 = (uint)(_srtt8 + error);
        long deviation = Math.Abs(error) - (_mdev4 >> 2);
        if (error < 0 && deviation > 0)
        {
            // A falling round trip must not raise the timeout: RFC 6298 says nothing, Linux damps it.
            deviation >>= 3;
        }

        _mdev4 = (uint)(_mdev4 + deviation);
        if (_mdev4 > _mdevMax)
        {
            _mdevMax = _mdev4;
            _rttvar = Math.Max(_rttvar, _mdevMax);
        }

        if ((int)(una - _turn) > 0)
        {
            if (_mdevMax < _rttvar)
            {
                _rttvar -= (_rttvar - _mdevMax) >> 2;
            }

            _turn = nxt;
            _mdevMax = minimum;
        }
    }
}
