using System;
using System.Collections.Generic;

namespace Earshot.Lab.Experiments;

/// <summary>One line of a plan's <c>[steps]</c>: what to do at a moment.</summary>
/// <param name="At">The moment, counted from the start of the run.</param>
/// <param name="Verb">What to do, for example <c>listen</c> or <c>syn</c>; docs/lab/plans.md lists them.</param>
/// <param name="Names">The sockets or peers that it is done with, one after another; for <c>sysctl</c> its
/// name.</param>
/// <param name="Words">What follows the names.</param>
public sealed record PlanStep(TimeSpan At, string Verb, IReadOnlyList<string> Names, IReadOnlyList<string> Words);

/// <summary>What one call of a plan's steps returned.</summary>
/// <param name="At">When it was made, counted from the start of the run.</param>
/// <param name="Call">The call, as <c>bind a 127.0.0.1:6666</c>.</param>
/// <param name="Result">What it returned: <c>ok</c>, a value, or the errno's name.</param>
public readonly record struct CallResult(TimeSpan At, string Call, string Result);
