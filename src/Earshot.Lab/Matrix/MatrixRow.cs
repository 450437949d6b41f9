using System;
using Earshot.Core.Profiles;

namespace Earshot.Lab.Matrix;

/// <summary>A rule of the matrix: what is asked of every kernel, and how.</summary>
/// <param name="Id">The short name by which the sheet and tests know it.</param>
/// <param name="Title">The question, as the table's first column has it.</param>
/// <param name="Measure">Asks a stack that behaves like the kernel, through its front door, and says what came
/// out.</param>
public sealed record MatrixRow(string Id, string Title, Func<KernelProfile, string> Measure);
