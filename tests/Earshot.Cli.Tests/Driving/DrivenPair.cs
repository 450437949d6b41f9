using System;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Earshot.Cli.Driving;
using Earshot.Core;
using Earshot.Links;
using Earshot.Sockets;
using Xunit;

namespace Earshot.Cli.Tests.Driving;

/// <summary>Two driven stacks on a wire in memory: 10.0.0.1 and 10.0.0.2.</summary>
internal sealed class DrivenPair : IAsyncDisposable
{
    private readonly EarshotStack[] _stacks;

    public DrivenPair()
    {
        (MemoryLink a, MemoryLink b) = MemoryLink.CreatePair();
        Links = [new DelayLink(a), new DelayLink(b)];
        _stacks = [.. Links.Select((link, i) => EarshotStack.Start(Host(i + 1), link))];
        A = new Driver(_stacks[0], Links[0].Hold);
        B = new Driver(_stacks[1], Links[1].Hold);
    }

    public Driver A { get; }

    public Driver B { get; }

    public DelayLink[] Links { get; }

    /// <summary>A listener "l" on B's port 80 and a connection of A's "c" to it, accepted as "s".</summary>
    public static async Task<DrivenPair> ConnectedAsync()
    {
        var pair = new DrivenPair();
        await pair.B.OkAsync("socket l tcp");
        await pair.B.OkAsync("bind l 0.0.0.0 80");
        await pair.B.OkAsync("listen l 5");
        await pair.A.OkAsync("socket c tcp");
        await pair.A.OkAsync("connect c 10.0.0.2 80");
        await pair.B.OkAsync("accept l s");
        return pair;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (EarshotStack stack in _stacks)
        {
            await stack.DisposeAsync();
        }
    }

    private static StackOptions Host(int number) => new()
    {
        Seed = Chance.Spread((ulong)number),
        Interfaces =
        [
            new InterfaceOptions
            {
                Name = "mem0",
                Addresses =
                [
                    InterfaceAddress.Parse($"10.0.0.{number}/24"), InterfaceAddress.Parse($"fd00::{number}/64"),
                ],
            },
        ],
    };
}

/// <summary>Commands with what a test expects of their answers.</summary>
internal static class DriverExpectations
{
    /// <summary>A command that has to work.</summary>
    public static async Task<JsonObject> OkAsync(this Driver driver, string line)
    {
        JsonObject reply = await driver.ExecuteAsync(line);
        Assert.True((bool)reply["ok"]!, $"{line}: {DriveReply.ToLine(reply)}");
        return reply;
    }

    /// <summary>A command that has to fail.</summary>
    /// <returns>The errno's name.</returns>
    public static async Task<string> FailAsync(this Driver driver, string line)
    {
        JsonObject reply = await driver.ExecuteAsync(line);
        Assert.False((bool)reply["ok"]!, $"{line} worked");
        return (string)reply["err"]!;
    }

    /// <summary>The events that poll tells, with blanks between them.</summary>
    public static async Task<string> PollAsync(this Driver driver, string name) =>
        string.Join(' ', (await driver.OkAsync($"poll {name}"))["events"]!.AsArray().Select(e => (string)e!));
}
