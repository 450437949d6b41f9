using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Experiments;

/// <summary>Reads the lines of a plan's <c>[steps]</c>: <c>MOMENT = VERB NAMES WORDS; VERB NAMES WORDS</c>.</summary>
internal static class StepReader
{
    // A verb, the fewest and most words after its names, and how it is written.
    private static readonly Dictionary<string, (int Least, int Most, string Usage)> Verbs = new(StringComparer.Ordinal)
    {
        ["socket"] = (0, 3, "socket NAMES [inet|inet6|NUMBER [stream|dgram|raw|NUMBER [PROTOCOL]]]"),
        ["server"] = (2, 2, "server NAMES ADDRESS:PORT BACKLOG"),
        ["bind"] = (1, 1, "bind NAMES ADDRESS:PORT"),
        ["listen"] = (1, 1, "listen NAMES BACKLOG"),
        ["accept"] = (0, 2, "accept LISTENER [NAMES [flags=NUMBER]]"),
        ["connect"] = (1, 1, "connect NAMES ADDRESS:PORT"),
        ["disconnect"] = (0, 0, "disconnect NAMES"),
        ["send"] = (1, 1, "send NAMES BYTES"),
        ["recv"] = (1, 1, "recv NAMES BYTES"),
        ["shutdown"] = (1, 1, "shutdown NAMES rd|wr|rdwr|NUMBER"),
        ["close"] = (0, 0, "close NAMES"),
        ["poll"] = (0, 0, "poll NAMES"),
        ["getname"] = (0, 0, "getname NAMES"),
        ["getpeer"] = (0, 0, "getpeer NAMES"),
        ["set"] = (2, 2, "set NAMES OPTION VALUE"),
        ["get"] = (1, 1, "get NAMES OPTION"),
        ["sysctl"] = (0, 8, "sysctl NAME [VALUE]"),
        ["syn"] = (0, 12, "syn PEERS [WORDS]"),
        ["raw"] = (1, 12, "raw PEERS FLAGS [WORDS]"),
        ["again"] = (0, 0, "again PEERS"),
        ["icmp"] = (1, 3, "icmp PEERS TYPE/CODE [seq=+NUMBER]"),
    };

    /// <summary>Reads one line.</summary>
    /// <param name="file">The name to put before errors.</param>
    /// <param name="line">The line's number.</param>
    /// <param name="moment">What stands before the equals sign.</param>
    /// <param name="text">What stands after it.</param>
    /// <param name="steps">Gets the steps.</param>
    /// <exception cref="PlanException">The line is not a step.</exception>
    public static void Read(string file, int line, string moment, string text, List<PlanStep> steps)
    {
        if (!decimal.TryParse(moment, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal seconds)
            || seconds > PlanLimits.MaxLookSeconds)
        {
            throw new PlanException(
                file, line, $"expected seconds from 0 to {PlanLimits.MaxLookSeconds} in [steps], not '{moment}'");
        }

        var at = new TimeSpan((long)(seconds * TimeSpan.TicksPerSecond));
        if (steps.Count > 0 && at < steps[^1].At)
        {
            throw new PlanException(file, line, $"expected a moment not before the line above, not '{moment}'");
        }

        foreach (string one in text.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (steps.Count == PlanLimits.MaxSteps)
            {
                throw new PlanException(file, line, $"expected at most {PlanLimits.MaxSteps} steps (MaxSteps)");
            }

            steps.Add(ReadOne(file, line, at, one));
        }
    }

    private static PlanStep ReadOne(string file, int line, TimeSpan at, string text)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (!Verbs.TryGetValue(words[0], out (int Least, int Most, string Usage) verb))
        {
            throw new PlanException(file, line, $"expected one of {string.Join(", ", Verbs.Keys)}, not '{words[0]}'");
        }

        int after = words.Length - 2;
        if (after < verb.Least || after > verb.Most)
        {
            throw new PlanException(file, line, $"expected '{verb.Usage}', not '{text}'");
        }

        IReadOnlyList<string> names = words[0] == "sysctl" ? [words[1]] : Names(file, line, words[1]);
        if (words[0] == "sysctl" && !PlanReader.IsSysctlName(words[1]))
        {
            throw new PlanException(file, line, $"expected a sysctl such as net.core.somaxconn, not '{words[1]}'");
        }

        var step = new PlanStep(at, words[0], names, words[2..]);
        try
        {
            StepWords.Check(step);
        }
        catch (ExperimentFailedException e)
        {
            throw new PlanException(file, line, e.Message);
        }

        return step;
    }

    /// <summary>The names of <c>a</c>, <c>c1..c9</c> or <c>c9..c1</c>, or several of them joined by commas.</summary>
    internal static IReadOnlyList<string> Names(string file, int line, string text)
    {
        var names = new List<string>();
        foreach (string part in text.Split(','))
        {
            string[] ends = part.Split("..");
            (string word, int first) = Numbered(ends[0]);
            (string other, int last) = Numbered(ends[^1]);
            if (!ends[0].All(char.IsAsciiLetterOrDigit) || ends[0].Length == 0 || ends.Length > 2
                || (ends.Length == 2 && (first < 0 || last < 0 || word != other)))
            {
                throw new PlanException(file, line, $"expected a name, or names as c1..c9, not '{part}'");
            }

            if (ends.Length == 1)
            {
                names.Add(part);
                continue;
            }

            if (names.Count + Math.Abs(last - first) >= PlanLimits.MaxClients)
            {
                throw new PlanException(file, line, $"expected at most {PlanLimits.MaxClients} names (MaxClients)");
            }

            for (int i = first; i != last; i += Math.Sign(last - first))
            {
                names.Add(word + Say.Number(i));
            }

            names.Add(ends[1]);
        }

        return names;
    }

    // The word and the number at its end; -1 without one.
    private static (string Word, int Number) Numbered(string name)
    {
        string word = name.TrimEnd('0', '1', '2', '3', '4', '5', '6', '7', '8', '9');
        return int.TryParse(name.AsSpan(word.Length), CultureInfo.InvariantCulture, out int number)
            ? (word, number)
            : (name, -1);
    }
}
