using Earshot.Core.Profiles;
using Earshot.Core.Tcp.Listening.Shapes;

namespace Earshot.Core.Tcp.Listening;

/// <summary>What a listener goes by: the questions and the SYN-ACK timer of one profile.</summary>
/// <remarks>Every listener has the stack's unless listen() was given another, so that kernels can be seen side by
/// side.</remarks>
internal sealed class ListenRules
{
    internal ListenRules(TcpLayer tcp, KernelProfile profile)
    {
        Profile = profile;
        Shape = ListenShapes.Of(profile);
        Timer = new SynAckTimer(tcp, this);
        Cookies = profile.Cookies is { } layout ? new SynCookies(tcp.Context, layout, tcp.InitialSequence) : null;
        if (profile.SynCacheBuckets is { } buckets && profile.Shape == ListenShape.SynCache)
        {
            SynCache = new RequestBuckets(buckets, tcp.NextListenerHash());
        }
    }

    internal KernelProfile Profile { get; }

    internal ListenShapeRules Shape { get; }

    internal SynAckTimer Timer { get; }

    /// <summary>The cookies of all its listeners; null where the profile has none.</summary>
    internal SynCookies? Cookies { get; }

    /// <summary>The cache that all listeners share, or null where each has its own table or none.</summary>
    internal RequestBuckets? SynCache { get; }

    /// <summary>Buckets that a listener's own table has; 0: none of its own.</summary>
    internal int OwnBuckets(uint synLimit) => Profile.SynAckTimer == SynAckTimerKind.Sweep
        ? Profile.SynTableBuckets ?? (int)synLimit
        : Shape.NeedsList || Profile.SynAckTimer == SynAckTimerKind.GlobalTick ? 1 : 0;

    /// <summary>The backlog that an argument of listen() stands for.</summary>
    /// <param name="asked">The argument.</param>
    /// <param name="largest">net.core.somaxconn, or the constant in its place.</param>
    internal uint Backlog(int asked, uint largest)
    {
        // Compared as unsigned, so that -1 means the largest. Linux: __sys_listen_socket.
        BacklogMeaning meaning = asked switch
        {
            0 => Profile.ZeroBacklog,
            < 0 => Profile.NegativeBacklog,
            _ => (BacklogMeaning)(-1),
        };
        uint wanted = meaning switch
        {
            BacklogMeaning.Zero => 0,
            BacklogMeaning.One => 1,
            BacklogMeaning.Largest => largest,
            _ => (uint)asked,
        };
        return wanted < largest ? wanted : largest;
    }
}
