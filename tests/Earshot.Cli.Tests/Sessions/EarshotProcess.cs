using System;
using System.Diagnostics;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Earshot.Cli.Tests.Sessions;

/// <summary>A command in a process of its own; it is ended with the test, by its id.</summary>
internal sealed class EarshotProcess : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly StringBuilder _out = new();
    private readonly StringBuilder _error = new();
    private readonly Lock _lock = new();

    private EarshotProcess(ProcessStartInfo info)
    {
        _process = Process.Start(info) ?? throw new InvalidOperationException($"{info.FileName} does not start");
        _process.OutputDataReceived += (_, line) => Append(_out, line.Data);
        _process.ErrorDataReceived += (_, line) => Append(_error, line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>What it has written to stdout so far.</summary>
    public string Out => Read(_out);

    /// <summary>What it has written to stderr so far.</summary>
    public string Error => Read(_error);

    /// <summary>Whether it still runs.</summary>
    public bool IsRunning => !_process.HasExited;

    /// <summary>Starts the command.</summary>
    /// <remarks>With SIGINT as a terminal leaves it: whoever runs the tests in the background may ignore it, and what
    /// they start would too.</remarks>
    public static EarshotProcess Start(string arguments) =>
        StartProgram("env", $"--default-signal=INT dotnet {CommandPath} {arguments}");

    /// <summary>Starts the command in a network namespace.</summary>
    public static EarshotProcess StartIn(string networkNamespace, string arguments) =>
        StartProgram("ip", $"netns exec {networkNamespace} dotnet {CommandPath} {arguments}");

    /// <summary>Starts any program.</summary>
    public static EarshotProcess StartProgram(string program, string arguments) => new(
        new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        });

    /// <summary>Runs the command to its end.</summary>
    public static Task<CommandRun> RunAsync(string arguments) =>
        RunProgramAsync("dotnet", $"{CommandPath} {arguments}");

    /// <summary>Runs any program to its end.</summary>
    public static async Task<CommandRun> RunProgramAsync(string program, string arguments)
    {
        await using EarshotProcess process = StartProgram(program, arguments);
        int code = await process.WaitAsync();
        return new CommandRun(code, process.Out, process.Error);
    }

    /// <summary>Waits until something holds.</summary>
    public static async Task UntilAsync(Func<Task<bool>> holds, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            if (Stopwatch.GetElapsedTime(start) > Limit)
            {
                throw new TimeoutException($"it never came true that {what}");
            }

            await Task.Delay(50);
        }
    }

    /// <summary>Asks it to end, as <c>kill</c> does.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> TerminateAsync(string signal = "TERM")
    {
        using Process kill = Process.Start("kill", $"-{signal} {_process.Id}");
        await kill.WaitForExitAsync();
        return await WaitAsync();
    }

    /// <summary>Ends it without asking.</summary>
    public async Task KillAsync()
    {
        _process.Kill(entireProcessTree: true);
        await WaitAsync();
    }

    /// <summary>Waits until it has ended by itself.</summary>
    public async Task<int> WaitAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (IsRunning)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private static string CommandPath => Path.Combine(AppContext.BaseDirectory, "earshot.dll");

    private void Append(StringBuilder text, string? line)
    {
        lock (_lock)
        {
            text.Append(line is null ? "" : line + "\n");
        }
    }

    private string Read(StringBuilder text)
    {
        lock (_lock)
        {
            return text.ToString();
        }
    }
}
