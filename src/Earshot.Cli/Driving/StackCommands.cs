using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core;
using Earshot.Sockets;

namespace Earshot.Cli.Driving;

/// <summary>The driver's commands about the stack as a whole: tunables, tables, counters, texts.</summary>
internal sealed class StackCommands
{
    private readonly EarshotStack _stack;
    private readonly Action<TimeSpan> _delay;

    internal StackCommands(EarshotStack stack, Action<TimeSpan> delay)
    {
        _stack = stack;
        _delay = delay;
    }

    /// <summary>The commands.</summary>
    internal IEnumerable<DriveCommand> Commands =>
    [
        new("sysctl NAME [VALUE...]", SysctlAsync),
        new("table", TableAsync),
        new("listenq PORT", ListenQueueAsync),
        new("counters", CountersAsync),
        new("info LPORT RPORT", InfoAsync),
        new("text PORT", TextAsync),
        new("metrics", MetricsAsync),
        new("delay SECONDS", DelayAsync),
        new("log", LogAsync),
        new("why PORT", WhyAsync),
    ];

    private async Task<JsonObject> SysctlAsync(CommandWords words, CancellationToken cancellation)
    {
        string given = words.Take("NAME");
        string? value = words.TakeRest();
        (bool found, int result, string now) = await _stack.InvokeAsync(stack =>
        {
            string name = FullName(stack.Sysctls, given);
            int set = value is null ? 0 : stack.Sysctls.Set(name, value);
            bool isThere = stack.Sysctls.TryGet(name, out string text);
            return (isThere, set, text);
        }).ConfigureAwait(false);
        if (!found)
        {
            throw new DriveException(nameof(Errno.ENOENT), $"no sysctl '{given}' here");
        }

        if (result < 0)
        {
            throw new DriveException(Errno.Name(result), $"{given} cannot be '{value}'; it stays '{now}'");
        }

        return DriveReply.Ok("value", now);
    }

    // As sysctl takes them, dots or slashes; and without the folders, which are always the same few.
    private static string FullName(Sysctls sysctls, string given)
    {
        string name = given.Replace('/', '.');
        return sysctls.Names.Contains(name) ? name
            : sysctls.Names.FirstOrDefault(full => full.EndsWith('.' + name, StringComparison.Ordinal)) ?? name;
    }

    private async Task<JsonObject> TableAsync(CommandWords words, CancellationToken cancellation)
    {
        words.End();
        List<SocketRow> rows = await _stack.InvokeAsync(StackTexts.Rows).ConfigureAwait(false);
        var table = new JsonArray();
        foreach (SocketRow row in rows)
        {
            (string local, string remote, string state) = StackTexts.Ends(row);
            table.Add((JsonNode)new JsonObject
            {
                ["local"] = local,
                ["remote"] = remote,
                ["state"] = state,
                ["rq"] = row.ReceiveQueue,
                ["sq"] = row.SendQueue,
                ["retrans"] = row.Retransmits,
            });
        }

        return DriveReply.Ok("rows", table);
    }

    private async Task<JsonObject> ListenQueueAsync(CommandWords words, CancellationToken cancellation)
    {
        ushort port = words.TakePort("PORT");
        words.End();
        List<SocketRow> rows = await _stack.InvokeAsync(StackTexts.Rows).ConfigureAwait(false);
        var queues = new JsonArray();
        foreach (SocketRow row in rows.Where(row => row.State == TcpState.Listen && row.Local.Port == port))
        {
            queues.Add((JsonNode)new JsonArray(row.ReceiveQueue, row.Backlog));
        }

        return DriveReply.Ok("q", queues);
    }

    private async Task<JsonObject> CountersAsync(CommandWords words, CancellationToken cancellation)
    {
        words.End();
        KeyValuePair<string, long>[] all = await _stack.InvokeAsync(s => s.Mib.All.ToArray()).ConfigureAwait(false);
        var counters = new JsonObject();
        foreach ((string name, long value) in all)
        {
            counters[name] = value;
        }

        return DriveReply.Ok("c", counters);
    }

    private async Task<JsonObject> InfoAsync(CommandWords words, CancellationToken cancellation)
    {
        ushort local = words.TakePort("LPORT");
        ushort remote = words.TakePort("RPORT");
        words.End();
        string? text = await _stack.InvokeAsync(stack => StackTexts.Info(stack, local, remote)).ConfigureAwait(false);
        return DriveReply.Ok("text", text ?? throw new DriveException(
            nameof(Errno.ENOENT), $"no connection from port {local} to port {remote}"));
    }

    private async Task<JsonObject> TextAsync(CommandWords words, CancellationToken cancellation)
    {
        ushort port = words.TakePort("PORT");
        words.End();
        return DriveReply.Ok(
            "text", await _stack.InvokeAsync(stack => StackTexts.Tables(stack, port)).ConfigureAwait(false));
    }

    private async Task<JsonObject> MetricsAsync(CommandWords words, CancellationToken cancellation)
    {
        words.End();
        return DriveReply.Ok("text", await _stack.InvokeAsync(StackTexts.Metrics).ConfigureAwait(false));
    }

    private async Task<JsonObject> DelayAsync(CommandWords words, CancellationToken cancellation)
    {
        TimeSpan delay = words.TakeSeconds("SECONDS");
        words.End();
        await _stack.InvokeAsync(_ =>
        {
            _delay(delay);
            return 0;
        }).ConfigureAwait(false);
        return DriveReply.Ok();
    }

    private async Task<JsonObject> LogAsync(CommandWords words, CancellationToken cancellation)
    {
        words.End();
        IReadOnlyList<string> lines = await _stack.InvokeAsync(StackTexts.Log).ConfigureAwait(false);
        return Lines(lines);
    }

    private async Task<JsonObject> WhyAsync(CommandWords words, CancellationToken cancellation)
    {
        ushort port = words.TakePort("PORT");
        words.End();
        return Lines(await _stack.InvokeAsync(stack => StackTexts.Why(stack, port)).ConfigureAwait(false));
    }

    private static JsonObject Lines(IReadOnlyList<string> lines)
    {
        var array = new JsonArray();
        foreach (string line in lines)
        {
            array.Add((JsonNode)line);
        }

        JsonObject reply = DriveReply.Ok("text", StackTexts.Join(lines));
        reply["lines"] = array;
        return reply;
    }
}
