using System;
using System.Runtime.InteropServices;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established.Recovery;

/// <summary>The most recently sent packet that is known to have arrived (RFC 8985 §6.2). Linux: struct
/// tcp_rack.</summary>
[StructLayout(LayoutKind.Sequential, Pack = sizeof(uint))]
internal struct Rack
{
    /// <summary>When it was sent, in microseconds.</summary>
    internal long SentMicroseconds;

    /// <summary>Where it ends, which breaks ties.</summary>
    internal SeqNumber End;

    /// <summary>How long the last one that was heard of had been under way, in microseconds.</summary>
    internal uint RttMicroseconds;

    /// <summary>Whether it was heard of since losses were last looked for.</summary>
    internal bool HasAdvanced;

    /// <summary>A delivery. Linux: tcp_rack_advance.</summary>
    /// <param name="piece">What was delivered.</param>
    /// <param name="now">The present in microseconds.</param>
    /// <param name="minimumRtt">The least round trip in microseconds.</param>
    internal void Advance(in SentSegment piece, long now, long minimumRtt)
    {
        long sent = piece.SentNanoseconds / 1000;
        long rtt = Math.Max(0, now - sent);
        if (rtt < minimumRtt && (piece.Flags & (SentFlags.Retransmitted | SentFlags.EverRetransmitted)) != 0)
        {
            // Sooner than any packet was ever back: it was the original that arrived.
            return;
        }

        HasAdvanced = true;
        RttMicroseconds = (uint)rtt;
        if (IsBefore(SentMicroseconds, End, sent, piece.End))
        {
            SentMicroseconds = sent;
            End = piece.End;
        }
    }

    /// <summary>Whether a packet left before the one that arrived. Linux: tcp_skb_sent_after.</summary>
    internal readonly bool IsAfter(in SentSegment piece) =>
        IsBefore(piece.SentNanoseconds / 1000, piece.End, SentMicroseconds, End);

    private static bool IsBefore(long first, SeqNumber firstEnd, long second, SeqNumber secondEnd) =>
        first < second || (first == second && firstEnd < secondEnd);
}
