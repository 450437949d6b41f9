using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.Intrinsics;

namespace Earshot.Benchmarks.Peers;

/// <summary>What the figures were taken on, without names.</summary>
internal static class Machine
{
    /// <summary>The head of a report.</summary>
    internal static string Describe(PeersOptions options)
    {
        string vectors = Vector512.IsHardwareAccelerated ? "512" : Vector256.IsHardwareAccelerated ? "256" : "128";
        string peers = options.Directory is null ? "" : " --peers DIR";
        string quick = options.Quick ? " --quick" : "";
        string arguments = $"peers{peers} --rounds {options.Rounds} --core {options.Core}{quick}";
        string system = $"Linux {Environment.OSVersion.Version}; .NET {Environment.Version}";
        return
            $"""
            # Earshot beside its peers, {DateTime.UtcNow:yyyy-MM-dd}

            - Machine: {Environment.ProcessorCount} virtual cores, {Processor()}, vectors of {vectors} bits; {system}
            - Commit: {Commit()}
            - Command: `dotnet run -c Release --project bench/Earshot.Benchmarks -- {arguments}`
            - Times are processor time of one thread on one core; a ratio compares figures of one round.
            """;
    }

    private static string Processor() => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo")
            .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            ?.Split(':', 2)[1].Trim() ?? "an unnamed processor"
        : "an unnamed processor";

    private static string Commit()
    {
        string version = typeof(Core.NetworkStack).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
        int plus = version.IndexOf('+', StringComparison.Ordinal);
        return plus < 0 ? "unknown" : version[(plus + 1)..];
    }
}
