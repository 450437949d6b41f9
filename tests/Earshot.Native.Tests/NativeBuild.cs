using System;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using Earshot.Tests;

namespace Earshot.Native.Tests;

/// <summary>libearshot.so and the C programs that test it, each made once in a run and only when its sources
/// changed.</summary>
internal static class NativeBuild
{
    private const int CannotRunHere = 3;
    private static readonly Lazy<string?> Library = new(MakeLibrary);

    /// <summary>The folder with libearshot.so and earshot.h.</summary>
    public static string Folder => Path.Combine(RepositoryRoot.Path, "artifacts", "native");

    /// <summary>Why nothing of this can be tested here; null when it can.</summary>
    public static string? SkipReason => Host.Missing(Needs.Linux, "gcc bash") ?? Library.Value;

    /// <summary>Makes a program of one C file.</summary>
    /// <param name="source">The file, from the repository's root.</param>
    /// <returns>The program.</returns>
    public static string Compile(string source)
    {
        string file = Path.Combine(RepositoryRoot.Path, source);
        string program = Path.Combine(Folder, "tests", Path.GetFileNameWithoutExtension(source));
        Directory.CreateDirectory(Path.GetDirectoryName(program)!);
        string header = Path.Combine(RepositoryRoot.Path, "tests", "native", "es_test.h");
        DateTime newest = Newest(file, header, Path.Combine(Folder, "libearshot.so"));
        if (File.Exists(program) && File.GetLastWriteTimeUtc(program) > newest)
        {
            return program;
        }

        (int code, string output) = Run(
            "gcc",
            "-std=gnu99", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-I", Folder, file, "-o", program,
            "-L", Folder, "-learshot", "-lpthread", "-ldl", $"-Wl,-rpath,{Folder}");
        return code == 0 ? program : throw new InvalidOperationException($"{source} does not compile:\n{output}");
    }

    /// <summary>Runs a program to its end, at most a minute.</summary>
    /// <returns>Its exit code and all that it wrote.</returns>
    public static (int Code, string Output) Run(string program, params string[] arguments) =>
        RunFor(TimeSpan.FromMinutes(1), program, arguments);

    /// <summary>Runs a program to its end, or ends it.</summary>
    public static (int Code, string Output) RunFor(TimeSpan limit, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = RepositoryRoot.Path,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            return (-1, $"{program} did not end in {limit.TotalSeconds} s");
        }

        return (process.ExitCode, output.Result + error.Result);
    }

    private static DateTime Newest(params string[] files)
    {
        DateTime newest = DateTime.MinValue;
        foreach (string file in files)
        {
            DateTime time = File.GetLastWriteTimeUtc(file);
            newest = time > newest ? time : newest;
        }

        return newest;
    }

    private static string? MakeLibrary()
    {
        (int code, string output) = RunFor(
            TimeSpan.FromMinutes(9), Path.Combine(RepositoryRoot.Path, "earshot"), "build", "native");
        return code switch
        {
            0 => null,
            CannotRunHere when output.Contains("NU1101", StringComparison.Ordinal)
                || output.Contains("NU1102", StringComparison.Ordinal)
                || output.Contains("NU1301", StringComparison.Ordinal) =>
                "the packages of the native compiler cannot be restored here",
            CannotRunHere when !output.Contains("error", StringComparison.Ordinal) => output.Trim(),
            _ => throw new InvalidOperationException($"./earshot build native ended with {code}:\n{output}"),
        };
    }
}
