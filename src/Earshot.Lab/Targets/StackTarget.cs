using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Earshot.Lab.Experiments;
using Earshot.Lab.Views;

namespace Earshot.Lab.Targets;

/// <summary>Runs a plan on the embedded stack in virtual time: 200 seconds take milliseconds.</summary>
/// <remarks>Both programs run on one stack over its loopback. A run depends on the plan, its seed and the profile
/// only, so it comes out the same every time.</remarks>
/// <param name="profile">The kernel to behave like.</param>
public sealed class StackTarget(KernelProfile profile) : ITarget
{
    /// <inheritdoc/>
    public string Name => profile.Name;

    /// <summary>Is told each change of a socket's state in a run; null (the default) for nobody.</summary>
    public StateObserver? Observer { get; init; }

    /// <inheritdoc/>
    public RunResult Run(Plan plan, IProgress<LabProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (plan.Steps.Count > 0)
        {
            return new StackPacketTargetMaker(profile).Run(new PacketTargetOptions { Seed = plan.Seed }, target =>
            {
                NetworkStack stack = ((StackPacketTarget)target).Stack;
                stack.Observer = Observer;
                using var eyes = new StackEyes(stack);
                return new StepRun(plan, target, eyes).Go(progress, cancellation);
            });
        }

        using var run = new StackRun(plan, profile, Observer);
        return run.Go(progress, cancellation);
    }

    /// <summary>One run: the server program, the clients as a state machine, and the looks.</summary>
    private sealed class StackRun : IDisposable
    {
        // A bug that makes the stack ask for one moment again and again must not hang the caller.
        private const int MaxTurns = 10_000_000;

        private readonly Plan _plan;
        private readonly NetworkStack _stack;
        private readonly StackClients _clients;
        private readonly PacketLog _log;
        private readonly List<Sample> _samples = [];
        private readonly Dictionary<string, long> _baseline;
        private readonly Instant _zero = Instant.Zero;
        private int _turns;

        public StackRun(Plan plan, KernelProfile profile, StateObserver? observer)
        {
            _plan = plan;
            _log = new PacketLog(plan.Clients.Port);
            _stack = new NetworkStack(new StackOptions { Profile = profile, Seed = Chance.Spread(plan.Seed) }, _zero);
            _stack.Sysctls.Set("net.ipv4.tcp_congestion_control", HostSysctls.CongestionControl);
            _clients = new StackClients(plan.Clients, _stack, _zero);
            SetSysctls();
            _stack.Tap = Take;
            _stack.Observer = observer;
            _baseline = Counters();
        }

        public RunResult Go(IProgress<LabProgress>? progress, CancellationToken cancellation)
        {
            Listen();
            _clients.Start();
            Settle();
            foreach (TimeSpan look in _plan.Looks)
            {
                RunUntil(_zero + look, cancellation);
                Look(look);
                progress?.Report(new LabProgress(_plan.Name, _stack.Profile.Name, look, _plan.Looks[^1]));
            }

            return new RunResult
            {
                Plan = _plan,
                Target = _stack.Profile.Name,
                Seed = _plan.Seed,
                Samples = _samples,
                Connects = _clients.Results(),
                Packets = _log.Packets,
                Rules = [.. _stack.Ledger.Tallies.Select(t => t.Rule).Distinct()],
                Why = StackStory.Why(_plan, _stack, _clients, _log),
            };
        }

        public void Dispose() => _stack.Dispose();

        private void SetSysctls()
        {
            foreach (SysctlSetting setting in _plan.Hosts.SelectMany(h => h.Sysctls))
            {
                int result = _stack.Sysctls.Set(setting.Name, setting.Value);
                if (result < 0)
                {
                    throw new ExperimentFailedException(result == -Errno.ENOENT
                        ? $"the plan's sysctl: {_stack.Profile.Name} has no {setting.Name}"
                        : $"the plan's sysctl: {_stack.Profile.Name} refuses '{setting.Value}' for {setting.Name} "
                            + $"({Errno.Name(result)})");
                }
            }
        }

        private void Listen()
        {
            ListenPlan plan = _plan.Listen;
            int descriptor = _stack.Calls.Socket(StackClients.AfInet, StackClients.SockStream, 0);
            Require(descriptor, "socket()");
            Require(_stack.Calls.Bind(descriptor, new InetEndpoint(plan.Address, (ushort)plan.Port)), "bind()");
            Require(_stack.Calls.Listen(descriptor, plan.Backlog), "listen()");
        }

        private void Require(int result, string call)
        {
            if (result < 0)
            {
                throw new ExperimentFailedException(
                    $"{call} for {_plan.Listen.Address} port {_plan.Listen.Port}: {Errno.Name(result)}");
            }
        }

        private void RunUntil(Instant until, CancellationToken cancellation)
        {
            while (_stack.NextTimer is { } next && next <= until)
            {
                cancellation.ThrowIfCancellationRequested();
                Invariant.Check(++_turns <= MaxTurns, $"plan {_plan.Name}: more than {MaxTurns} turns of the stack");
                _stack.OnTimer(next);
                Settle();
            }

            _stack.OnTimer(until);
            Settle();
        }

        // There is no device behind this stack, so what wants to leave by one has nowhere to go.
        private void Settle()
        {
            bool more = true;
            while (more)
            {
                while (_stack.TryTransmit(out _))
                {
                }

                more = false;
                while (_stack.TryTakeEvent(out StackEvent happened))
                {
                    _clients.On(happened);
                    more = true;
                }
            }
        }

        private void Look(TimeSpan look)
        {
            _stack.CheckInvariants();
            var rows = new List<SocketRow>();
            var listeners = new List<ListenerRow>();
            _stack.CopySockets(rows);
            _stack.CopyListeners(listeners);
            TableRow[] table = [.. rows.Select(Row)];
            _samples.Add(new Sample
            {
                At = look,
                Server = TcpStates.Count(table.Where(r => r.IsServer).Select(r => r.State)),
                Client = TcpStates.Count(table.Where(r => !r.IsServer).Select(r => r.State)),
                Queues = [.. listeners.Select(l =>
                    new QueueSample(l.Local.Port, l.AcceptCount, (int)l.Backlog, l.SynCount))],
                Counters = CounterDelta.Between(_baseline, Counters()),
                Table = [.. table.Where(r => r.State != "LISTEN")],
                Texts = StackView.Texts(_plan.Views, _stack),
            });
        }

        private TableRow Row(SocketRow row) => new(
            row.ReceiveQueue,
            row.SendQueue,
            row.Local.ToString(),
            row.Remote.ToString(),
            TcpStates.Name((int)row.State),
            row.Local.Port == _plan.Listen.Port);

        private Dictionary<string, long> Counters() =>
            _stack.Mib.All.ToDictionary(c => c.Key, c => c.Value, StringComparer.Ordinal);

        private void Take(in TappedPacket packet)
        {
            string? verdict = null;
            foreach (LedgerEntry entry in packet.Verdicts)
            {
                string said = $"{entry.Rule}: {_stack.Ledger.Explain(entry)}";
                verdict = verdict is null ? said : $"{verdict}; {said}";
            }

            _log.Add(packet.Time.Nanoseconds, packet.Bytes, packet.Bytes.Length, verdict);
        }
    }
}
