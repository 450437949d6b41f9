using Earshot.Core.Tcp.Established;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Listening;

/// <content>The same questions for a Fast Open connection that has not had its third ACK.</content>
internal sealed partial class RequestInput
{
    /// <summary>Whether a segment goes on to the connection. Linux: tcp_check_req, fastopen.</summary>
    internal bool AdmitFastOpen(Connection child, int place, in TcpSegment segment)
    {
        Listener listener = _tcp.ListenerAt(_tcp.Table.Requests[place].Listener)!;
        bool isAdmitted = Admit(child, ref _tcp.Table.Requests[place], segment, listener.Id);
        listener.FastOpenQueue.Dropped += isAdmitted ? 0 : 1;
        return isAdmitted;
    }

    private bool Admit(Connection child, ref ConnectionRequest request, in TcpSegment segment, ushort listener)
    {
        const TcpFlags Asked = TcpFlags.Syn | TcpFlags.Ack | TcpFlags.Rst;
        TcpFlags flags = segment.Flags & Asked;

        // Data that went out before the third ACK has later time stamps than the SYN-ACK, and may be echoed.
        Facts facts = Look(ref request, segment) with { WrongEcho = false };
        if (flags == TcpFlags.Syn && segment.Seq.Value == request.PeerIsn && !facts.OldTimestamp)
        {
            OnDuplicateSyn(ref request, segment, listener, child.Options);
            return false;
        }

        if (facts.OldTimestamp || !facts.InWindow)
        {
            Refuse(ref request, segment, facts, listener, child.Options, child.SendNext);
            return false;
        }

        if (segment.Seq.Value == request.PeerIsn)
        {
            flags &= ~TcpFlags.Syn;
        }

        bool reset = (flags & TcpFlags.Rst) != 0;
        if (reset && segment.Seq != request.ReceiveNext && _context.Profile.ChallengesInexactResets)
        {
            Challenge(ref request, segment, listener, child.Options, child.SendNext);
            return false;
        }

        if ((flags & (TcpFlags.Rst | TcpFlags.Syn)) != 0)
        {
            _context.Mib.Count(Counter.TcpAttemptFails);
            _context.Judge(
                segment, reset ? RuleId.RequestReset : RuleId.RequestSynInWindow, listener: listener);
            if (reset)
            {
                child.OnFastOpenReset();
            }
            else
            {
                // The connection survives what ends a request.
                _tcp.Output.Reset(segment, child.Key);
            }

            return false;
        }

        if ((flags & TcpFlags.Ack) == 0)
        {
            _context.Judge(segment, RuleId.RequestNoAck, listener: listener);
            return false;
        }

        return true;
    }
}
