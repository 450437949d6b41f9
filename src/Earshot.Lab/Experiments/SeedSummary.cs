using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Earshot.Lab.Experiments;

/// <summary>How often something came out in a row of seeds.</summary>
/// <param name="What">What came out, for example <c>6+2 S</c>.</param>
/// <param name="Count">In how many of the seeds.</param>
public readonly record struct OutcomeCount(string What, int Count);

/// <summary>How a plan comes out under many seeds: which outcome how often, at each look and for each client.</summary>
public sealed class SeedSummary
{
    private readonly List<Dictionary<string, int>> _looks = [];
    private readonly SortedDictionary<int, Dictionary<string, int>> _clients = [];

    /// <summary>Starts an empty summary.</summary>
    /// <param name="plan">The plan that is run.</param>
    /// <param name="target">The target's name.</param>
    public SeedSummary(Plan plan, string target)
    {
        ArgumentNullException.ThrowIfNull(plan);
        Plan = plan;
        Target = target;
        _looks.AddRange(plan.Looks.Select(_ => new Dictionary<string, int>(StringComparer.Ordinal)));
    }

    /// <summary>The plan.</summary>
    public Plan Plan { get; }

    /// <summary>The target's name.</summary>
    public string Target { get; }

    /// <summary>How many seeds have been added.</summary>
    public int Seeds { get; private set; }

    /// <summary>Adds the run of one seed.</summary>
    /// <param name="result">The run.</param>
    public void Add(RunResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        Seeds++;
        for (int i = 0; i < result.Samples.Count; i++)
        {
            Count(_looks[i], Outcome.Of(result, result.Samples[i]));
        }

        foreach (ConnectResult connect in result.Connects)
        {
            if (!_clients.TryGetValue(connect.Client, out Dictionary<string, int>? counts))
            {
                _clients.Add(connect.Client, counts = new Dictionary<string, int>(StringComparer.Ordinal));
            }

            Count(counts, Describe(connect));
        }
    }

    /// <summary>The outcomes at each look, in the order of the plan; the most frequent first.</summary>
    public IReadOnlyList<IReadOnlyList<OutcomeCount>> Looks => [.. _looks.Select(Sorted)];

    /// <summary>What each client's connect() did, by the client's number: <c>connected after 1 s</c> and the
    /// like.</summary>
    public IReadOnlyDictionary<int, IReadOnlyList<OutcomeCount>> Clients =>
        _clients.ToDictionary(c => c.Key, c => Sorted(c.Value));

    /// <summary>The summary as lines of text.</summary>
    /// <returns>The lines, without newlines.</returns>
    public IReadOnlyList<string> Lines()
    {
        var lines = new List<string> { $"{Plan.Name} on {Target}, {Seeds} seeds" };
        for (int i = 0; i < _looks.Count; i++)
        {
            lines.Add($"  at {Say.Seconds(Plan.Looks[i])}: {Text(Sorted(_looks[i]))}");
        }

        lines.AddRange(_clients.Select(c => $"  client {c.Key}: {Text(Sorted(c.Value))}"));
        return lines;
    }

    /// <summary>The summary as a JSON document.</summary>
    /// <returns>The document, indented, ending without a newline.</returns>
    public string Json() => RunResultJson.Document(json =>
    {
        json.WriteStartObject();
        json.WriteNumber("schema", RunResult.Schema);
        json.WriteString("plan", Plan.Name);
        json.WriteString("target", Target);
        json.WriteNumber("seeds", Seeds);
        json.WriteStartArray("looks");
        for (int i = 0; i < _looks.Count; i++)
        {
            json.WriteStartObject();
            RunResultJson.WriteSeconds(json, "at", Plan.Looks[i]);
            WriteCounts(Sorted(_looks[i]));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("clients");
        foreach ((int client, Dictionary<string, int> counts) in _clients)
        {
            json.WriteStartObject();
            json.WriteNumber("client", client);
            WriteCounts(Sorted(counts));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();

        void WriteCounts(IReadOnlyList<OutcomeCount> counts)
        {
            json.WriteStartObject("outcomes");
            foreach (OutcomeCount count in counts)
            {
                json.WriteNumber(count.What, count.Count);
            }

            json.WriteEndObject();
        }
    });

    private static void Count(Dictionary<string, int> counts, string what) =>
        counts[what] = counts.GetValueOrDefault(what) + 1;

    // To a tenth of a second: what a tick adds to a timer is not another outcome.
    private static string Describe(ConnectResult connect)
    {
        if (connect.Returned is not { } returned)
        {
            return "still waits";
        }

        string after = (returned - connect.At).TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture);
        return $"{connect.Errno ?? "connected"} after {after} s";
    }

    private static IReadOnlyList<OutcomeCount> Sorted(Dictionary<string, int> counts) =>
        [.. counts.Select(c => new OutcomeCount(c.Key, c.Value))
            .OrderByDescending(c => c.Count).ThenBy(c => c.What, StringComparer.Ordinal)];

    private string Text(IReadOnlyList<OutcomeCount> counts) => string.Join(", ", counts.Select(c =>
        $"{c.What} {(100.0 * c.Count / Seeds).ToString("0.0", CultureInfo.InvariantCulture)} %"));
}
