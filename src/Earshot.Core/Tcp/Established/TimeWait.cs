using System;
using System.Collections.Generic;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <summary>What is left of a connection in TIME_WAIT, or of an orphan in FIN_WAIT2. Linux: struct
/// tcp_timewait_sock.</summary>
internal struct TimeWaitEntry
{
    internal TimerLink Timer;
    internal FourTuple Tuple;
    internal SeqNumber ReceiveNext;
    internal SeqNumber SendNext;
    internal uint WindowBytes;
    internal uint TsRecent;
    internal uint TsOffset;
    internal uint TsRecentSeconds;
    internal uint LastOutOfWindow;
    internal uint EnteredMilliseconds;
    internal byte WindowScale;
    internal byte Tos;
    internal bool IsFinWait2;

    /// <summary>Whether its socket was one of AF_INET6.</summary>
    internal bool IsIPv6;
    internal bool HasTimestamps;

    /// <summary>AE, CWR and ECE of what it sends: where accurate ECN stopped counting.</summary>
    internal byte Code;

    /// <summary>By which <see cref="PortHolds"/> knows that it holds its port.</summary>
    internal int Hold;
}

/// <summary>Connections after their end: late segments are answered, the four-tuple stays taken. Linux:
/// tcp_minisocks.c.</summary>
internal sealed class TimeWait
{
    /// <summary>How long TIME_WAIT lasts. Linux: TCP_TIMEWAIT_LEN.</summary>
    internal static readonly TimeSpan Length = TimeSpan.FromSeconds(60);

    // The sequence number of a new connection lies beyond all that the old one can have sent. Linux:
    // tcp_timewait_state_process.
    private const uint ReuseGap = 65535 + 2;

    // What lives no longer than this is counted apart. Linux: inet_twsk_schedule.
    private static readonly TimeSpan LongestShortLife = TimeSpan.FromSeconds(4);

    private readonly TcpLayer _tcp;
    private readonly StackContext _context;
    private readonly Dictionary<int, byte[]> _keys = [];

    internal TimeWait(TcpLayer tcp)
    {
        _tcp = tcp;
        _context = tcp.Context;
    }

    /// <summary>Puts what is left of a connection in its place. Linux: tcp_time_wait.</summary>
    /// <returns>False when tcp_max_tw_buckets is reached; the connection then simply ends.</returns>
    internal bool TryEnter(
        Connection connection, uint tag, in TimeWaitEntry entry, TimeSpan lifetime, in PortOwner owner)
    {
        int place = _tcp.Table.TimeWaits.Count < _context.Sysctls.TcpMaxTwBuckets
            ? _tcp.Table.TimeWaits.Allocate() : -1;
        if (place < 0)
        {
            _context.Mib.Count(Counter.TcpExtTCPTimeWaitOverflow);
            return false;
        }

        _tcp.Table.TimeWaits[place] = entry;
        ref TimeWaitEntry kept = ref _tcp.Table.TimeWaits[place];
        kept.Timer = TimerLink.Unarmed;
        if (connection.Key is { } key)
        {
            // What is sent from here on is signed, but what comes is not asked for a signature.
            _keys[place] = key;
        }

        kept.Hold = _tcp.Ports.Add(entry.Tuple.Local.Port, owner with { IsTimeWait = true });
        kept.EnteredMilliseconds = _context.NowMilliseconds;
        int handle = Handle.Of(HandleKind.TimeWait, place);
        _tcp.Table.Replace(tag, connection.Handle, handle);
        _tcp.Timers.Arm(handle, _context.Clock.From(lifetime));
        _context.Mib.Count(lifetime <= LongestShortLife ? Counter.TcpExtTWKilled : Counter.TcpExtTW);
        _context.Judge(entry.Tuple, new Verdict(RuleId.TimeWaitEntered));
        TcpState state = entry.IsFinWait2 ? TcpState.FinWait2 : TcpState.TimeWait;
        if (_context.Observer is not null && state != connection.State)
        {
            _context.Observe(entry.Tuple, connection.State, state, 0);
        }

        return true;
    }

    /// <summary>The time is over: the four-tuple is free, nothing is sent or counted.</summary>
    internal void OnTimer(int place) => Remove(place);

    /// <summary>A segment for an entry. Linux: tcp_timewait_state_process.</summary>
    /// <param name="place">The entry.</param>
    /// <param name="segment">The segment.</param>
    /// <param name="interface">The interface that it came by.</param>
    /// <param name="forcedIsn">The sequence number that a new connection must start with.</param>
    /// <returns>True when the segment is a SYN for a listener and the entry is gone.</returns>
    internal bool OnSegment(int place, in TcpSegment segment, int @interface, out SeqNumber? forcedIsn)
    {
        forcedIsn = null;
        ref TimeWaitEntry entry = ref _tcp.Table.TimeWaits[place];
        TcpOptions options = entry.HasTimestamps ? TcpOptions.Parse(segment) : default;
        bool old = options.HasTimestamp && entry.TsRecent != 0 && (int)(options.TsVal - entry.TsRecent) < 0;
        if (entry.IsFinWait2)
        {
            OnFinWait2(place, ref entry, segment, options, old, @interface);
            return false;
        }

        if (!old && segment.Seq == entry.ReceiveNext && (segment.SegmentLength == 0 || segment.Has(TcpFlags.Rst)))
        {
            OnExact(place, ref entry, segment, options);
            return false;
        }

        bool newer = segment.Seq > entry.ReceiveNext
            || (options.HasTimestamp && (int)(entry.TsRecent - options.TsVal) < 0);
        const TcpFlags Asked = TcpFlags.Syn | TcpFlags.Rst | TcpFlags.Ack;
        if ((segment.Flags & Asked) == TcpFlags.Syn && !old && newer)
        {
            if (_tcp.Table.Listeners.Find(entry.Tuple, @interface, _tcp.Table.Tag(entry.Tuple)) is null)
            {
                // Nobody listens for the connection that it asks for: it is answered, however often.
                Answer(place, ref entry, segment, Counter.None);
                return false;
            }

            SeqNumber isn = entry.SendNext + ReuseGap;
            forcedIsn = isn.Value == 0 ? new SeqNumber(1) : isn;
            _context.Judge(segment, RuleId.TimeWaitReused);
            Remove(place);
            return true;
        }

        if (old)
        {
            _context.Mib.Count(Counter.TcpExtPAWSTimewait);
        }

        if (segment.Has(TcpFlags.Rst))
        {
            _context.Judge(segment, RuleId.TimeWaitIgnored);
            return false;
        }

        if (segment.Has(TcpFlags.Ack) || old)
        {
            Restart(place, Length);
        }

        Answer(place, ref entry, segment, Counter.TcpExtTCPACKSkippedTimeWait);
        return false;
    }

    /// <summary>Whether connect() may take a four-tuple over. Linux: tcp_twsk_unique.</summary>
    internal bool TryReuse(int place, bool portWasBound, out SeqNumber isn, out uint tsRecent)
    {
        ref TimeWaitEntry entry = ref _tcp.Table.TimeWaits[place];
        isn = entry.SendNext + ReuseGap;
        tsRecent = entry.TsRecent;
        if (!entry.HasTimestamps || entry.TsRecent == 0)
        {
            return false;
        }

        int reuse = _context.Sysctls.TcpTwReuse;
        bool allowed = reuse == 1
            || (reuse == 2 && (entry.Tuple.Local.Address.IsLoopback || entry.Tuple.Remote.Address.IsLoopback));
        uint age = _context.NowMilliseconds - entry.EnteredMilliseconds;
        if (!portWasBound && (!allowed || entry.IsFinWait2 || age < (uint)_context.Sysctls.TcpTwReuseDelay))
        {
            return false;
        }

        _context.Mib.Count(Counter.TcpExtTWRecycled);
        Remove(place);
        return true;
    }

    private void OnExact(int place, ref TimeWaitEntry entry, in TcpSegment segment, in TcpOptions options)
    {
        if (segment.Has(TcpFlags.Rst))
        {
            // RFC 1337: a RST should not end TIME_WAIT; Linux lets it unless it is told otherwise.
            bool ignored = _context.Sysctls.TcpRfc1337 != 0;
            _context.Judge(segment, ignored ? RuleId.TimeWaitIgnored : RuleId.TimeWaitKilled);
            if (!ignored)
            {
                Remove(place);
            }

            return;
        }

        Restart(place, Length);
        if (options.HasTimestamp)
        {
            entry.TsRecent = options.TsVal;
        }

        _context.Judge(segment, RuleId.TimeWaitIgnored);
    }

    private void OnFinWait2(
        int place, ref TimeWaitEntry entry, in TcpSegment segment, in TcpOptions options, bool old,
        int @interface)
    {
        SeqNumber right = entry.ReceiveNext + entry.WindowBytes;
        SeqNumber end = segment.EndSeq;
        bool inWindow = segment.Seq == entry.ReceiveNext || (end > entry.ReceiveNext && segment.Seq < right)
            || (segment.Seq == right && end == right);
        if (old || !inWindow)
        {
            Answer(place, ref entry, segment, Counter.TcpExtTCPACKSkippedFinWait2);
            return;
        }

        if (segment.Has(TcpFlags.Rst) || (segment.Has(TcpFlags.Syn) && segment.Seq >= entry.ReceiveNext))
        {
            Kill(place, segment, @interface);
            return;
        }

        if (!segment.Has(TcpFlags.Ack) || end <= entry.ReceiveNext || segment.SegmentLength == 0)
        {
            _context.Judge(segment, RuleId.TimeWaitIgnored);
            return;
        }

        if (!segment.Has(TcpFlags.Fin) || end != entry.ReceiveNext + 1)
        {
            // Data for a program that is gone.
            Kill(place, segment, @interface);
            return;
        }

        entry.IsFinWait2 = false;
        if (_context.Observer is not null)
        {
            _context.Observe(entry.Tuple, TcpState.FinWait2, TcpState.TimeWait, 0);
        }

        entry.ReceiveNext = end;
        if (options.HasTimestamp)
        {
            entry.TsRecent = options.TsVal;
        }

        Restart(place, Length);
        _context.Judge(segment, RuleId.TimeWaitEntered);
        Answer(place, ref entry, segment, Counter.None);
    }

    private void Kill(int place, in TcpSegment segment, int @interface)
    {
        _context.Judge(segment, RuleId.TimeWaitKilled);
        if (_tcp.TryFindResetKey(segment, @interface, out byte[]? key))
        {
            _tcp.Output.Reset(segment, key);
        }

        Remove(place);
    }

    private void Answer(int place, ref TimeWaitEntry entry, in TcpSegment segment, Counter skipped)
    {
        uint now = _context.NowMilliseconds;
        bool limited = skipped != Counter.None && (segment.SegmentLength == 0 || segment.Has(TcpFlags.Syn));
        if (limited && entry.LastOutOfWindow != 0
            && now - entry.LastOutOfWindow < (uint)_context.Sysctls.TcpInvalidRatelimit)
        {
            _context.Mib.Count(skipped);
            return;
        }

        if (limited)
        {
            entry.LastOutOfWindow = now == 0 ? 1 : now;
        }

        _context.Judge(segment, RuleId.TimeWaitAck);
        var fields = new TcpFields
        {
            Seq = entry.SendNext,
            Ack = entry.ReceiveNext,
            Flags = TcpFlags.Ack,
            Key = _keys.Count == 0 ? null : _keys.GetValueOrDefault(place),
            WindowField = (ushort)(entry.WindowBytes >> entry.WindowScale),
            Options = new TcpOptions
            {
                HasTimestamp = entry.HasTimestamps && entry.TsRecent != 0,
                TsVal = _context.TimestampClock + entry.TsOffset,
                TsEcr = entry.TsRecent,
            },
        };
        Connection.PutCode(ref fields, entry.Code);
        _tcp.Output.TimeWaitAck(entry.Tuple, fields, entry.Tos);
    }

    private void Restart(int place, TimeSpan lifetime) =>
        _tcp.Timers.Arm(Handle.Of(HandleKind.TimeWait, place), _context.Clock.From(lifetime));

    private void Remove(int place)
    {
        int handle = Handle.Of(HandleKind.TimeWait, place);
        ref TimeWaitEntry entry = ref _tcp.Table.TimeWaits[place];
        if (_context.Observer is not null)
        {
            TcpState state = entry.IsFinWait2 ? TcpState.FinWait2 : TcpState.TimeWait;
            _context.Observe(entry.Tuple, state, TcpState.Close, 0);
        }

        _tcp.Timers.Wheel.Cancel(handle);
        _tcp.Table.Remove(_tcp.Table.Tag(entry.Tuple), handle);
        _tcp.Ports.Remove(entry.Hold);
        _tcp.Table.TimeWaits.Free(place);
        if (_keys.Count > 0)
        {
            _keys.Remove(place);
        }
    }
}
