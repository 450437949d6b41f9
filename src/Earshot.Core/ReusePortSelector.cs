using Earshot.Core.Wire;

namespace Earshot.Core;

/// <summary>What a program is asked that chooses among the listeners of a SO_REUSEPORT group.</summary>
/// <param name="Tuple">Both ends of the connection.</param>
/// <param name="Hash">Their hash, by which the stack would choose.</param>
/// <param name="Count">Listeners in the group.</param>
/// <param name="IsMigration">Whether the connection or request is taken over from a listener that has
/// stopped.</param>
public readonly record struct ReusePortQuestion(FourTuple Tuple, uint Hash, int Count, bool IsMigration);

/// <summary>Chooses among the listeners of a SO_REUSEPORT group, as a BPF program does under Linux.</summary>
/// <param name="question">Whose connection it is.</param>
/// <returns>A listener's index, in the order in which they joined, the last taking the place of one that left; any
/// other number: the stack chooses by hash.</returns>
/// <remarks>It runs inside the stack and must not call it.</remarks>
public delegate int ReusePortSelector(in ReusePortQuestion question);
