using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Verdicts;

namespace Earshot.Monitor.Doctoring;

/// <summary>What the doctor says of one listener of a file.</summary>
internal sealed record Diagnosis
{
    public required string File { get; init; }

    public required int Line { get; init; }

    public required string Kind { get; init; }

    /// <summary>The listener, or the sysctl.</summary>
    public required string What { get; init; }

    /// <summary>The backlog the server will ask for; null when it cannot be told from the file.</summary>
    public long? Asked { get; init; }

    public string Why { get; init; } = "";

    /// <summary>somaxconn now; null when unknown.</summary>
    public long? Somaxconn { get; init; }

    /// <summary>The limit of the listener that runs; null when none does.</summary>
    public uint? Effective { get; init; }

    /// <summary>What is wrong; empty when nothing is.</summary>
    public string Problem { get; init; } = "";

    /// <summary>What to do about it.</summary>
    public string NextStep { get; init; } = "";

    public bool IsFine => Problem.Length == 0;
}

/// <summary>Compares what configuration files ask for with what somaxconn grants and what runs.</summary>
internal static class Doctor
{
    // The kernel's default since 5.4.
    private const long Plenty = 4096;

    private static readonly ServerFacts Kestrel = new(
        "Kestrel", 512, "webBuilder.UseSockets(o => o.Backlog = {0})  in the program", "restart");

    /// <summary>The diagnoses of a file.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="facts">What it says.</param>
    /// <param name="running">The listeners that run.</param>
    /// <param name="sysctls">The sysctls now.</param>
    public static IEnumerable<Diagnosis> Judge(
        string file, ConfigFacts facts, IReadOnlyList<(ListenerFacts Facts, uint? Limit)> running,
        IReadOnlyDictionary<string, long> sysctls)
    {
        long? somaxconn = sysctls.TryGetValue(Names.Somaxconn, out long value) ? value : null;
        foreach (AskedListener asked in facts.Listeners)
        {
            yield return Judge(file, facts.Kind, asked, Find(asked, running), somaxconn);
        }

        foreach ((string name, long wanted, int line) in facts.Sysctls.Where(one => Matters(one.Name)))
        {
            yield return Judge(file, facts.Kind, name, wanted, line, sysctls);
        }
    }

    private static bool Matters(string name) => NamespaceReader.SysctlNames.Contains(name);

    private static uint? Find(AskedListener asked, IReadOnlyList<(ListenerFacts Facts, uint? Limit)> running) => running
        .Where(one => asked.Path is { } path
            ? one.Facts.Kind == ListenerKind.Unix && one.Facts.Address == path
            : asked.Port is { } port && one.Facts.Kind != ListenerKind.Unix && one.Facts.Port == port)
        .Select(one => one.Limit).FirstOrDefault();

    private static Diagnosis Judge(string file, string kind, AskedListener asked, uint? effective, long? somaxconn)
    {
        ServerFacts server = asked.Server == "kestrel" ? Kestrel : ServerCatalog.Of(asked.Server);
        long? granted = asked.Asked is { } wanted && somaxconn is { } most ? Math.Min(wanted, most) : asked.Asked;
        (string problem, string next) = (asked, effective, granted) switch
        {
            ({ Asked: { } a }, { } live, { } possible) when live < possible => (
                $"{Text(a)} asked, {possible} possible, {live} in force: the running listener was made with less",
                $"restart {server.Title} ({server.Reload})"),
            ({ Asked: { } a }, { } live, { } possible) when live > possible => (
                $"{Text(a)} asked, {live} in force: the running listener was made with more",
                $"restart {server.Title} to make the file hold ({server.Reload})"),
            // Who asks for all there is gets what somaxconn gives; that is a fault only where it gives little.
            ({ Asked: >= uint.MaxValue }, _, _) when somaxconn is null or >= Plenty => ("", ""),
            ({ Asked: { } a, IsDefault: false }, _, _) when a > somaxconn => (
                $"{Text(a)} asked, somaxconn allows {somaxconn}",
                $"sysctl -w {Names.Somaxconn}={Math.Min(a, 65535)}, then restart {server.Title} ({server.Reload})"),
            ({ Asked: <= 64 and var a }, _, _) => (
                $"a backlog of {a} is small: a burst of {a + 2} connections loses some",
                string.Format(CultureInfo.InvariantCulture, server.Setting, 511) + $"; {server.Reload}"),
            _ => ("", ""),
        };
        return new Diagnosis
        {
            File = file,
            Line = asked.Line,
            Kind = kind,
            What = Monitor.Text.SafeText.Clean(asked.Where),
            Asked = asked.Asked,
            Why = asked.Why,
            Somaxconn = somaxconn,
            Effective = effective,
            Problem = problem,
            NextStep = next,
        };
    }

    private static Diagnosis Judge(
        string file, string kind, string name, long wanted, int line, IReadOnlyDictionary<string, long> sysctls)
    {
        long? now = sysctls.TryGetValue(name, out long value) ? value : null;

        // A pod's sysctls hold in its own namespace; here nothing can be compared.
        bool ofPod = kind.StartsWith("Kubernetes", StringComparison.Ordinal);
        (string problem, string next) = (name, wanted) switch
        {
            _ when !ofPod && now is not null && now != wanted =>
                ($"the file says {wanted}, the kernel has {now}", $"sysctl -p {file}, then restart the servers"),
            (Names.Somaxconn, < 1024) => (
                $"{wanted} clamps every backlog on the host, also those of nginx and Redis (511)",
                $"{name} = 4096, the kernel's default since 5.4"),
            (Names.Syncookies, 0) => ("without cookies a flood shuts everybody out", $"{name} = 1"),
            (Names.AbortOnOverflow, > 0) => (
                "a full queue resets clients instead of letting them try again", $"{name} = 0"),
            _ => ("", ""),
        };
        return new Diagnosis
        {
            File = file,
            Line = line,
            Kind = kind,
            What = name,
            Asked = wanted,
            Why = "set here",
            Somaxconn = name == Names.Somaxconn ? now : null,
            Problem = problem,
            NextStep = next,
        };
    }

    private static string Text(long asked) => asked >= uint.MaxValue ? "the largest there is" : $"{asked}";
}
