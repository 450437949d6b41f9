using System;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established.Sending;

/// <summary>What a program wants to be told of a byte that it wrote.</summary>
[Flags]
internal enum SendMark : byte
{
    None = 0,

    /// <summary>When it entered the queue of the device. Linux: SCM_TSTAMP_SCHED.</summary>
    Queued = 1,

    /// <summary>When it left. Linux: SCM_TSTAMP_SND.</summary>
    Sent = 2,

    /// <summary>When it was acknowledged. Linux: SCM_TSTAMP_ACK.</summary>
    Acknowledged = 4,

    /// <summary>When its memory is the program's again. Linux: SO_EE_ORIGIN_ZEROCOPY.</summary>
    Released = 8,
}

/// <summary>The last bytes of writes that somebody wants to be told of, oldest first; a connection makes it when it is
/// first asked.</summary>
internal sealed class SendMarks
{
    private const SendMark OnSending = SendMark.Queued | SendMark.Sent;

    private readonly List<(SeqNumber End, SendMark Wanted, uint Key)> _marks = [];

    internal void Add(SeqNumber end, SendMark wanted, uint key) => _marks.Add((end, wanted, key));

    /// <summary>Tells what has happened since the last time.</summary>
    /// <param name="next">The sequence number that is sent next.</param>
    /// <param name="acknowledged">The sequence number that is acknowledged next.</param>
    /// <param name="owner">Who is told; null: nobody any more.</param>
    internal void Tell(SeqNumber next, SeqNumber acknowledged, ITcpOwner? owner)
    {
        int done = 0;
        for (int i = 0; i < _marks.Count; i++)
        {
            (SeqNumber end, SendMark wanted, uint key) = _marks[i];
            if (end > next)
            {
                break;
            }

            SendMark now = wanted & (end <= acknowledged ? ~SendMark.None : OnSending);
            TellOne(now, key, owner);
            _marks[i] = (end, wanted & ~now, key);
            done += done == i && end <= acknowledged ? 1 : 0;
        }

        _marks.RemoveRange(0, done);
    }

    private static void TellOne(SendMark now, uint key, ITcpOwner? owner)
    {
        for (int mark = (int)SendMark.Queued; mark <= (int)SendMark.Released; mark *= 2)
        {
            if (((int)now & mark) != 0)
            {
                owner?.OnMark((SendMark)mark, key);
            }
        }
    }
}
