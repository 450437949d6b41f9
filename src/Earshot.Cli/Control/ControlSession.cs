using System;
using System.Collections.Generic;
using System.Text;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

namespace Earshot.Cli.Control;

/// <summary>One client of a stack that is up: its requests, and the sockets that it made.</summary>
/// <remarks>As the kernel does with a process's descriptors, its sockets are closed when it goes.</remarks>
internal sealed class ControlSession
{
    /// <summary>Requests that may wait while one is carried out.</summary>
    internal const int MaxWaiting = 16;

    // Text is sent in pieces; a character may take six bytes in JSON.
    private const int MaxTextLength = ControlRequest.MaxLength / 8;

    private readonly LineStream _lines;
    private readonly CancellationToken _gone;
    private readonly CancellationToken _stop;
    private readonly List<Func<Task>> _closers = [];

    internal ControlSession(LineStream lines, CancellationToken gone, CancellationToken stop)
    {
        _lines = lines;
        _gone = gone;
        _stop = stop;
    }

    /// <summary>Cancelled when the client will ask no more, or the stack goes down: nothing is worth waiting
    /// for.</summary>
    internal CancellationToken Gone => _gone;

    /// <summary>Remembers how to close a socket when the client goes.</summary>
    internal void Own(Func<Task> close) => _closers.Add(close);

    /// <summary>Sends lines of text for the client's stdout.</summary>
    internal async Task SendLinesAsync(IEnumerable<string> lines)
    {
        var text = new StringBuilder();
        foreach (string line in lines)
        {
            text.Append(line).Append('\n');
            while (text.Length >= MaxTextLength)
            {
                await SendAsync(new ControlReply { Text = text.ToString(0, MaxTextLength) }).ConfigureAwait(false);
                text.Remove(0, MaxTextLength);
            }
        }

        if (text.Length > 0)
        {
            await SendAsync(new ControlReply { Text = text.ToString() }).ConfigureAwait(false);
        }
    }

    /// <summary>Sends one line of an answer.</summary>
    internal async Task SendAsync(ControlReply reply) => await _lines.WriteLineAsync(
        JsonSerializer.SerializeToUtf8Bytes(reply, ControlJson.Default.ControlReply), _stop).ConfigureAwait(false);

    /// <summary>Closes the client's sockets in the order in which it made them, as the end of a process does.</summary>
    internal async Task CloseSocketsAsync()
    {
        foreach (Func<Task> close in _closers)
        {
            await close().ConfigureAwait(false);
        }

        _closers.Clear();
    }
}
