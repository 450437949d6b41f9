using System;
using System.Threading;
using Earshot.Lab.Experiments;

namespace Earshot.Lab.Targets;

/// <summary>Something that can run a plan: the embedded stack in virtual time, or the host kernel.</summary>
public interface ITarget
{
    /// <summary>The name that goes into results: a profile's name, or <c>host</c>.</summary>
    string Name { get; }

    /// <summary>Runs a plan to its last look.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="progress">Told as the run goes on; may be null.</param>
    /// <param name="cancellation">Ends the run early.</param>
    /// <returns>What was seen.</returns>
    /// <exception cref="CannotRunHereException">This machine or user cannot run the target.</exception>
    /// <exception cref="ExperimentFailedException">The plan could not be carried out.</exception>
    /// <exception cref="OperationCanceledException">The run was ended early.</exception>
    RunResult Run(Plan plan, IProgress<LabProgress>? progress = null, CancellationToken cancellation = default);
}

/// <summary>How far a run has come.</summary>
/// <param name="Plan">The plan's name.</param>
/// <param name="Target">The target's name.</param>
/// <param name="At">The moment reached.</param>
/// <param name="Until">The last look of the plan.</param>
public readonly record struct LabProgress(string Plan, string Target, TimeSpan At, TimeSpan Until);

/// <summary>A target cannot run here, whatever the plan: no root, no such kernel. The command line exits 3.</summary>
/// <param name="message">What is missing and what to do.</param>
public sealed class CannotRunHereException(string message) : Exception(message);

/// <summary>A plan could not be carried out: a port in use, a value the kernel refuses. The command line exits
/// 4.</summary>
/// <param name="message">What failed, with the errno.</param>
public sealed class ExperimentFailedException(string message) : Exception(message);
