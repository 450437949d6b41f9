using System;
using Earshot.Core.Ip;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>A connection made from a SYN (RFC 7413): it lives before its handshake is finished.</content>
internal sealed partial class Connection
{
    // The place of its request; -1: its handshake is finished. Linux: fastopen_rsk.
    private int _fastOpen = -1;

    /// <summary>Whether it is a Fast Open connection without a third ACK.</summary>
    internal bool IsUnfinished => _fastOpen >= 0;

    /// <summary>What it sends next.</summary>
    internal SeqNumber SendNext => _nxt;

    /// <summary>Whether a handshake goes on that nothing can be read or written in.</summary>
    private bool IsOpening => State == TcpState.SynSent || (State == TcpState.SynRecv && _fastOpen < 0);

    /// <summary>Takes a SYN's data. Linux: tcp_fastopen_create_child, tcp_fastopen_add_skb.</summary>
    internal void StartFastOpen(int place, ref ConnectionRequest request, in TcpSegment syn)
    {
        _fastOpen = place;

        // The window of a segment with SYN is never scaled. RFC 7323 §2.2.
        _sendWindow = _maximumWindow = syn.WindowField;
        SetMss();
        if (syn.PayloadLength > 0)
        {
            ReceivedPacket packet = ReceivedPacket.Of(syn, _route.IsLocal);
            packet.Seq = _receiveNext;
            packet.End = _receiveNext + syn.PayloadLength;
            packet.Marks &= ~ReceivedMarks.Fin;
            Inbox.Write(0, syn.Payload, _context.Buffers);
            AddUnread(packet);
            Tally.DataIn++;
            Tally.TookSynData = true;
        }

        _windowUpdated = _receiveNext;
        request.NextInBucket = syn.PayloadLength;
        ArmFastOpenTimer(0);
    }

    /// <summary>An exact RST before the third ACK. Linux: tcp_check_req, tcp_reset.</summary>
    internal void OnFastOpenReset()
    {
        Rouse();
        ForgetFastOpen(reset: true);
        End(Errno.ECONNRESET);
    }

    /// <summary>The third ACK, which may acknowledge data too. Linux: tcp_rcv_synrecv_state_fastopen.</summary>
    private bool FinishFastOpen(in TcpSegment segment, in TcpOptions options)
    {
        if (segment.Ack < _una || segment.Ack > _nxt)
        {
            Judge(segment, RuleId.ConnectWrongAck);
            _tcp.Output.Reset(segment, Key);
            return false;
        }

        EndFastOpen();
        if (!OnAck(segment, options))
        {
            return false;
        }

        Tally.Delivered++;
        SetState(TcpState.Established);
        if (Options.KeepAlive)
        {
            SetKeepalive();
        }

        if (IsWriteShut)
        {
            QueueFin();
        }

        Notify(PollMask.Out | PollMask.WriteNormal);
        return true;
    }

    /// <summary>The SYN-ACK is acknowledged: from now on the timer is that of data.</summary>
    private void EndFastOpen()
    {
        ref ConnectionRequest request = ref _tcp.Table.Requests[_fastOpen];
        if (request.Retransmissions == 0 && !Rtt.HasSample)
        {
            Sample((uint)_context.NowMicroseconds - request.FirstSentMicroseconds);
        }

        Timeouts = Backoff = 0;
        FirstRetransmission = 0;
        ForgetFastOpen(reset: false);
        if (_packetsOut > 0)
        {
            ArmWriteTimer(Rtt.Rto);
        }
        else
        {
            _tcp.Timers.Stop(_writeTimer);
        }
    }

    /// <summary>Linux: reqsk_fastopen_remove.</summary>
    private void ForgetFastOpen(bool reset)
    {
        int place = _fastOpen;
        _fastOpen = -1;
        Listener listener = _tcp.ListenerAt(_tcp.Table.Requests[place].Listener)!;
        listener.FastOpenQueue.Remove(reset && Waited is null && listener.IsListening);
        _tcp.Table.FreeRequest(place);
        _tcp.ForgetIfUnused(listener);
    }

    /// <summary>No third ACK: the SYN-ACK is sent again, and nothing else. Linux: tcp_fastopen_synack_timer.</summary>
    private void OnFastOpenTimer()
    {
        ref ConnectionRequest request = ref _tcp.Table.Requests[_fastOpen];
        _context.Mib.Count(Counter.TcpExtTCPTimeouts);

        // Once more than for a request: data is at stake.
        int retries = Options.SynCount != 0 ? Options.SynCount : _context.Sysctls.TcpSynackRetries + 1;
        if (request.Timeouts >= retries)
        {
            _context.Mib.Count(Counter.TcpExtTCPAbortOnTimeout);
            Judge(RuleId.ConnectionTimedOut, request.Timeouts);
            End(SoftError != 0 ? SoftError : Errno.ETIMEDOUT);
            return;
        }

        if (Timeouts == 1)
        {
            EnterLoss();
        }

        if (_tcp.Routes.TryRoute(_tuple.Remote.Address, out Route route))
        {
            _tcp.Output.SynAckAgain(ref request, route, Options);
        }

        request.Timeouts++;
        Timeouts++;
        TotalRetransmissions++;
        if (FirstRetransmission == 0)
        {
            FirstRetransmission = _context.Now.Nanoseconds;
        }

        Judge(RuleId.RequestTimer, request.Retransmissions, (uint)retries);
        ArmFastOpenTimer(request.Timeouts);
    }

    private void ArmFastOpenTimer(int timeouts) => _tcp.Timers.Arm(
        Node(ref _writeTimer, TimerKind.Write),
        _context.Clock.FromMicroseconds(Math.Min(InitialRto << Math.Min(timeouts, 20), MaximumRto)));
}
