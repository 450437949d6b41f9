using System;
using System.Collections.Generic;

namespace Earshot.Monitor.Reading;

/// <summary>What a listener's queue and counter are now.</summary>
/// <param name="Cookie">The socket's number.</param>
/// <param name="Queue">The length of the accept queue; null when the kernel did not tell.</param>
/// <param name="Limit">Its limit; it is full with one more.</param>
/// <param name="Drops">sk_drops, made to count on where the kernel's 32 bits wrap; null when it does not
/// tell.</param>
/// <param name="Peak">The longest queue seen since the sample before.</param>
/// <param name="Low">The shortest queue seen since the sample before.</param>
internal readonly record struct ListenerChange(
    ulong Cookie, uint? Queue, uint? Limit, ulong? Drops, uint? Peak, uint? Low);

/// <summary>Half-open connections of one local address, from a dump of SYN_RECV.</summary>
/// <param name="Family">The listener's family.</param>
/// <param name="Address">The local address they came to.</param>
/// <param name="Port">The local port.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Waiting">Of them, those whose SYN-ACK was sent again at least once.</param>
/// <param name="Stuck">Of them, those whose SYN-ACK was sent again at least twice: some 3 s old.</param>
/// <param name="Peers">How many distinct peer addresses.</param>
internal readonly record struct SynRecvGroup(
    byte Family, UInt128 Address, ushort Port, int Count, int Waiting, int Stuck, int Peers);

/// <summary>What a sample of one namespace tells that the one before did not.</summary>
internal sealed class NamespaceDelta
{
    public required NetNamespace Namespace { get; init; }

    /// <summary>The namespace's number, unique as long as the machine runs; null before Linux 5.14.</summary>
    public ulong? NamespaceCookie { get; init; }

    public List<ListenerFacts> Added { get; } = [];

    public List<ListenerChange> Changed { get; } = [];

    public List<ulong> Gone { get; } = [];

    /// <summary>Counters by nstat's names; null when they could not be read.</summary>
    public IReadOnlyDictionary<string, long>? Counters { get; set; }

    /// <summary>Sysctls by name, those that could be read; null when they were not looked at this time.</summary>
    public IReadOnlyDictionary<string, long>? Sysctls { get; set; }

    /// <summary>Half-open connections; null when they were not looked at this time.</summary>
    public IReadOnlyList<SynRecvGroup>? SynRecv { get; set; }

    /// <summary>What could not be read, in words.</summary>
    public List<string> Unknown { get; } = [];

    /// <summary>Whether the namespace is no more.</summary>
    public bool IsEnded { get; init; }
}
