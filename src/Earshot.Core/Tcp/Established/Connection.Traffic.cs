using System.Runtime.CompilerServices;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>What the connection has only while something moves on it; it is there as soon as it is looked at.</content>
internal sealed partial class Connection
{
    private Traffic? _traffic;

    private ConnectionExtras? _extras;

    // Where it is written down meanwhile; -1: nowhere.
    private int _form = -1;

    // There is one: whatever is called from outside has seen to that.
    private Traffic Live => _traffic!;

    private ConnectionExtras Extras => _extras ??= new ConnectionExtras();

    private MtuProbe? KnownMtuProbe => _extras?.MtuProbe;

    private ref SendBuffer SendBuffer => ref Live.SendBuffer;

    private ref SentSegments Sent => ref Live.Sent;

    private ref UnsentQueue Unsent => ref Live.Unsent;

    // What is null of a connection without traffic.
    private ReceiveBuffer? Unread => _traffic?.Unread;

    private LossState? KnownLoss => _traffic?.Loss;

    private UrgentByte? Urgent => _traffic?.Urgent;

    private ref SegmentTally Tally => ref Live.State.Tally;

    private ref AckState Ack => ref Live.State.Ack;

    private ref RttEstimator Rtt => ref Live.State.Rtt;

    private ref SenderState Sender => ref Live.State.Sender;

    private ref CongestionState Control => ref Live.State.Control;

    private ref Rack Rack => ref Live.State.Rack;

    private ref ReceiveSpace Reading => ref Live.State.Reading;

    private ref WindowedMinimum LeastRtt => ref Live.State.LeastRtt;

    private ref long LastReceived => ref Live.State.LastReceived;

    private ref long LastSent => ref Live.State.LastSent;

    private ref long LastArrival => ref Live.State.LastArrival;

    private ref ulong BytesAcked => ref Live.State.BytesAcked;

    private ref uint LastDataJiffies => ref Live.State.LastDataJiffies;

    private ref int MostPacketsOut => ref Live.State.MostPacketsOut;

    private ref SeqNumber MostPacketsOutEnd => ref Live.State.MostPacketsOutEnd;

    /// <summary>Timeouts since something was last acknowledged. Linux: icsk_retransmits.</summary>
    private ref int Timeouts => ref Live.State.Timeouts;

    private ref int Backoff => ref Live.State.Backoff;

    private ref int Probes => ref Live.State.Probes;

    private ref long FirstRetransmission => ref Live.State.FirstRetransmission;

    private ref long PaceTimer => ref Live.State.PaceTimer;

    private ref long CompressedUntil => ref Live.State.CompressedUntil;

    private ref int TotalRetransmissions => ref Live.State.TotalRetransmissions;

    private ref uint LostEver => ref Live.State.LostEver;

    private ref uint ProbesBegun => ref Live.State.ProbesBegun;

    private ref uint TsRecentSeconds => ref Live.State.TsRecentSeconds;

    private ref long RowNumber => ref Live.State.RowNumber;

    private ref uint LastOutOfWindow => ref Live.State.LastOutOfWindow;

    private ref SeqNumber UrgentEnd => ref Live.State.UrgentEnd;

    /// <summary>Something happens on the connection. Every method that is called from outside and looks at what is
    /// above begins with it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Rouse()
    {
        if (_traffic is null)
        {
            Wake();
        }
    }

    private void Wake()
    {
        Traffic traffic = _tcp.Traffics.Rent(this, ref _form);
        if (_extras is { Loss: { } loss } extras)
        {
            traffic.Loss = loss;
            extras.Loss = null;
        }

        _traffic = traffic;
    }

    /// <summary>Nothing has happened for a while: what is known is written down in short, if nothing is queued, in
    /// flight or unread.</summary>
    /// <returns>Whether it was.</returns>
    internal bool TryRest()
    {
        if (_traffic is not { IsNumbers: true, State.PaceTimer: 0 } traffic || _tcp.Owned == this)
        {
            return false;
        }

        if (traffic.Loss is { } loss)
        {
            Extras.Loss = loss;
        }

        _traffic = null;
        _form = _tcp.Traffics.WriteDown(traffic);
        FreeIfPast(ref _writeTimer);
        FreeIfPast(ref _delayedAckTimer);
        FreeIfPast(ref _keepaliveTimer);
        return true;
    }

    private void FreeIfPast(ref int node)
    {
        if (node >= 0 && !_tcp.Timers.IsPending(node))
        {
            _tcp.Timers.FreeNode(ref node);
        }
    }

    /// <summary>Nothing moves any more, and nothing is remembered.</summary>
    private void ForgetTraffic()
    {
        _tcp.Traffics.Forget(ref _form);
        if (_traffic is { } traffic)
        {
            _traffic = null;
            traffic.SendBuffer.Clear(_context.Buffers);
            _tcp.Traffics.Return(traffic);
        }
    }
}
