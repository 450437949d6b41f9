using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established.Sending;

/// <summary>The search for the path's MTU: made when it begins. Linux: icsk_mtup.</summary>
internal sealed class MtuProbe
{
    /// <summary>Whether segments are bounded by what was found. Linux: enabled.</summary>
    internal bool IsEnabled;

    /// <summary>The largest packet that may get through, in bytes. Linux: search_high.</summary>
    internal int High;

    /// <summary>The largest packet that is known to. Linux: search_low.</summary>
    internal int Low;

    /// <summary>The packet of the probe that is under way; 0: none is. Linux: probe_size.</summary>
    internal int Size;

    /// <summary>Where it begins in the stream.</summary>
    internal SeqNumber Start;

    /// <summary>Where it ends.</summary>
    internal SeqNumber End;

    /// <summary>When the search began, in jiffies. Linux: probe_timestamp.</summary>
    internal uint Begun;
}
