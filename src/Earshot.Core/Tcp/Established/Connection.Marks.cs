using Earshot.Core.Tcp.Established.Sending;

namespace Earshot.Core.Tcp.Established;

/// <content>What programs want to be told of bytes that they wrote: times and completions.</content>
internal sealed partial class Connection
{
    private SendMarks? _marks;

    /// <summary>When data came last, in nanoseconds.</summary>
    internal long LastDataReceived => _lastDataReceived;

    /// <summary>Marks the byte that was written last.</summary>
    /// <param name="wanted">What is to be told of it.</param>
    /// <param name="key">The number of a completion; times are numbered by the byte.</param>
    internal void Mark(SendMark wanted, uint key)
    {
        (_marks ??= new SendMarks()).Add(_writeSeq, wanted, key);
        TellMarks();
    }

    /// <summary>Tells what has become of the marks; called when bytes were sent or acknowledged.</summary>
    internal void TellMarks() => _marks?.Tell(_nxt, _una, Owner);
}
