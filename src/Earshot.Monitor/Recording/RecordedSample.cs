using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json.Serialization;
using Earshot.Monitor.Processes;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Sampling;

namespace Earshot.Monitor.Recording;

/// <summary>The first line of a recording.</summary>
internal sealed record RecordHeader
{
    public const string Format = "earshot-record";
    public const int Newest = 1;

    [JsonPropertyName("format")]
    public string Kind { get; init; } = "";

    public int Version { get; init; }

    public string? Host { get; init; }

    public string? BootId { get; init; }

    public string? Kernel { get; init; }

    /// <summary>The same with harmless texts: a file may come from anywhere.</summary>
    public RecordHeader Clean() => this with
    {
        Host = Host is null ? null : Text.SafeText.Clean(Host),
        BootId = BootId is null ? null : Text.SafeText.Clean(BootId),
        Kernel = Kernel is null ? null : Text.SafeText.Clean(Kernel),
    };
}

/// <summary>One sample of a recording, a line of JSON: what changed since the one before.</summary>
internal sealed record RecordedSample
{
    public required DateTimeOffset Time { get; init; }

    public required IReadOnlyList<RecordedSpace> Spaces { get; init; }

    /// <summary>Who holds sockets, by inode; those that changed.</summary>
    public IReadOnlyDictionary<uint, Holders>? Holders { get; init; }

    /// <summary>What was seen of queues in trouble, by cookie.</summary>
    public IReadOnlyDictionary<ulong, QueueProgress>? Progress { get; init; }
}

/// <summary>What a sample tells of a namespace.</summary>
internal sealed record RecordedSpace
{
    public required NetNamespace Namespace { get; init; }

    public ulong? Cookie { get; init; }

    public IReadOnlyList<RecordedListener>? Added { get; init; }

    public IReadOnlyList<ListenerChange>? Changed { get; init; }

    public IReadOnlyList<ulong>? Gone { get; init; }

    /// <summary>All counters of interest with the first sample, later those that moved.</summary>
    public IReadOnlyDictionary<string, long>? Counters { get; init; }

    public IReadOnlyDictionary<string, long>? Sysctls { get; init; }

    public IReadOnlyList<RecordedSynRecv>? SynRecv { get; init; }

    public IReadOnlyList<string>? Unknown { get; init; }

    public bool Ended { get; init; }
}

/// <summary>A listener with the bytes of its address in hexadecimal digits.</summary>
internal sealed record RecordedListener(ListenerFacts Facts, string Raw)
{
    public static RecordedListener Of(ListenerFacts facts) => new(facts, AddressDigits.Write(facts.RawAddress));

    /// <summary>The listener as it was, its texts made harmless again: a file may come from anywhere.</summary>
    public ListenerFacts ToFacts() => Facts with
    {
        Address = Text.SafeText.Clean(Facts.Address),
        RawAddress = AddressDigits.Read(Raw),
    };
}

/// <summary>Half-open connections of an address.</summary>
internal sealed record RecordedSynRecv(
    byte Family, string Raw, ushort Port, int Count, int Waiting, int Stuck, int Peers)
{
    public static RecordedSynRecv Of(SynRecvGroup group) => new(
        group.Family, AddressDigits.Write(group.Address), group.Port, group.Count, group.Waiting, group.Stuck,
        group.Peers);

    public SynRecvGroup ToGroup() =>
        new(Family, AddressDigits.Read(Raw), Port, Count, Waiting, Stuck, Peers);
}

/// <summary>An address of sixteen bytes as hexadecimal digits.</summary>
internal static class AddressDigits
{
    public static string Write(UInt128 address) => address.ToString("x32", CultureInfo.InvariantCulture);

    public static UInt128 Read(string digits) =>
        UInt128.TryParse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out UInt128 address)
            ? address
            : throw new RecordException($"'{Text.SafeText.Clean(digits)}' are not the digits of an address");
}

/// <summary>A file is no recording, or a broken one.</summary>
internal sealed class RecordException(string message) : Exception(message);

/// <summary>Turns what a sampler tells into a recording's lines and back.</summary>
internal static class RecordedSamples
{
    public static RecordedSpace Of(NamespaceDelta delta, IReadOnlyDictionary<string, long>? before) => new()
    {
        Namespace = delta.Namespace,
        Cookie = delta.NamespaceCookie,
        Added = delta.Added.Count > 0 ? [.. delta.Added.Select(RecordedListener.Of)] : null,
        Changed = delta.Changed.Count > 0 ? delta.Changed : null,
        Gone = delta.Gone.Count > 0 ? delta.Gone : null,
        Counters = delta.Counters is { } counters
            ? Interesting.Of(counters).Where(entry => before is null
                || !before.TryGetValue(entry.Key, out long old) || old != entry.Value).ToDictionary()
            : null,
        Sysctls = delta.Sysctls,
        SynRecv = delta.SynRecv?.Select(RecordedSynRecv.Of).ToList(),
        Unknown = delta.Unknown.Count > 0 ? delta.Unknown : null,
        Ended = delta.IsEnded,
    };

    public static NamespaceDelta ToDelta(RecordedSpace space, IReadOnlyDictionary<string, long>? before)
    {
        var delta = new NamespaceDelta
        {
            Namespace = space.Namespace with { Name = Text.SafeText.Clean(space.Namespace.Name) },
            NamespaceCookie = space.Cookie,
            IsEnded = space.Ended,
            Sysctls = space.Sysctls,
            SynRecv = space.SynRecv?.Select(group => group.ToGroup()).ToList(),
        };
        delta.Added.AddRange((space.Added ?? []).Select(one => one.ToFacts()));
        delta.Changed.AddRange(space.Changed ?? []);
        delta.Gone.AddRange(space.Gone ?? []);
        delta.Unknown.AddRange((space.Unknown ?? []).Select(Text.SafeText.Clean));
        if (space.Counters is { } moved)
        {
            var all = new Dictionary<string, long>(before ?? moved);
            foreach ((string name, long value) in moved)
            {
                all[name] = value;
            }

            delta.Counters = all;
        }

        return delta;
    }

    /// <summary>Refuses what no recorder writes: a time nobody lives in, and nothing where something has to
    /// be.</summary>
    public static void Check(RecordedSample sample)
    {
        const int earliest = 1971, latest = 9000;
        bool whole = sample.Time.Year is > earliest and < latest
            && sample.Spaces.All(space => space is not null && All(space.Added) && All(space.SynRecv)
                && All(space.Unknown))
            && (sample.Progress?.Values.All(one => one is not null) ?? true)
            && (sample.Holders?.Values.All(one => one is not null && All(one.Processes)) ?? true);
        if (!whole)
        {
            throw new RecordException("a sample is not whole");
        }
    }

    private static bool All<T>(IReadOnlyList<T>? list)
        where T : class => list?.All(one => one is not null) ?? true;

    /// <summary>Holders whose texts are harmless, whoever wrote the file.</summary>
    public static Holders Clean(Holders holders) => holders with
    {
        Processes =
        [
            .. holders.Processes.Select(process => process with
            {
                Command = Text.SafeText.Clean(process.Command),
                Unit = process.Unit is { } unit ? Text.SafeText.Clean(unit) : null,
                Container = process.Container is { } id ? Text.SafeText.Clean(id) : null,
            }),
        ],
    };
}
