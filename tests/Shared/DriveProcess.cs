using System;
using System.Diagnostics;
using System.IO;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Xunit;

namespace Earshot.Tests;

/// <summary><c>earshot drive</c> with its input and output in the test's hands; it is ended with the test, by its
/// id.</summary>
internal sealed class DriveProcess : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly Process _process;

    private DriveProcess(Process process) => _process = process;

    /// <summary>Starts <c>drive</c> in a network namespace.</summary>
    public static DriveProcess Start(string networkNamespace, string arguments)
    {
        string command = Path.Combine(AppContext.BaseDirectory, "earshot.dll");
        var info = new ProcessStartInfo(
            "ip", $"netns exec {networkNamespace} dotnet {command} drive {arguments}")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        return new DriveProcess(Process.Start(info)!);
    }

    /// <summary>Gives a command and waits for its answer.</summary>
    public async Task<JsonObject> SayAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
        string? reply = await _process.StandardOutput.ReadLineAsync().WaitAsync(Limit);
        return JsonNode.Parse(reply ?? throw new EndOfStreamException($"{line}: no answer"))!.AsObject();
    }

    /// <summary>Gives a command that has to work.</summary>
    public async Task<JsonObject> OkAsync(string line)
    {
        JsonObject reply = await SayAsync(line);
        Assert.True((bool)reply["ok"]!, $"{line}: {reply.ToJsonString()}");
        return reply;
    }

    /// <summary>Gives a command that has to fail.</summary>
    /// <returns>The errno's name.</returns>
    public async Task<string> FailAsync(string line)
    {
        JsonObject reply = await SayAsync(line);
        Assert.False((bool)reply["ok"]!, $"{line} worked");
        return (string)reply["err"]!;
    }

    /// <summary>Closes its input.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> EndInputAsync()
    {
        _process.StandardInput.Close();
        return await WaitAsync();
    }

    /// <summary>Waits until it has ended by itself.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Limit);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await WaitAsync();
        }

        _process.Dispose();
    }
}
