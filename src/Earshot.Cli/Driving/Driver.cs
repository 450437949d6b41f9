using System;
using System.Collections.Generic;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core;
using Earshot.Sockets;

namespace Earshot.Cli.Driving;

/// <summary>A stack that is driven by commands: one line in, one JSON object out, one at a time.</summary>
/// <remarks>It knows neither the device below the stack nor the streams that the lines come from.</remarks>
internal sealed class Driver
{
    private readonly EarshotStack _stack;
    private readonly Dictionary<string, DriveCommand> _commands = new(StringComparer.Ordinal);
    private readonly SocketCommands _sockets;

    /// <summary>Makes a driver.</summary>
    /// <param name="stack">The stack, with nobody else's sockets in it.</param>
    /// <param name="delay">Holds back what the stack sends from now on; called on the pump's thread.</param>
    internal Driver(EarshotStack stack, Action<TimeSpan> delay)
    {
        _stack = stack;
        _sockets = new SocketCommands(stack);
        var views = new StackCommands(stack, delay);
        foreach (DriveCommand command in (DriveCommand[])[.. _sockets.Commands, .. views.Commands])
        {
            _commands.Add(command.Name, command);
        }
    }

    /// <summary>Carries out a command.</summary>
    /// <param name="line">The command.</param>
    /// <param name="cancellation">Ends its waiting, as its timeout does.</param>
    /// <returns>The answer; whatever the line is, it is not an exception unless the stack has broken.</returns>
    /// <exception cref="InvariantException">The stack has broken.</exception>
    internal async Task<JsonObject> ExecuteAsync(string line, CancellationToken cancellation = default)
    {
        string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        try
        {
            if (words.Length == 0 || !_commands.TryGetValue(words[0], out DriveCommand? command))
            {
                throw new DriveException(DriveException.UnknownCommand, words.Length == 0
                    ? "the line is empty" : $"no command '{Shorten(words[0])}'; there are {Known()}");
            }

            return await command.Do(new CommandWords(words, command.Usage), cancellation).ConfigureAwait(false);
        }
        catch (DriveException e)
        {
            return DriveReply.Failed(e.Name, e.Text);
        }
        catch (Exception e) when (e is ObjectDisposedException or InvariantException
            or SocketException { SocketErrorCode: SocketError.ConnectionAborted or SocketError.OperationAborted })
        {
            return DriveReply.Failed(
                nameof(Errno.ECONNABORTED), $"the stack has ended: {_stack.Failure?.Message ?? "it was closed"}");
        }
    }

    /// <summary>Closes every socket as a program's end does: what is unsent is sent, and both sides hear of
    /// it.</summary>
    internal Task CloseAllAsync() => _sockets.CloseAllAsync();

    private string Known() => string.Join(", ", _commands.Keys);

    private static string Shorten(string word) => word.Length <= 32 ? word : word[..32] + "...";
}

/// <summary>A command of the driver.</summary>
/// <param name="Usage">How it is written: its name, then its arguments.</param>
/// <param name="Do">Carries it out.</param>
internal sealed record DriveCommand(string Usage, Func<CommandWords, CancellationToken, Task<JsonObject>> Do)
{
    /// <summary>Its name.</summary>
    internal string Name { get; } = Usage.Split(' ')[0];
}
