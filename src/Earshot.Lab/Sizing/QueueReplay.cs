using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Earshot.Monitor.Sizing;

namespace Earshot.Lab.Sizing;

/// <summary>What a backlog would have done with recorded arrivals.</summary>
/// <param name="Backlog">The backlog.</param>
/// <param name="Arrivals">Clients that came.</param>
/// <param name="Refused">SYNs that the full queue refused, repeated ones too.</param>
/// <param name="ClientsRefused">Clients that were refused at least once.</param>
/// <param name="Peak">The longest queue.</param>
/// <param name="Left">Connections still in the queue at the end.</param>
/// <param name="MedianWait">From a client's first SYN to accept(), the middle one.</param>
/// <param name="LongWait">The same, of the slowest hundredth.</param>
internal sealed record QueueOutcome(
    int Backlog, int Arrivals, int Refused, int ClientsRefused, int Peak, int Left, TimeSpan MedianWait,
    TimeSpan LongWait);

/// <summary>Lets recorded arrivals and accepts happen again on the embedded stack, in virtual time, with another
/// backlog.</summary>
/// <remarks>The clients are sockets of the stack, which send their SYNs again as Linux does; the server takes as many
/// connections as the recorded program took, and everything where that had emptied its queue.</remarks>
internal sealed class QueueReplay : IDisposable
{
    /// <summary>So many clients are replayed at most: each needs a port of its own.</summary>
    public const int MostArrivals = 20_000;

    private const int AfInet = 2;
    private const int SockStream = 1;
    private const ushort Port = 80;

    private readonly ArrivalRecord _record;
    private readonly int _backlog;
    private readonly NetworkStack _stack;
    private readonly Dictionary<ushort, TimeSpan> _came = [];
    private readonly List<TimeSpan> _waits = [];
    private readonly int _listener;
    private int _peak;
    private int _waiting;

    private QueueReplay(ArrivalRecord record, int backlog)
    {
        (_record, _backlog) = (record, backlog);
        _stack = new NetworkStack(new StackOptions { Profile = KernelProfile.Linux618 }, Instant.Zero);
        _stack.Sysctls.Set("net.core.somaxconn", "65535");
        _stack.Sysctls.Set("net.ipv4.tcp_syncookies", "1");
        _listener = _stack.Calls.Socket(AfInet, SockStream, 0);
        _stack.Calls.Bind(_listener, new InetEndpoint(InetAddress.Loopback, Port));
        _stack.Calls.Listen(_listener, backlog);
    }

    /// <summary>Replays with a backlog.</summary>
    public static QueueOutcome Run(ArrivalRecord record, int backlog)
    {
        using var replay = new QueueReplay(record, backlog);
        return replay.Go();
    }

    public void Dispose() => _stack.Dispose();

    private QueueOutcome Go()
    {
        var arrivals = _record.FirstAttempts().Take(MostArrivals).ToList();
        int next = 0;
        bool empty = true;
        TimeSpan last = TimeSpan.Zero;
        foreach (ArrivalTick tick in _record.Ticks)
        {
            TimeSpan end = tick.At + ArrivalRecorder.Period;

            // Where ticks were left out the queue was empty: the program takes what comes.
            RunUntil(tick.At, empty);
            for (; next < arrivals.Count && arrivals[next] <= tick.At; next++)
            {
                Connect(arrivals[next], tick.IsDrained);
            }

            RunUntil(end, tick.IsDrained);
            Accept(tick.IsDrained ? int.MaxValue : tick.Left);
            (last, empty) = (end, tick.IsDrained);
        }

        for (; next < arrivals.Count; next++)
        {
            Connect(arrivals[next], drains: true);
        }

        // Who was refused comes again; nothing was recorded of how the program would go on, so nothing is accepted.
        int left = _waiting;
        RunUntil(_record.Length > last ? _record.Length : last, drains: _record.Ticks is [.., { IsDrained: true }]);
        _waits.Sort();
        return new QueueOutcome(
            _backlog, arrivals.Count, Count("ListenOverflows"), _waits.Count(wait => wait > HalfSecond) + _came.Count,
            _peak, left, At(0.5), At(0.99));
    }

    private static readonly TimeSpan HalfSecond = TimeSpan.FromMilliseconds(900);

    private int Count(string counter) =>
        (int)(_stack.Mib.TryGet("TcpExt" + counter, out long value) || _stack.Mib.TryGet(counter, out value)
            ? value
            : 0);

    private TimeSpan At(double share) => _waits.Count == 0
        ? TimeSpan.Zero
        : _waits[Math.Min(_waits.Count - 1, (int)(share * _waits.Count))];

    private void Connect(TimeSpan at, bool drains)
    {
        RunUntil(at, drains);
        int client = _stack.Calls.Socket(AfInet, SockStream, 0);
        _stack.Calls.Bind(client, new InetEndpoint(InetAddress.Loopback, 0));
        if (_stack.Calls.GetSocketName(client, out InetEndpoint local) >= 0)
        {
            _came[local.Port] = at;
        }

        _stack.Calls.Connect(client, new InetEndpoint(InetAddress.Loopback, Port));
        Settle();
        if (drains)
        {
            Accept(int.MaxValue);
        }
    }

    private void RunUntil(TimeSpan until, bool drains)
    {
        Instant end = Instant.Zero + until;
        while (_stack.NextTimer is { } timer && timer <= end)
        {
            _stack.OnTimer(timer);
            Settle();
            if (drains)
            {
                Accept(int.MaxValue);
            }
        }

        if (end > _stack.Now)
        {
            _stack.OnTimer(end);
            Settle();
        }
    }

    private void Accept(int most)
    {
        for (int i = 0; i < most && _stack.Calls.Accept(_listener, out InetEndpoint peer) >= 0; i++)
        {
            if (_came.Remove(peer.Port, out TimeSpan came))
            {
                _waits.Add(_stack.Now - (Instant.Zero + came));
            }
        }

        Measure();
    }

    private void Settle()
    {
        bool more = true;
        while (more)
        {
            while (_stack.TryTransmit(out _))
            {
            }

            more = false;
            while (_stack.TryTakeEvent(out _))
            {
                more = true;
            }
        }

        Measure();
    }

    private void Measure()
    {
        var rows = new List<Earshot.Core.ListenerRow>();
        _stack.CopyListeners(rows);
        _waiting = rows.Count > 0 ? rows[0].AcceptCount : 0;
        _peak = Math.Max(_peak, _waiting);
    }
}
