using System.Collections.Generic;
using Earshot.Core.Congestion;
using Earshot.Core.Memory;
using Earshot.Core.Profiles;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core;

/// <summary>What every layer of one stack shares: the time, the numbers, the memory of verdicts.</summary>
internal sealed class StackContext
{
    private Instant _clocksAt = Instant.Never;
    private long _jiffies;
    private uint _timestamp;
    private long _socketNumbers;
    private long _verdictsObserved;
    private readonly long _timestampTick;
    private readonly long _pieceTime;

    internal StackContext(StackOptions options, Instant now)
    {
        Options = options;
        Profile = options.Profile;
        Now = now;
        Seed = options.Seed;
        CongestionControls = new CongestionControls(options.CongestionControls);
        Sysctls = new Sysctls(options.Profile, CongestionControls);
        Sysctls.MostEcn = options.HasAccurateEcn ? AcceptsAccurateEcn : Sysctls.MostEcn;
        Mib = new Mib(options.Profile.LacksCounters);
        Ledger = new Ledger(options.Seed);
        Identifications = Stream(ChanceStream.Identification);
        _pieceTime = (long)options.PieceTime.TotalNanoseconds;
        _timestampTick = (long)options.Profile.TimestampTick.GetValueOrDefault().TotalNanoseconds;
        Clock = new JiffyClock(options.Profile.Hz, now, Stream(ChanceStream.Time));
    }

    // The highest value of sysctl net.ipv4.tcp_ecn with accurate ECN.
    private const int AcceptsAccurateEcn = 5;

    internal StackOptions Options { get; }

    internal KernelProfile Profile { get; }

    internal Seed256 Seed { get; }

    /// <summary>The present: the caller's, or a timer's own time while timers run.</summary>
    internal Instant Now { get; set; }

    /// <summary>A piece of a longer write() has left: what follows leaves later, where pieces take time.</summary>
    internal void PassPieceTime() => Now = new Instant(Now.Nanoseconds + _pieceTime);

    internal JiffyClock Clock { get; }

    internal Sysctls Sysctls { get; }

    /// <summary>The congestion controls that sockets can choose.</summary>
    internal CongestionControls CongestionControls { get; }

    internal Mib Mib { get; }

    /// <summary>Is told each change of state; null (the default) costs a comparison.</summary>
    internal StateObserver? Observer { get; set; }


    internal Ledger Ledger { get; }

    internal KernelLog Log { get; } = new();

    /// <summary>Where the first IP identification of a connection comes from.</summary>
    internal Chance Identifications { get; }

    internal BufferPool Buffers { get; } = new();

    /// <summary>What the outside has to be told.</summary>
    internal Queue<StackEvent> Events { get; } = new();

    /// <summary>The jiffy of the present.</summary>
    internal long Jiffies
    {
        get
        {
            ReadClocks();
            return _jiffies;
        }
    }

    /// <summary>The present in milliseconds, modulo 2^32.</summary>
    internal uint NowMilliseconds => (uint)Now.Milliseconds;

    /// <summary>Milliseconds since midnight, as ICMP and IP time stamps tell them. Linux:
    /// inet_current_timestamp.</summary>
    internal uint MillisecondsOfDay
    {
        get
        {
            const int PerDay = 86_400_000;
            return (uint)(((long)Options.TimeOfDay.TotalMilliseconds + Now.Milliseconds) % PerDay);
        }
    }

    /// <summary>The present in microseconds.</summary>
    internal long NowMicroseconds => Now.Nanoseconds / 1000;

    /// <summary>The clock of the timestamps option, before a connection's offset is added.</summary>
    internal uint TimestampClock
    {
        get
        {
            ReadClocks();
            return _timestamp;
        }
    }

    /// <summary>Lets the clock of the timestamps option show an earlier moment, until time goes on.</summary>
    internal void ShowTimestampOf(Instant moment)
    {
        ReadClocks();
        _timestamp = TimestampAt(moment);
    }

    // Asked for many times at one moment, and divisions.
    private void ReadClocks()
    {
        if (_clocksAt != Now)
        {
            _clocksAt = Now;
            _jiffies = Clock.At(Now);
            _timestamp = TimestampAt(Now);
        }
    }

    /// <summary>What that clock shows at a moment: ticks of the profile, or jiffies.</summary>
    internal uint TimestampAt(Instant moment) =>
        _timestampTick == 0 ? (uint)Clock.At(moment) : (uint)(moment.Nanoseconds / _timestampTick);

    /// <summary>The flow label of IPv6 packets between two addresses: a keyed hash. Linux:
    /// ip6_make_flowlabel.</summary>
    /// <param name="from">Source address.</param>
    /// <param name="to">Destination address.</param>
    /// <param name="flow">What tells flows between the two apart.</param>
    internal uint FlowLabel(in InetAddress from, in InetAddress to, uint flow) => to.IsIPv4 ? 0
        : (uint)SipHash.Hash(Seed.A, Seed.B, from.High ^ to.Low, from.Low ^ to.High ^ flow) & 0xfffff;

    internal Chance Stream(ChanceStream stream) => new(Seed, stream);

    /// <summary>A number for a socket that was asked for its own for the first time. Linux: sock_gen_cookie.</summary>
    internal long NextSocketNumber() => ++_socketNumbers;

    /// <summary>Tells the observer of a change; the last verdict is its reason if it was of this moment and these
    /// ends and gave no reason yet. An accept() changes no state.</summary>
    internal void Observe(in FourTuple tuple, TcpState old, TcpState now, ushort listener)
    {
        LedgerEntry last = Ledger.Last;
        bool isReason = Ledger.Count > _verdictsObserved && last.Rule != RuleId.Accepted && last.Time == Now
            && last.Remote == tuple.Remote && last.LocalPort == tuple.Local.Port;
        _verdictsObserved = Ledger.Count;
        Observer?.Invoke(new StateChange(
            Now, tuple.Local, tuple.Remote, old, now, listener, isReason ? last.Rule : RuleId.None));
    }

    internal void Judge(in FourTuple tuple, in Verdict verdict, ushort listener = 0) =>
        Ledger.Add(Now, tuple, listener, verdict);

    internal void Judge(in TcpSegment segment, RuleId rule, uint a = 0, uint b = 0, uint c = 0, ushort listener = 0) =>
        Ledger.Add(Now, segment.Tuple, listener, new Verdict(rule, a, b, c));
}
