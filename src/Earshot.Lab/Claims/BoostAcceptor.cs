using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Claims;

/// <summary>A Boost.Asio acceptor, compiled here and asked on the host's kernel.</summary>
/// <remarks>It binds and listens on loopback only and sends nothing. It needs a compiler, Boost's headers and root (to
/// give root up: a privileged port refuses only others).</remarks>
internal static class BoostAcceptor
{
    private const string Source = "Earshot.Lab.Claims.acceptor.cpp";
    private static readonly TimeSpan CompileLimit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan RunLimit = TimeSpan.FromSeconds(10);
    private static readonly Lazy<Dictionary<string, string>> Said = new(Run);

    /// <summary>What the program said of one question.</summary>
    /// <exception cref="CannotRunHereException">No compiler, no Boost, or not root.</exception>
    internal static string Say(string question) => Said.Value.TryGetValue(question, out string? answer)
        ? answer : throw new ExperimentFailedException($"the acceptor said nothing of '{question}'");

    private static Dictionary<string, string> Run()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            throw new CannotRunHereException("the Boost.Asio acceptor is compiled and asked as root on Linux");
        }

        if (!File.Exists("/usr/include/boost/asio.hpp") || !File.Exists("/usr/bin/g++"))
        {
            throw new CannotRunHereException("it needs g++ and Boost's headers (apt-get install g++ libboost-dev)");
        }

        DirectoryInfo folder = Directory.CreateTempSubdirectory("earshot-boost-");
        try
        {
            string source = Path.Combine(folder.FullName, "acceptor.cpp");
            using (Stream from = typeof(BoostAcceptor).Assembly.GetManifestResourceStream(Source)
                ?? throw new InvalidOperationException($"the lab carries {Source}"))
            using (FileStream to = File.Create(source))
            {
                from.CopyTo(to);
            }

            string program = Path.Combine(folder.FullName, "acceptor");
            Start("/usr/bin/g++", CompileLimit, "-std=c++17", "-O0", "-o", program, source, "-pthread");
            return Start(program, RunLimit).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split('=', 2)).Where(parts => parts.Length == 2)
                .ToDictionary(parts => parts[0], parts => parts[1]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Start(string program, TimeSpan limit, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        System.Threading.Tasks.Task<string> errors = process.StandardError.ReadToEndAsync();
        System.Threading.Tasks.Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill();
            throw new ExperimentFailedException(
                $"{Path.GetFileName(program)} did not end within {limit.TotalSeconds} s");
        }

        return process.ExitCode == 0 ? output.Result
            : throw new ExperimentFailedException($"{Path.GetFileName(program)} failed: {errors.Result}");
    }
}
