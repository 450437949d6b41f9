using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core.Profiles;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Fuzz;

/// <summary>A sequence on which host and stack differ, made as short as it could be.</summary>
/// <param name="Seed">The seed of the sequence that showed it.</param>
/// <param name="Steps">The steps that are left, one a line.</param>
/// <param name="Difference">What differs.</param>
/// <param name="Kind">The difference without its numbers.</param>
public sealed record FuzzFinding(ulong Seed, string Steps, string Difference, string Kind);

/// <summary>What a run of many sequences found.</summary>
/// <param name="Compared">Sequences that were run on both sides.</param>
/// <param name="Passed">Those in which nothing differed.</param>
/// <param name="Part">The part of the steps that was compared: what comes behind a step that hangs on the moment of a
/// timer is not.</param>
/// <param name="Unsteady">Those in which something differed beside other sequences, and not each time when they ran
/// alone: a busy machine lets the host's timers come late.</param>
/// <param name="Findings">One of each kind of difference.</param>
public sealed record FuzzReport(
    int Compared, int Passed, double Part, int Unsteady, IReadOnlyList<FuzzFinding> Findings);

/// <summary>How long to go on, and how.</summary>
public sealed record FuzzOptions
{
    /// <summary>The first sequence's seed; the others follow.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Sequences at most.</summary>
    public int Sequences { get; init; } = int.MaxValue;

    /// <summary>Time after which none is begun.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.MaxValue;

    /// <summary>Namespaces at a time.</summary>
    public int Jobs { get; init; } = 24;

    /// <summary>Whether sequences begin with a connection and go on with its data; otherwise they are about
    /// listeners.</summary>
    public bool Established { get; init; }

    /// <summary>Kinds of differences after which it ends.</summary>
    public int Kinds { get; init; } = 20;
}

/// <summary>Runs random sequences on the host kernel and on the stack and looks for what differs.</summary>
public sealed class Fuzzer : IDisposable
{
    private const int Repeats = 3;

    private readonly FuzzOptions _options;
    private readonly StackPacketTargetMaker _stack;
    private readonly HostPacketTargetMaker _host = new();
    private readonly ConcurrentDictionary<string, FuzzFinding> _findings = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _shrinking = new(StringComparer.Ordinal);
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    // Read: beside others. Written: alone.
    private readonly ReaderWriterLockSlim _turns = new();
    private long _next;
    private int _compared;
    private int _passed;
    private long _steps;
    private long _comparedSteps;
    private int _unsteady;

    private Fuzzer(FuzzOptions options)
    {
        _options = options;
        _stack = new(options.Established ? HostVariant.Ask() : KernelProfile.Linux618);
    }

    /// <summary>Runs sequences until one of the limits is reached.</summary>
    /// <param name="options">The limits.</param>
    /// <param name="tell">Gets each new finding at once; null: nobody.</param>
    /// <exception cref="CannotRunHereException">This machine or user has no namespaces or TUN devices.</exception>
    /// <exception cref="ExperimentFailedException">A sequence could not be captured, time and again.</exception>
    public static FuzzReport Run(FuzzOptions options, Action<FuzzFinding>? tell = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        using var fuzzer = new Fuzzer(options);
        Task[] workers = [.. Enumerable.Range(0, options.Jobs).Select(_ => Task.Factory.StartNew(
            () => fuzzer.Work(tell), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        try
        {
            Task.WaitAll(workers);
        }
        catch (AggregateException e)
            when (e.InnerExceptions[0] is CannotRunHereException or ExperimentFailedException)
        {
            throw e.InnerExceptions[0];
        }

        return new FuzzReport(
            fuzzer._compared, fuzzer._passed,
            fuzzer._steps == 0 ? 1 : (double)fuzzer._comparedSteps / fuzzer._steps,
            fuzzer._unsteady,
            [.. fuzzer._findings.Values.OrderBy(finding => finding.Seed)]);
    }

    /// <inheritdoc/>
    public void Dispose() => _turns.Dispose();

    private void Work(Action<FuzzFinding>? tell)
    {
        while (_clock.Elapsed < _options.Time && _findings.Count < _options.Kinds
            && Interlocked.Increment(ref _next) - 1 is var number && number < _options.Sequences)
        {
            ulong seed = _options.Seed + (ulong)number;
            Sequence sequence = _options.Established ? EstablishedMaker.Make(seed) : SequenceMaker.Make(seed);
            Interlocked.Increment(ref _compared);
            if (Differs(sequence) is not { } difference)
            {
                Interlocked.Increment(ref _passed);
                continue;
            }

            if (_findings.ContainsKey(difference.Kind) || !_shrinking.TryAdd(difference.Kind, 0))
            {
                continue;
            }

            if (!DiffersAlone(sequence, difference.Kind))
            {
                Interlocked.Increment(ref _unsteady);
                _shrinking.TryRemove(difference.Kind, out _);
                continue;
            }

            (Sequence shrunk, Difference shown) = Shrink(sequence, difference);
            var finding = new FuzzFinding(sequence.Seed, shrunk.Text, shown.What, difference.Kind);
            if (_findings.TryAdd(difference.Kind, finding))
            {
                tell?.Invoke(finding);
            }
        }
    }

    /// <summary>What differs, if it does so time and again.</summary>
    private Difference? Differs(Sequence sequence)
    {
        Difference? last = null;
        for (int i = 0; i < Repeats; i++)
        {
            Difference? next = CompareBesideOthers(sequence);
            if (next is null || (last is not null && next.Kind != last.Kind))
            {
                return null;
            }

            last = next;
        }

        return last;
    }

    /// <summary>Whether it differs each time while nothing else runs.</summary>
    private bool DiffersAlone(Sequence sequence, string kind)
    {
        _turns.EnterWriteLock();
        try
        {
            return Enumerable.Range(0, Repeats).All(_ => Compare(sequence)?.Kind == kind);
        }
        finally
        {
            _turns.ExitWriteLock();
        }
    }

    private Difference? CompareBesideOthers(Sequence sequence)
    {
        _turns.EnterReadLock();
        try
        {
            return Compare(sequence);
        }
        finally
        {
            _turns.ExitReadLock();
        }
    }

    /// <summary>Runs the host, and then the stack at the moments of the host's run, as far as what the stack shows does
    /// not hang on how the moments lie to each other and to the clock's ticks.</summary>
    private Difference? Compare(Sequence sequence)
    {
        List<Observation> host = OnHost(sequence);
        List<Observation> stack = Follow(sequence, host, default, 1);
        int steps = Moments.Variants(host)
            .Select((variant, i) => Follow(sequence, variant.Run, variant.Lead, (ulong)i + 2))
            .Aggregate(stack.Count, (least, other) => Moments.Alike(stack, other, least));
        steps = FuzzRules.Comparable(sequence, host, stack, steps);
        Interlocked.Add(ref _steps, stack.Count);
        Interlocked.Add(ref _comparedSteps, steps);
        return Difference.Between(host[..steps], stack[..steps]);
    }

    private List<Observation> Follow(
        Sequence sequence, IReadOnlyList<Observation> followed, TimeSpan lead, ulong seed) => _stack.Run(
            new PacketTargetOptions { Seed = seed }, target => SequenceRun.Follow(target, sequence, followed, lead));

    // A busy machine may be slow to make a namespace; where one could be made before, another can be. It may also lose
    // what is captured.
    private List<Observation> OnHost(Sequence sequence)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                return _host.Run(new PacketTargetOptions(), target => SequenceRun.Of(target, sequence));
            }
            catch (Exception e) when (tries < Repeats
                && (e is ExperimentFailedException || (e is CannotRunHereException && _passed > 0)))
            {
                Thread.Sleep(TimeSpan.FromSeconds(tries));
            }
        }
    }

    /// <summary>Takes steps away, halves first, as long as a difference of the same kind stays.</summary>
    private (Sequence Sequence, Difference Shown) Shrink(Sequence sequence, Difference difference)
    {
        const int MostRuns = 60;
        int runs = 0;
        for (int size = sequence.Steps.Count / 2; size >= 1; size /= 2)
        {
            for (int at = 0; at < sequence.Steps.Count && runs < MostRuns;)
            {
                Sequence shorter = sequence with
                {
                    Steps = [.. sequence.Steps.Take(at), .. sequence.Steps.Skip(at + size)],
                };
                runs++;
                if (CompareBesideOthers(shorter) is { } shown
                    && shown.Kind == difference.Kind)
                {
                    (sequence, difference) = (shorter, shown);
                }
                else
                {
                    at += size;
                }
            }
        }

        return (sequence, difference);
    }
}
