using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>What programs want to be told of bytes that they wrote: times and completions.</content>
internal sealed partial class Connection
{
    /// <summary>The key that its segments are signed with; null: they are not.</summary>
    internal byte[]? Key => Options.Others is null ? null : Options.KeyOf(_tuple.Remote.Address);

    /// <summary>What TCP_MAXSEG tells of a connection: it leaves the signature out of the account. Linux:
    /// mss_cache.</summary>
    internal int ToldSegmentSize => _mss + SignatureLength;

    private int SignatureLength => Key is null ? 0 : SegmentSignature.Length;

    /// <summary>When data came last, in nanoseconds.</summary>
    internal long LastDataReceived
    {
        get
        {
            Rouse();
            return LastArrival;
        }
    }

    /// <summary>Marks the byte that was written last.</summary>
    /// <param name="wanted">What is to be told of it.</param>
    /// <param name="key">The number of a completion; times are numbered by the byte.</param>
    internal void Mark(SendMark wanted, uint key)
    {
        Rouse();
        (Live.Marks ??= new SendMarks()).Add(_writeSeq, wanted, key);
        TellMarks();
    }

    /// <summary>Tells what has become of the marks; called when bytes were sent or acknowledged.</summary>
    internal void TellMarks() => _traffic?.Marks?.Tell(_nxt, _una, Owner);
}
