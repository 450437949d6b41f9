using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Net;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Packetdrill;

/// <summary>One run of a script: its clock, and what each event does.</summary>
internal sealed partial class ScriptRun
{
    private const double RelativeTolerance = 0.125;

    private readonly Script _script;
    private readonly IpVersion _version;
    private readonly IPacketTarget _target;
    private readonly IPAddress _remote;
    private readonly CallRunner _calls;

    // When the event before began and was done; packets that it caused left in between.
    private Instant _start;
    private Instant _end;
    private Instant _zero;

    // When the event before should have begun, which counts between two inbound packets.
    private Instant _nominal;
    private bool _wasInbound;
    private TimeSpan _scriptTime;

    // How far what we cause has fallen behind the script's times in all: a busy machine wakes us late.
    private TimeSpan _late;

    public ScriptRun(Script script, IpVersion version, IPacketTarget target, IPAddress remote)
    {
        _script = script;
        _version = version;
        _target = target;
        _remote = remote;
        IPAddress local = version == IpVersion.IPv6 ? target.Options.Local6 : target.Options.Local4;
        _local = local;
        _calls = new CallRunner(script.File, target, version, local, remote);
    }

    /// <summary>Whether a step of ours came, or a call returned, later than the script's tolerance: what is seen
    /// afterwards may be otherwise, or earlier than after a step in time.</summary>
    public bool WasLate { get; private set; }

    /// <summary>Runs the script.</summary>
    /// <exception cref="ScriptFailure">Something is not as the script expects.</exception>
    public void Go()
    {
        foreach (CommandEvent command in _script.SetUp)
        {
            Set(command);
        }

        IReadOnlyDictionary<string, long> before = Counters();
        _zero = _start = _end = _nominal = _target.Now;
        foreach (ScriptEvent happening in _script.Events)
        {
            _calls.CheckReturned(_late);
            switch (happening)
            {
                case PacketEvent { IsInbound: false } packet:
                    Expect(packet);
                    break;
                case PacketEvent packet:
                    Instant due = WaitFor(packet);
                    Instant taken = Send(packet);
                    Done(packet, due, taken, _target.Now);
                    break;
                default:
                    due = WaitFor(happening);
                    Instant begun = _target.Now;
                    Act(happening, due);
                    Done(happening, due, begun, _target.Now);
                    break;
            }
        }

        _calls.AwaitReturned(_late);
        Leftover();
        Compare(before);
        foreach (CommandEvent command in _script.CleanUp)
        {
            Set(command);
        }
    }

    /// <summary>Resets what is still connected and closes what is still open.</summary>
    public void End()
    {
        _calls.CloseAll();
        foreach (Flow flow in _flows)
        {
            if (flow.LastAcknowledgment is { } next)
            {
                var reset = new TcpPattern { Flags = Flag.Rst };
                Envelope envelope = Envelope(new IpPattern());
                _target.Inject(SegmentBytes.Segment(
                    envelope, flow.RemotePort, flow.LocalPort, reset, next, 0, [], []));
            }
        }
    }

    private IReadOnlyDictionary<string, long> Counters() =>
        _script.Options.Counters.Count > 0 ? _target.Counters() : ReadOnlyDictionary<string, long>.Empty;

    // A counter that the target does not have is one that cannot move there.
    private void Compare(IReadOnlyDictionary<string, long> before)
    {
        IReadOnlyDictionary<string, long> after = Counters();
        foreach (CounterStep step in _script.Options.Counters)
        {
            long grown = after.GetValueOrDefault(step.Name) - before.GetValueOrDefault(step.Name);
            if (grown != step.By)
            {
                throw new ScriptFailure(
                    step.Line, $"the counter {step.Name} grew by something else", $"{step.By}", $"{grown}");
            }
        }
    }

    private void Act(ScriptEvent happening, Instant due)
    {
        switch (happening)
        {
            case CallEvent call:
                Instant? until = call.BlocksUntil is { } end ? due + (end - call.Time.From) : null;
                TimeSpan tolerance = Tolerance((call.BlocksUntil ?? call.Time.From) - call.Time.From);
                _calls.Make(call, until, tolerance, _late);
                break;
            case CommandEvent command:
                Set(command);
                break;
            case CodeEvent code:
                if (code.Code.Run(name => _calls.FindName(name, code.Line)) is { } failed)
                {
                    // What is asked about may be a time, and be longer by what the run is behind.
                    throw new ScriptFailure(failed.Line, failed.Says, isLate: _late > Tolerance(TimeSpan.Zero));
                }

                break;
        }
    }

    private void Set(CommandEvent command)
    {
        if (command.Bucket is { } bucket)
        {
            _target.PutBefore(bucket);
        }

        foreach (SysctlStep step in command.Steps)
        {
            int result = _target.SetSysctl(step.Name, step.Value);
            if (result < 0)
            {
                throw new ScriptFailure(command.Line, result == -Errno.ENOENT
                    ? $"the target {_target.Name} has no sysctl {step.Name}, or not this value"
                    : $"the target {_target.Name} refuses '{step.Value}' for {step.Name}: "
                        + Symbols.ErrnoName(result));
            }
        }
    }

    /// <summary>Waits until an event that we cause is due.</summary>
    private Instant WaitFor(ScriptEvent happening)
    {
        Instant due = happening.Time.Kind == TimeKind.Absolute
            ? _zero + happening.Time.From
            : (_wasInbound && happening is PacketEvent ? _nominal : _end) + happening.Time.From;
        _target.WaitUntil(due);
        _late = _target.Now - _zero - ScriptTime(happening.Time);
        return due;
    }

    private void Done(ScriptEvent happening, Instant nominal, Instant start, Instant end)
    {
        _scriptTime = ScriptTime(happening.Time);
        (_start, _end, _nominal) = (start, end, nominal);
        _wasInbound = happening is PacketEvent { IsInbound: true };
        WasLate |= (happening is CommandEvent ? start : end) - nominal > Tolerance(TimeSpan.Zero);
    }

    /// <summary>When an event happens by the script's own times, from its first event.</summary>
    private TimeSpan ScriptTime(EventTime time) => time.Kind switch
    {
        TimeKind.Absolute => time.From,
        TimeKind.Relative => _scriptTime + time.From,
        _ => _scriptTime,
    };

    /// <summary>The script's time from the event before to this one.</summary>
    private TimeSpan SinceBefore(EventTime time) => time.Kind switch
    {
        TimeKind.Absolute => time.From > _scriptTime ? time.From - _scriptTime : TimeSpan.Zero,
        _ => time.From,
    };

    private TimeSpan Tolerance(TimeSpan since)
    {
        TimeSpan relative = since * RelativeTolerance;
        return relative > _script.Options.Tolerance ? relative : _script.Options.Tolerance;
    }
}
