using Earshot.Core.Ip;
using Earshot.Core.Tcp.Established.Recovery;
using Earshot.Core.Tcp.Established.Sending;

namespace Earshot.Core.Tcp.Established;

/// <summary>What few connections have; made when first needed.</summary>
internal sealed class ConnectionExtras
{
    /// <summary>The headers of the SYN that it began with; null: not kept, or read.</summary>
    internal byte[]? SavedSyn;

    /// <summary>What is known of a client's Fast Open; null: it asked for none.</summary>
    internal ClientFastOpen? ClientOpen;

    /// <summary>What is known of losses while nothing moves; null: something does, or there never was one.</summary>
    internal LossState? Loss;

    /// <summary>The search for the path's MTU; null: there is none.</summary>
    internal MtuProbe? MtuProbe;

    /// <summary>What each packet has between the headers of IP and TCP; null: nothing.</summary>
    internal AddedHeaders? AddedHeaders;

    /// <summary>Whether the time to linger of an orphan ends it.</summary>
    internal bool IsLimited;
}
