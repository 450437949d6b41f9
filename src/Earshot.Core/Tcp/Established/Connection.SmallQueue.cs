using System;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>How little of a connection waits in the queue of a link: small queues and autocorking.</content>
internal sealed partial class Connection
{
    /// <summary>Whether the link tells when packets have left; else they have when the stack gives them away.</summary>
    private bool IsLinkCounted => (_route.Offload & InterfaceOffload.Completion) != 0;

    private LinkAccount? LinkAccount => _tcp.LinkAccounts.Find(this);

    /// <summary>What was put into the queue since an ordinal takes memory until the link is done with it. Linux:
    /// tcp_wfree.</summary>
    private void ChargeLink(long first, SeqNumber seq, int length)
    {
        long last = _tcp.Output.Ip.Outbox.End - 1;
        if (last >= first)
        {
            _tcp.LinkAccounts.Charge(this, _route.Interface, last, seq, length, PacketCost + length);
        }
    }

    /// <summary>Whether so much of the connection is in the queue of the link that more waits until some has left.
    /// Linux: tcp_small_queue_check.</summary>
    /// <param name="length">Bytes of the piece that would leave.</param>
    /// <param name="doublings">How often the limit is doubled: for what is sent again.</param>
    private bool IsLinkFull(int length, int doublings)
    {
        const int PacingShift = 10;
        const int Initial = 1;
        if (LinkAccount is not { } account)
        {
            return false;
        }

        long limit = Math.Max(2L * (PacketCost + length), Pace == 0 ? long.MaxValue : Pace >> PacingShift);
        limit = IsPaced ? limit : Math.Min(limit, _context.Sysctls.TcpLimitOutputBytes);
        if (account.Bytes + Initial <= limit << doublings || Sent.Count <= 1)
        {
            return false;
        }

        account.IsThrottled = true;
        return true;
    }

    /// <summary>Whether a small piece waits for the link to be done with what went before it, in the hope of more.
    /// Linux: tcp_should_autocork.</summary>
    private bool IsAutoCorked(int goal)
    {
        if (!IsLinkCounted || TailLength >= goal || _context.Sysctls.TcpAutocorking == 0 || Sent.Count == 0
            || (Unsent.Tail.Flags & UnsentFlags.EndOfRecord) != 0 || LinkAccount is not { } account
            || account.Bytes < PacketCost + TailLength)
        {
            return false;
        }

        if (!account.IsThrottled)
        {
            _context.Mib.Count(Counter.TcpExtTCPAutoCorking);
            account.IsThrottled = true;
        }

        return true;
    }

    /// <summary>Whether the link is not done with an earlier copy of a piece, so that another would be too much. Linux:
    /// skb_still_in_host_queue.</summary>
    private bool IsInLink(in SentSegment piece)
    {
        if (!IsLinkCounted || LinkAccount is not { } account
            || !_tcp.LinkAccounts.Holds(account, _route.Interface, piece.Seq))
        {
            return false;
        }

        account.IsThrottled = true;
        _context.Mib.Count(Counter.TcpExtTCPSpuriousRtxHostQueues);
        return true;
    }

    /// <summary>The link is done with some of what it was given. Linux: tcp_tsq_handler.</summary>
    internal void OnLinkReleased()
    {
        Rouse();
        SendWaiting();
    }
}
