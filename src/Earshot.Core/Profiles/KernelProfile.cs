using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Earshot.Core.Profiles;

/// <summary>One kernel release: the shape of its listening side and its numbers.</summary>
/// <remarks>No code asks for a version: what differs between releases stands here, by name.</remarks>
public sealed partial record KernelProfile
{
    /// <summary>The reference: 6.18.44.</summary>
    public static KernelProfile Linux618 { get; } = Profiles.Linux618.Create();

    /// <summary>The kernel on which the first article measured: 2.6.32-642.el6.</summary>
    public static KernelProfile LinuxEl6 { get; } = Profiles.LinuxEl6.Create();

    /// <summary>The names of those sysctls of <see cref="Linux618"/> that only the data path reads.</summary>
    public static IReadOnlyList<string> DataPathSysctls { get; } =
        [.. SysctlSets.DataPath.Select(sysctl => sysctl.Name)];

    /// <summary>Every profile: Linux, newest first, then the others.</summary>
    public static IReadOnlyList<KernelProfile> All { get; } =
    [
        Linux618, Linux612.Create(), Linux61.Create(), Linux54.Create(), Linux410.Create(), Linux44.Create(),
        Linux310.Create(), LinuxEl6, Linux2632.Create(), Linux2611.Create(), Linux24.Create(), Linux22.Create(),
        Linux20.Create(), FreeBsd.Create(), Xnu.Create(), Bsd44.Create(),
    ];

    /// <summary>The profile's name, as <c>linux-6.18</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The profile's name: all its values would fill a page.</summary>
    public override string ToString() => Name;

    /// <summary>The release, as <c>6.18.44</c>.</summary>
    public required string Release { get; init; }

    /// <summary>What is particular about it, in a sentence.</summary>
    public required string Summary { get; init; }

    /// <summary>The ordered questions of its listening side.</summary>
    public required ListenShape Shape { get; init; }

    /// <summary>How it sends SYN-ACKs again.</summary>
    public required SynAckTimerKind SynAckTimer { get; init; }

    /// <summary>How its timers round.</summary>
    public required TimerWheelKind TimerWheel { get; init; }

    /// <summary>Ticks a second of the release's usual build.</summary>
    public required int Hz { get; init; }

    /// <summary>Values of net.* sysctls at boot, by name; what a release does not have is not in here.</summary>
    public required IReadOnlyDictionary<string, string> Sysctls { get; init; }

    /// <summary>Values that the release has compiled in: named like the sysctls that later hold them, but not to be
    /// seen or set.</summary>
    public IReadOnlyDictionary<string, string> Constants { get; init; } = new Dictionary<string, string>();

    /// <summary>Counters that the release does not have.</summary>
    public IReadOnlyCollection<Counter> LacksCounters { get; init; } = [];

    /// <summary>The first retransmission timeout of SYNs and SYN-ACKs.</summary>
    public TimeSpan InitialRto { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The retransmission timeout when the handshake gave no sample.</summary>
    public TimeSpan FallbackRto { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>The most that a retransmission timeout grows to.</summary>
    public TimeSpan MaximumRto { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Segments that a new connection may send at once.</summary>
    public int InitialWindow { get; init; } = 10;

    /// <summary>Whether each firing of a request's timer counts TCPTimeouts.</summary>
    public bool CountsRequestTimeouts { get; init; } = true;

    /// <summary>Whether an ACK for a request is checked against the timestamps that were sent (6.15 and
    /// later).</summary>
    public bool ChecksTimestampEcho { get; init; } = true;

    /// <summary>Whether a RST for a request must carry the exact number, others being challenged.</summary>
    public bool ChallengesInexactResets { get; init; } = true;

    /// <summary>Whether odd segments of a connection are answered with challenge ACKs (RFC 5961, 3.6 and later);
    /// before, a SYN or RST in the window ended it.</summary>
    public bool ChallengesOddSegments { get; init; } = true;

    /// <summary>Whether a segment must end inside the window unless nothing is unread (6.17 and later); before, it must
    /// only begin there. With it header prediction asks no more whether an ACK is too old.</summary>
    public bool ChecksSegmentEnd { get; init; } = true;

    /// <summary>Where a segment must end inside the window, whether a FIN without data is taken while the window is
    /// closed; else it is answered and refused (BeyondWindow), as the fact sheets have it. Hosts of one and the same
    /// release were seen to do either.</summary>
    public bool TakesFinAtClosedWindow { get; init; }

    /// <summary>Whether a duplicate SYN that is answered pushes the request's timer back.</summary>
    public bool DuplicateSynRearms { get; init; } = true;

    /// <summary>Whether a peer is proven by what connections left behind (tcp_metrics), since 3.6.</summary>
    public bool RemembersPeers { get; init; } = true;

    /// <summary>Bytes of the largest packet on loopback.</summary>
    public int LoopbackMtu { get; init; } = 65536;

    /// <summary>The largest window that a SYN-ACK or SYN announces, in bytes.</summary>
    public int InitialWindowBytesLimit { get; init; } = int.MaxValue;

    /// <summary>Segments that the first window announced may hold; 0: no such limit.</summary>
    public int InitialReceiveSegments { get; init; }

    /// <summary>The share of a receive buffer that counts as window: the buffer less the buffer shifted right by
    /// this.</summary>
    public int WindowShareShift { get; init; } = 1;

    /// <summary>Whether that share is measured from the packets that come (6.6 and later).</summary>
    public bool MeasuresPacketShare { get; init; } = true;

    /// <summary>Whether timestamps carry an offset drawn per connection (tcp_timestamps = 1 since 4.10).</summary>
    public bool TimestampOffsets { get; init; } = true;

    /// <summary>Ephemeral ports are walked in steps of this, the parity of the range's low end first.</summary>
    public int EphemeralPortStep { get; init; } = 2;

    /// <summary>Whether each connect() leaps a drawn number of ports ahead, so that the next one cannot be
    /// guessed.</summary>
    public bool EphemeralPortLeaps { get; init; } = true;

    /// <summary>Whether <c>netstat</c> shows a listener's SYN_RECV lines before all others, bucket by bucket.</summary>
    public bool RequestsListedFirst { get; init; }

    /// <summary>What <c>netstat -s</c> of the time says of ListenDrops: "ignored" or "dropped".</summary>
    public string ListenDropsWord { get; init; } = "dropped";

    /// <summary>The largest backlog at boot: net.core.somaxconn, or what the release has in its place.</summary>
    public int LargestBacklog => int.Parse(
        Sysctls.GetValueOrDefault("net.core.somaxconn")
        ?? Sysctls.GetValueOrDefault("kern.ipc.somaxconn")
        ?? Constants["net.core.somaxconn"],
        CultureInfo.InvariantCulture);

    /// <summary>Finds a profile by name.</summary>
    /// <param name="name">The name, as <c>linux-el6</c>.</param>
    /// <param name="profile">The profile, the reference when there is none of that name.</param>
    /// <returns>Whether there is one.</returns>
    public static bool TryFind(string name, out KernelProfile profile)
    {
        foreach (KernelProfile candidate in All)
        {
            if (candidate.Name == name)
            {
                profile = candidate;
                return true;
            }
        }

        profile = Linux618;
        return false;
    }

    /// <summary>The same release with one sysctl's boot value changed.</summary>
    public KernelProfile With(string sysctl, string value) =>
        this with { Sysctls = new Dictionary<string, string>(Sysctls) { [sysctl] = value } };
}
