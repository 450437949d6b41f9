using System;
using System.Collections.Generic;

namespace Earshot.Monitor.Processes;

/// <summary>A process that holds a listener.</summary>
/// <param name="Pid">Its number.</param>
/// <param name="Descriptor">The listener's descriptor in it.</param>
/// <param name="Command">Its name (15 bytes at most, chosen by itself), made harmless.</param>
/// <param name="Unit">Its systemd unit; null when it has none.</param>
/// <param name="Container">Its container's id, 12 digits; null when it is in none.</param>
/// <param name="Started">When it started; null when that cannot be read.</param>
internal sealed record ProcessFacts(
    int Pid, int Descriptor, string Command, string? Unit, string? Container, DateTimeOffset? Started);

/// <summary>Who holds a listener.</summary>
/// <param name="Processes">The processes, lowest number first.</param>
/// <param name="IsKnown">Whether that is all: false when another user's processes could not be looked into.</param>
internal sealed record Holders(IReadOnlyList<ProcessFacts> Processes, bool IsKnown)
{
    public static readonly Holders Unknown = new([], false);
}
