using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using Earshot.Cli.Verbs;
using Earshot.Monitor.Reports;

namespace Earshot.Cli.Monitoring;

/// <summary>Options that several of the monitor's verbs have.</summary>
internal static class MonitorOptionsOf
{
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromMilliseconds(10);

    internal static Option<bool> Json(string what) => new("--json") { Description = what };

    internal static Option<bool> AllNamespaces() => new("--all-namespaces", "-N")
    {
        Description = "Every network namespace that may be entered, not only this one.",
    };

    /// <summary><c>--for</c>: how long to look, which may be nothing at all.</summary>
    /// <param name="description">What it is.</param>
    /// <param name="otherwise">What holds without it, to be told by the help text; null where the description
    /// does.</param>
    internal static Option<TimeSpan?> Length(string description, TimeSpan? otherwise) =>
        Time("--for", description, otherwise, TimeSpan.Zero);

    /// <summary>An option that tells how often something happens, or over which time it is judged.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it is.</param>
    /// <param name="otherwise">What holds without it.</param>
    internal static Option<TimeSpan?> Interval(string name, string description, TimeSpan otherwise) =>
        Time(name, description, otherwise, ShortestInterval);

    // A length of time, as 10s, 500ms, 2m.
    private static Option<TimeSpan?> Time(string name, string description, TimeSpan? otherwise, TimeSpan least)
    {
        var option = new Option<TimeSpan?>(name)
        {
            HelpName = "TIME",
            Description = otherwise is { } time ? $"{description} Default: {Text(time)}." : description,
            CustomParser = result => Arguments.Parse<TimeSpan>(
                result, ToTime, text => $"{name} is '{text}', not a time such as 500ms, 10s or 2m"),
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && ToTime(result.Tokens[^1].Value) < least)
            {
                result.AddError($"{name} is '{result.Tokens[^1].Value}', less than {Text(least)}");
            }
        });
        return option;
    }

    /// <summary>Reads a length of time.</summary>
    internal static TimeSpan? ToTime(string text)
    {
        (string unit, double seconds) = text switch
        {
            _ when text.EndsWith("ms", StringComparison.Ordinal) => ("ms", 0.001),
            _ when text.EndsWith('s') => ("s", 1),
            _ when text.EndsWith('m') => ("m", 60),
            _ when text.EndsWith('h') => ("h", 3600),
            _ => ("", 1),
        };
        return double.TryParse(
            text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
            out double number) && number * seconds <= TimeSpan.FromDays(365).TotalSeconds
            ? TimeSpan.FromSeconds(number * seconds)
            : null;
    }

    /// <summary>The listeners that a user means.</summary>
    internal static Argument<string?> What()
    {
        var what = new Argument<string?>("WHAT")
        {
            Description = "A port, a process's number, a unit, a command or a socket's path; without it, everything.",
            Arity = ArgumentArity.ZeroOrOne,
        };

        // An option that is not known here comes as a plain word, and would name no listener.
        what.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: ['-', ..] word }, ..])
            {
                result.AddError($"there is no option '{word}' here, or one of its letters is none");
            }
        });
        return what;
    }

    /// <summary>What a person should know of a table: what could not be looked into.</summary>
    internal static IEnumerable<string> Missing(
        IReadOnlyList<string> unknown, IEnumerable<ListenerLine> lines)
    {
        foreach (string one in unknown)
        {
            yield return one;
        }

        int nameless = lines.Count(line => line.Processes.Count == 0);
        if (nameless > 0)
        {
            yield return $"the processes of {nameless} listeners are not known: not permitted (root sees them), or in "
                + "another PID namespace";
        }
    }

    internal static CommandException CannotRead(IEnumerable<string> reasons) => new(
        ExitCode.CannotRunHere, "no network namespace could be read: " + string.Join("; ", reasons));

    private static string Text(TimeSpan time) => time.TotalSeconds >= 1
        ? time.TotalSeconds.ToString(CultureInfo.InvariantCulture) + "s"
        : time.TotalMilliseconds.ToString(CultureInfo.InvariantCulture) + "ms";
}
