using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Earshot.Lab.Experiments;
using Earshot.Lab.Native;

namespace Earshot.Lab.Targets;

/// <summary>Runs a plan on the host kernel, in a network namespace of its own; needs root.</summary>
/// <remarks>It takes as long as the plan says: time cannot be made virtual here. A packet's time is the kernel's
/// capture time stamp; our own clock only decides when to look, and the plans look far from any timer.</remarks>
public sealed class HostTarget : ITarget
{
    // Progress is told this often while nothing happens.
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(200);

    // A look this late may have missed a timer: plans keep 15 % away from every timer.
    private const double LateShare = 0.05;
    private static readonly TimeSpan LateAtLeast = TimeSpan.FromMilliseconds(50);

    /// <inheritdoc/>
    public string Name => "host";

    /// <summary>Why the target cannot run here, or null when it can.</summary>
    /// <returns>The reason, for a test that has to be skipped or a command that has to exit 3.</returns>
    public static string? CannotRunReason()
    {
        try
        {
            HostNamespace.RequireHost();
            return HostNamespace.Run([], static _ => (string?)null);
        }
        catch (CannotRunHereException e)
        {
            return e.Message;
        }
    }

    // Code is compiled at its first call, which costs tens of milliseconds: nothing may be measured by then.
    private static readonly Lazy<bool> Warm = new(() =>
    {
        Plan steps = PlanReader.Read("warm-up", """
            name = warm-up
            look = 0.03
            [steps]
            0 = server a 0.0.0.0:6666 5; connect c 127.0.0.1:6666; poll a; accept a s; send c 1; recv s 1; getname c
            0 = get c error; set c nodelay 1; disconnect c; shutdown s wr; close s; syn p1; raw p1 A; again p1
            """);
        RunSteps(steps, null, default);
        _ = RunPrograms(PlanCatalog.Load("backlog").LookingAt(TimeSpan.FromMilliseconds(20)));
        return true;
    });

    /// <inheritdoc/>
    public RunResult Run(Plan plan, IProgress<LabProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        HostNamespace.RequireHost();
        _ = Warm.Value;
        return plan.Steps.Count > 0
            ? RunSteps(plan, progress, cancellation)
            : RunPrograms(plan, progress, cancellation);
    }

    private static RunResult RunSteps(Plan plan, IProgress<LabProgress>? progress, CancellationToken cancellation) =>
        new HostPacketTargetMaker().Run(new PacketTargetOptions { Seed = plan.Seed }, target =>
        {
            long zero = HostSocket.Now() - target.Now.Nanoseconds;
            using var eyes = new HostEyes(time => new Instant(time - zero));
            return new StepRun(plan, target, eyes).Go(progress, cancellation);
        });

    private static RunResult RunPrograms(
        Plan plan, IProgress<LabProgress>? progress = null, CancellationToken cancellation = default)
    {
        IReadOnlyList<SysctlSetting> sysctls = [.. plan.Hosts.SelectMany(h => h.Sysctls)];
        return HostNamespace.Run(sysctls, space =>
        {
            using var run = new HostRun(plan, space);
            return run.Go(progress, cancellation);
        });
    }

    /// <summary>One run: the listener, the capture and the looks, all on the namespace's own thread.</summary>
    private sealed class HostRun : IDisposable
    {
        private readonly Plan _plan;
        private readonly HostNamespace _space;
        private readonly PacketRing _ring;
        private readonly ListenerDiag _diag;
        private readonly HostClients _clients;
        private readonly PacketLog _log;
        private readonly List<string> _notes;
        private readonly List<Sample> _samples = [];
        private readonly Dictionary<string, long> _baseline;
        private int _listener = -1;

        public HostRun(Plan plan, HostNamespace space)
        {
            _plan = plan;
            _space = space;
            _notes = [.. space.Notes];
            _log = new PacketLog(plan.Clients.Port);
            if (!PacketRing.TryOpen(out PacketRing? ring, out string problem))
            {
                throw new CannotRunHereException($"packets cannot be captured here: {problem}");
            }

            _ring = ring;
            if (!ListenerDiag.TryOpen(out ListenerDiag? diag, out problem))
            {
                _ring.Dispose();
                throw new CannotRunHereException($"the kernel does not tell its listeners: {problem}");
            }

            _diag = diag;
            _clients = new HostClients(plan.Clients, space.Descriptor);

            // Once before it counts: code is compiled at its first call, and the first look must not be late for it.
            _ = HostFiles.Sockets(plan.Listen.Port);
            _ = _diag.TryRead(out _, out _);
            _baseline = HostFiles.Counters();
        }

        public RunResult Go(IProgress<LabProgress>? progress, CancellationToken cancellation)
        {
            OpenListener();
            _clients.Start();
            long start = Stopwatch.GetTimestamp();
            foreach (TimeSpan look in _plan.Looks)
            {
                WaitUntil(look, start, progress, cancellation);
                if (_clients.Failure is { } failure)
                {
                    throw new ExperimentFailedException($"the client program failed: {failure}");
                }

                Look(look, start);
            }

            HostClients.Call[] calls = _clients.Calls();
            _ring.Drain(Take);
            if (_ring.TakeLost() is > 0 and int lost)
            {
                _notes.Add($"{lost} packets were not captured: the ring was full");
            }

            progress?.Report(new LabProgress(_plan.Name, "host", _plan.Looks[^1], _plan.Looks[^1]));
            IReadOnlyList<ConnectResult> connects = HostStory.Connects(_plan, calls, _log);
            return new RunResult
            {
                Plan = _plan,
                Target = "host",
                Seed = _plan.Seed,
                Samples = _samples,
                Connects = connects,
                Packets = _log.Packets,
                Why = HostStory.Why(_plan, connects, _log, _samples[^1]),
                Notes = _notes,
            };
        }

        // The listener first, so that its connections are reset and the clients' sockets close without TIME_WAIT.
        public void Dispose()
        {
            if (_listener >= 0)
            {
                HostSocket.Close(_listener);
            }

            _clients.Dispose();
            _diag.Dispose();
            _ring.Dispose();
        }

        private void OpenListener()
        {
            _listener = HostSocket.Open(blocking: true);
            Require(_listener, "socket()");
            Require(HostSocket.Bind(_listener, _plan.Listen.Address, _plan.Listen.Port), "bind()");
            Require(HostSocket.Listen(_listener, _plan.Listen.Backlog), "listen()");
        }

        private void Require(int result, string call)
        {
            if (result < 0)
            {
                throw new ExperimentFailedException(
                    $"{call} for {_plan.Listen.Address} port {_plan.Listen.Port}: {Errno.Name(-result)}");
            }
        }

        // The ring is emptied while waiting, so that a burst never fills it.
        private void WaitUntil(
            TimeSpan look, long start, IProgress<LabProgress>? progress, CancellationToken cancellation)
        {
            TimeSpan told = TimeSpan.MinValue;
            while (true)
            {
                cancellation.ThrowIfCancellationRequested();
                TimeSpan now = Stopwatch.GetElapsedTime(start);
                TimeSpan left = look - now;
                if (left <= TimeSpan.Zero)
                {
                    return;
                }

                if (now - Turn >= told)
                {
                    progress?.Report(new LabProgress(_plan.Name, "host", now, _plan.Looks[^1]));
                    told = now;
                }

                if (HostSocket.Wait(_ring.Descriptor, writable: false, left < Turn ? left : Turn))
                {
                    _ring.Drain(Take);
                }
            }
        }

        private void Look(TimeSpan look, long start)
        {
            Dictionary<string, long> counters = HostFiles.Counters();
            List<TableRow> rows = HostFiles.Sockets(_plan.Listen.Port);
            if (!_diag.TryRead(out List<(int Port, int Accept, int Limit)> listeners, out string problem))
            {
                throw new ExperimentFailedException(problem);
            }

            TimeSpan late = Stopwatch.GetElapsedTime(start) - look;
            if (late > LateAtLeast && late > look * LateShare)
            {
                _notes.Add($"the look at {look.TotalSeconds} s ended {late.TotalMilliseconds:0} ms late");
            }

            _samples.Add(new Sample
            {
                At = look,
                Server = TcpStates.Count(rows.Where(r => r.IsServer).Select(r => r.State)),
                Client = TcpStates.Count(rows.Where(r => !r.IsServer).Select(r => r.State)),
                Queues = [.. listeners.Select(l => new QueueSample(
                    l.Port, l.Accept, l.Limit, rows.Count(r => r.IsServer && r.State == "SYN_RECV")))],
                Counters = CounterDelta.Between(_baseline, counters),
                Table = [.. rows.Where(r => r.State != "LISTEN")],
                Texts = HostTools.Texts(_plan.Views),
            });
        }

        private void Take(long time, ReadOnlySpan<byte> packet, int length, bool outgoing)
        {
            byte[] complete = packet.ToArray();
            if (complete.Length == length)
            {
                // Loopback leaves the sum to a device that never makes it: a capture file would show it as wrong.
                TcpFields.CompleteChecksum(complete);
            }
            _log.Add(time, complete, length);
        }
    }
}
