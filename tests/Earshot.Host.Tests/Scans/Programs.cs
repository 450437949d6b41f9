using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;

namespace Earshot.Host.Tests.Scans;

/// <summary>Programs that a test runs, each with a limit to its time; they are ended by their id.</summary>
internal static class Programs
{
    /// <summary>Runs a program to its end.</summary>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments, without quotes.</param>
    /// <param name="limit">How long it may take; then it is ended.</param>
    /// <returns>Its exit code, -1 when it was ended, and what it said.</returns>
    public static async Task<(int Code, string Text)> RunAsync(string program, string arguments, TimeSpan limit)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        using var over = new CancellationTokenSource(limit);
        int code = -1;
        try
        {
            await process.WaitForExitAsync(over.Token);
            code = process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
        }

        return (code, await output + await error);
    }

    /// <summary>Runs a program that has to work.</summary>
    public static async Task<string> DoAsync(string program, string arguments)
    {
        (int code, string text) = await RunAsync(program, arguments, TimeSpan.FromSeconds(30));
        return code == 0 ? text : throw new InvalidOperationException($"{program} {arguments}: {code} {text}");
    }
}
