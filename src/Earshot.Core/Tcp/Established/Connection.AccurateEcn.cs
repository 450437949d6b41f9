using System;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>Accurate ECN (RFC 9768): each segment tells how many packets came with a mark.</content>
internal sealed partial class Connection
{
    private AccurateEcn? Accurate => _traffic?.Accurate;

    /// <summary>The three bits of a segment: AE, CWR and ECE. RFC 9768 §3.2.2.</summary>
    internal static void PutCode(ref TcpFields fields, int code)
    {
        const int Ece = 1;
        const int Cwr = 2;
        const int Ae = 4;
        fields.Flags |= ((code & Ece) != 0 ? TcpFlags.Ece : TcpFlags.None)
            | ((code & Cwr) != 0 ? TcpFlags.Cwr : TcpFlags.None);
        fields.ReservedBits = (byte)((code & Ae) != 0 ? 1 : 0);
    }

    /// <summary>A request of a peer that asked for it becomes the connection. RFC 9768 §3.2.2.1.</summary>
    private void BeginAccurate(byte tos, in TcpSegment segment)
    {
        var accurate = new AccurateEcn();
        accurate.NoteSyn(tos & MarkBits);
        if (segment.PayloadLength == 0)
        {
            accurate.TakeHandshake(segment.Code);
        }

        StartAccurate(accurate);
    }

    /// <summary>The SYN-ACK says what the peer speaks. RFC 9768 §3.1.1, table 2.</summary>
    private void AgreeOnAccurate(AccurateEcn accurate, in TcpSegment segment)
    {
        const int None = 0;
        const int Classic = 1;
        const int Reflected = 7;
        switch (segment.Code)
        {
            case None or Reflected:
                Live.Accurate = null;
                _hasEcn = false;
                break;
            case Classic:
                Live.Accurate = null;
                break;
            default:
                accurate.TakeHandshake(segment.Code);
                accurate.NoteSynAck(segment.Tos & MarkBits);
                StartAccurate(accurate);
                break;
        }
    }

    private void StartAccurate(AccurateEcn accurate)
    {
        Live.Accurate = accurate;
        _hasEcn = !accurate.IsMangled;

        // From now on every header is changed before it leaves.
        _echoesCongestion = true;
        _isPredicting = false;
    }

    /// <summary>Tells of marks in a header: how many, or that there was one.</summary>
    private void Echo(ref TcpFields fields)
    {
        if (Accurate is { } accurate)
        {
            PutCode(ref fields, accurate.Tell());
        }
        else
        {
            fields.Flags |= TcpFlags.Ece;
        }
    }

    /// <summary>Adds the option to a segment without data, where it costs nothing. RFC 9768 §3.2.3.</summary>
    private void AddCounters(ref TcpFields fields, Span<byte> options)
    {
        int room = Math.Min(RoomForSacks, options.Length) - fields.FurtherOptions;
        if (Accurate is { IsHandshake: false } accurate && room >= AccurateEcn.OptionLength
            && _context.Sysctls.TcpEcnOption != 0)
        {
            accurate.WriteOption(options[fields.FurtherOptions..]);
            fields.FurtherOptions += AccurateEcn.OptionLength;
        }
    }

    /// <summary>A segment came that is acceptable. Linux: tcp_ecn_received_counters.</summary>
    private void CountMark(in TcpSegment segment)
    {
        if (Accurate is { } accurate)
        {
            int mark = segment.Tos & MarkBits;
            int packets = segment.SegmentSize > 0
                ? (segment.PayloadLength + segment.SegmentSize - 1) / segment.SegmentSize : 1;
            _hasSeenEcn |= mark != 0;
            Ack.Now |= accurate.Count(mark, packets, segment.PayloadLength);
        }
    }

    /// <summary>An ACK brought news: what does it say of marks? RFC 9768, appendix A.2.</summary>
    private void TakeFeedback(in TcpSegment segment, ref AckSample sample, int delivered)
    {
        if (Accurate is not { } accurate || delivered <= 0)
        {
            return;
        }

        accurate.TakeOption(segment.Options);
        int marks = accurate.TakeFeedback(segment.Code, delivered, _mss);
        _hasEcn &= !accurate.IsMangled;
        if (marks > 0)
        {
            Tally.DeliveredCe += (uint)marks;
            sample.Flags |= AckFlags.Ece;
        }
    }
}
