using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Threading;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Lab.Experiments;

namespace Earshot.Lab.Targets;

/// <summary>Runs a plan of steps on any target: one thread, one call after another, each at its moment.</summary>
internal sealed class StepRun
{
    private const int FirstChosenPort = 32768;

    // A look or step this late may have missed a timer: plans keep 15 % away from every timer.
    private const double LateShare = 0.05;
    private static readonly TimeSpan LateAtLeast = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(500);

    private readonly Plan _plan;
    private readonly IPacketTarget _target;
    private readonly IStepEyes _eyes;
    private readonly Instant _zero;
    private readonly List<CallResult> _calls = [];
    private readonly List<Sample> _samples = [];
    private readonly List<SeenStep> _seen = [];
    private readonly List<string> _notes = [];
    private readonly Dictionary<string, RawPeer> _peers = new(StringComparer.Ordinal);
    private readonly StepSockets _sockets;
    private readonly Dictionary<string, long> _baseline;

    /// <summary>Sets the plan's sysctls and starts its clock.</summary>
    public StepRun(Plan plan, IPacketTarget target, IStepEyes eyes)
    {
        _plan = plan;
        _target = target;
        _eyes = eyes;
        foreach (SysctlSetting setting in plan.Hosts.SelectMany(h => h.Sysctls))
        {
            int result = target.SetSysctl(setting.Name, setting.Value);
            if (result < 0)
            {
                throw new ExperimentFailedException(
                    $"the plan's sysctl: {target.Name}, {setting.Name} = '{setting.Value}': {Errno.Name(-result)}");
            }
        }

        // Once before it counts: code is compiled at its first call, and the first look must not be late for it.
        _ = _eyes.Listeners().Count();
        _ = _target.Sockets();
        _baseline = Counters();
        _zero = target.Now;
        foreach (string name in plan.Steps.Where(s => s.Verb is "syn" or "raw" or "again" or "icmp")
            .SelectMany(s => s.Names))
        {
            // By now: a connect() may be for a peer before it sends anything.
            _ = Peer(name);
        }

        _sockets = new StepSockets(target, _zero, _calls, TakeOutgoing);
    }

    /// <summary>Does the steps and the looks.</summary>
    public RunResult Go(IProgress<LabProgress>? progress, CancellationToken cancellation)
    {
        int next = 0;
        foreach (TimeSpan look in _plan.Looks)
        {
            for (; next < _plan.Steps.Count && _plan.Steps[next].At <= look; next++)
            {
                WaitUntil(_plan.Steps[next].At, cancellation);
                Do(_plan.Steps[next]);
            }

            WaitUntil(look, cancellation);
            Look(look);
            progress?.Report(new LabProgress(_plan.Name, _target.Name, look, _plan.Looks[^1]));
        }

        var log = new ConversationLog();
        foreach (SeenStep packet in _seen.OrderBy(p => p.Time.Nanoseconds))
        {
            log.Add(packet.Time - _zero, packet.Bytes, packet.Verdict);
        }

        _sockets.CloseAll();
        return new RunResult
        {
            Plan = _plan,
            Target = _target.Name,
            Seed = _plan.Seed,
            Samples = _samples,
            Connects = [],
            Calls = _calls,
            Packets = log.Packets,
            Rules = _eyes.Rules(),
            Why = [.. _calls.Select(c => $"at {Say.Seconds(c.At)}: {c.Call}: {c.Result}")],
            Logs = _target.LogLines(),
            Notes = _notes,
        };
    }

    private void WaitUntil(TimeSpan moment, CancellationToken cancellation)
    {
        Instant until = _zero + moment;
        while (_target.Now < until)
        {
            cancellation.ThrowIfCancellationRequested();
            Instant turn = _target.Now + Turn;
            _target.WaitUntil(turn < until && !_target.IsVirtual ? turn : until);
            TakeOutgoing();
        }
    }

    private void Do(PlanStep step)
    {
        Late(_target.Now - _zero - step.At, step.At, $"the step {step.Verb} at {Say.Seconds(step.At)}");
        switch (step.Verb)
        {
            case "syn":
                EachPeer(step, (peer, at) => peer.Build(RawWords.Read("S", step.Words), at));
                break;
            case "raw":
                EachPeer(step, (peer, at) => peer.Build(RawWords.Read(step.Words[0], step.Words.Skip(1)), at));
                break;
            case "again":
                EachPeer(step, static (peer, _) => peer.LastSent.ToArray());
                break;
            case "icmp":
                (int type, int code) = StepWords.Icmp(step.Words[0]);
                EachPeer(step, (peer, _) => peer.BuildIcmp(RawWords.Read(null, step.Words.Skip(1)), type, code));
                break;
            default:
                _sockets.Do(step);
                break;
        }

        TakeOutgoing();
    }

    private void EachPeer(PlanStep step, Func<RawPeer, TimeSpan, byte[]> build)
    {
        foreach (string name in step.Names)
        {
            byte[] packet = build(Peer(name), step.At);
            string call = $"{step.Verb} {name} {string.Join(' ', step.Words)}".TrimEnd();
            _calls.Add(new CallResult(_target.Now - _zero, call, "sent"));
            Instant at = _target.Inject(packet);
            _seen.Add(new SeenStep(at, packet, _eyes.InjectedVerdict));
            TakeOutgoing();
        }
    }

    private RawPeer Peer(string name)
    {
        if (!_peers.TryGetValue(name, out RawPeer? peer))
        {
            peer = new RawPeer(_peers.Count, DefaultServer());
            _peers.Add(name, peer);
        }

        return peer;
    }

    // The first port that the plan binds, at the target's own address of that family.
    private IPEndPoint DefaultServer()
    {
        foreach (PlanStep step in _plan.Steps)
        {
            if (step.Verb is "server" or "bind" && IPEndPoint.TryParse(step.Words[0], out IPEndPoint? end))
            {
                bool six = end.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6
                    && !end.Address.IsIPv4MappedToIPv6;
                return new IPEndPoint(six ? _target.Options.Local6 : _target.Options.Local4, end.Port);
            }
        }

        return new IPEndPoint(_target.Options.Local4, 6666);
    }

    private void TakeOutgoing()
    {
        _eyes.Drain(_seen);
        while (_target.TryTake(out SeenPacket packet))
        {
            _seen.Add(new SeenStep(packet.Time, packet.Bytes));
            if (!WireText.TryFind(packet.Bytes, out PacketPlace place))
            {
                continue;
            }

            foreach (RawPeer peer in _peers.Values)
            {
                if (peer.IsFor(place, packet.Bytes))
                {
                    peer.See(place, packet.Bytes);
                }
            }
        }
    }

    private void Look(TimeSpan look)
    {
        Dictionary<string, long> counters = Counters();
        IReadOnlyList<TargetSocket> sockets = _target.Sockets();
        var listeners = _eyes.Listeners().ToList();
        Late(_target.Now - _zero - look, look, $"the look at {Say.Seconds(look)}");
        TableRow[] rows = [.. sockets.Select(Row)];
        _samples.Add(new Sample
        {
            At = look,
            Server = TcpStates.Count(rows.Where(r => r.IsServer).Select(r => r.State)),
            Client = TcpStates.Count(rows.Where(r => !r.IsServer).Select(r => r.State)),
            Queues = [.. listeners.Select(l => new QueueSample(
                l.Port, l.Accept, l.Limit, sockets.Count(s => s.Local.Port == l.Port && s.State == 3)))
                .OrderBy(q => q.Port).ThenBy(q => q.Accept).ThenBy(q => q.Limit)],
            Counters = CounterDelta.Between(_baseline, counters),
            Table = [.. rows.Where(r => r.State != "LISTEN")],

            // The tools take their time, which steps that follow do not have.
            Texts = _plan.Steps[^1].At <= look ? _eyes.Texts(_plan.Views) : new Dictionary<string, string>(),
        });
    }

    private static TableRow Row(TargetSocket socket) => new(
        socket.ReceiveQueue,
        socket.SendQueue,
        Text(socket.Local),
        Text(socket.Remote),
        TcpStates.Name(socket.State),
        socket.Local.Port < FirstChosenPort);

    // An IPv4 peer of an IPv6 socket is an IPv4 connection, by whichever name a target lists it.
    private static string Text(IPEndPoint end)
    {
        IPAddress address = end.Address.IsIPv4MappedToIPv6 ? end.Address.MapToIPv4() : end.Address;
        return end.Port == 0 ? $"{address}:*" : new IPEndPoint(address, end.Port).ToString();
    }

    private Dictionary<string, long> Counters() => new(_target.Counters(), StringComparer.Ordinal);

    private void Late(TimeSpan late, TimeSpan moment, string what)
    {
        if (late > LateAtLeast && late > moment * LateShare)
        {
            _notes.Add($"{what} was {late.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture)} ms late");
        }
    }
}
