using System;
using System.Runtime.CompilerServices;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Listening;
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
    private void BeginAccurate(in ConnectionRequest request, in TcpSegment segment)
    {
        if (!request.HasAccurateEcn)
        {
            return;
        }

        var accurate = new AccurateEcn();
        accurate.NoteSyn(request.Tos & MarkBits);
        if (segment.PayloadLength == 0)
        {
            accurate.TakeHandshake(segment.Code);
        }

        StartAccurate(accurate);
    }

    /// <summary>What our SYN asks for: sysctl net.ipv4.tcp_ecn.</summary>
    private void AskForEcn(int sysctl)
    {
        const int Asks = 1;
        const int AsksForAccurate = 3;
        const int AsksGrantingAccurate = 4;
        _hasEcn = sysctl is Asks or AsksForAccurate or AsksGrantingAccurate
            || (Algorithm.Traits & CongestionTraits.NeedsEcn) != 0;
        Live.Accurate = sysctl == AsksForAccurate ? new AccurateEcn() : null;
    }

    /// <summary>A SYN-ACK agrees with ECE alone, a SYN that crossed ours asks with both. Linux: tcp_ecn_rcv_synack,
    /// tcp_ecn_rcv_syn.</summary>
    private void AgreeOnEcn(in TcpSegment segment)
    {
        if (Accurate is { } accurate && segment.Has(TcpFlags.Ack))
        {
            AgreeOnAccurate(accurate, segment);
            return;
        }

        // Not of SYNs that cross: neither side would know whose bits count.
        Live.Accurate = null;
        _hasEcn &= segment.Has(TcpFlags.Ece) && segment.Has(TcpFlags.Cwr) != segment.Has(TcpFlags.Ack);
    }

    /// <summary>The third ACK leaves at once, since only without data it can tell of the SYN-ACK's mark. RFC 9768
    /// §3.2.2.1.</summary>
    /// <returns>Whether it did.</returns>
    private bool SendAccurateAck()
    {
        if (Accurate is not { } accurate)
        {
            return false;
        }

        accurate.IsHandshake = true;
        SendAck();
        accurate.IsHandshake = false;
        return true;
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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void TakeFeedback(in TcpSegment segment, ref AckSample sample, uint delivered)
    {
        if (_echoesCongestion && Accurate is { } accurate && Tally.Delivered != delivered)
        {
            TakeFeedback(accurate, segment, ref sample, (int)(Tally.Delivered - delivered));
        }
    }

    private void TakeFeedback(AccurateEcn accurate, in TcpSegment segment, ref AckSample sample, int delivered)
    {
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
