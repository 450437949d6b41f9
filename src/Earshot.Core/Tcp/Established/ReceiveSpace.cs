using System;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>How much a program reads in a round trip, by which the receive buffer grows (dynamic right-sizing). Linux:
/// rcvq_space, rcv_rtt_est.</summary>
internal struct ReceiveSpace
{
    private uint _measured;
    private uint _roundTrip8;
    private uint _windowBegun;
    private SeqNumber _windowEnd;
    private uint _lastEcho;

    /// <summary>Bytes read in a round trip, the most so far.</summary>
    internal int Space;

    /// <summary>What was the next byte to be read when the measure began.</summary>
    internal SeqNumber Seq { get; private set; }

    /// <summary>The receiver's estimate of the round trip in microseconds; 0: none.</summary>
    internal readonly uint RoundTrip => _roundTrip8 >> 3;

    /// <summary>Adds a moment to each time, and to a sequence number one that it is like: for a short form, and
    /// back.</summary>
    /// <param name="microseconds">The moment, or what takes it away, in microseconds.</param>
    /// <param name="hasData">Whether a window was measured: else its numbers are 0.</param>
    /// <param name="times">Times that the one number is added to the other.</param>
    internal void Move(uint microseconds, bool hasData, int times)
    {
        _measured += microseconds;
        if (hasData)
        {
            _windowBegun += microseconds;
            _windowEnd += times * (int)Seq.Value;
        }
    }

    /// <summary>Starts measuring.</summary>
    internal void Begin(int space, SeqNumber seq, long microseconds)
    {
        Space = space;
        Restart(seq, microseconds);
    }

    /// <summary>Starts a new measure.</summary>
    internal void Restart(SeqNumber seq, long microseconds)
    {
        Seq = seq;
        _measured = (uint)microseconds;
    }

    /// <summary>Whether a round trip has passed since the measure began.</summary>
    internal readonly bool IsDue(long microseconds) =>
        _roundTrip8 != 0 && (uint)microseconds - _measured >= _roundTrip8 >> 3;

    /// <summary>Takes an echoed time stamp: it measures once.</summary>
    /// <returns>Whether it is another than the last.</returns>
    internal bool TakeEcho(uint echo)
    {
        bool isNew = echo != _lastEcho;
        _lastEcho = echo;
        return isNew;
    }

    /// <summary>A window's worth of data takes a round trip at least. Linux: tcp_rcv_rtt_measure.</summary>
    internal void MeasureWindow(SeqNumber next, uint window, long microseconds)
    {
        if (_windowBegun != 0)
        {
            if (next < _windowEnd)
            {
                return;
            }

            Sample(Math.Max(1, (uint)microseconds - _windowBegun), isWindow: true, hasUnread: false);
        }

        _windowEnd = next + window;
        _windowBegun = Math.Max(1, (uint)microseconds);
    }

    /// <summary>Takes a sample. Linux: tcp_rcv_rtt_update.</summary>
    /// <param name="microseconds">The time.</param>
    /// <param name="isWindow">Whether it is a window's, which can only be too long.</param>
    /// <param name="hasUnread">Whether the program is behind, so that a longer time says nothing.</param>
    internal void Sample(long microseconds, bool isWindow, bool hasUnread)
    {
        uint sample8 = (uint)Math.Min(microseconds << 3, int.MaxValue);
        if (_roundTrip8 == 0 || sample8 < _roundTrip8)
        {
            _roundTrip8 = sample8;
        }
        else if (!isWindow && !hasUnread)
        {
            _roundTrip8 += (sample8 >> 3) - (_roundTrip8 >> 3);
        }
    }
}
