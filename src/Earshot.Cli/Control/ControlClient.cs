using System;
using System.IO;
using System.Net.Sockets;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

namespace Earshot.Cli.Control;

/// <summary>A command's connection to a stack that is up.</summary>
internal sealed class ControlClient : IAsyncDisposable
{
    private readonly NetworkStream _stream;
    private readonly LineStream _lines;
    private readonly string _name;

    private ControlClient(string name, Socket socket)
    {
        _name = name;
        _stream = new NetworkStream(socket, ownsSocket: true);
        _lines = new LineStream(_stream, ControlRequest.MaxLength);
    }

    /// <summary>Connects to the control socket of a stack.</summary>
    /// <exception cref="CommandException">No stack of this name is up.</exception>
    internal static async Task<ControlClient> ConnectAsync(string name, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            var endpoint = new UnixDomainSocketEndPoint(ControlFolder.SocketPath(name));
            await socket.ConnectAsync(endpoint, cancellation).ConfigureAwait(false);
            return new ControlClient(name, socket);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new CommandException(ExitCode.CannotRunHere, NoStack(name, e));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends a request and reads its answer; text goes to a writer as it comes.</summary>
    /// <returns>The answer's last line: it worked, or a socket call failed with an errno.</returns>
    /// <exception cref="CommandException">The request could not be carried out, or the stack went down.</exception>
    internal async Task<ControlReply> AskAsync(
        ControlRequest request, TextWriter output, CancellationToken cancellation)
    {
        try
        {
            byte[] line = JsonSerializer.SerializeToUtf8Bytes(
                request with { Version = ControlRequest.CurrentVersion }, ControlJson.Default.ControlRequest);
            if (line.Length > ControlRequest.MaxLength)
            {
                throw new CommandException(ExitCode.Usage, "an argument is too long");
            }

            await _lines.WriteLineAsync(line, cancellation).ConfigureAwait(false);
            while (true)
            {
                ControlReply reply = await ReadAsync(cancellation).ConfigureAwait(false);
                if (!reply.IsLast)
                {
                    await output.WriteAsync(reply.Text.AsMemory(), cancellation).ConfigureAwait(false);
                    continue;
                }

                return reply.Error is null || reply.Errno is not null
                    ? reply : throw new CommandException(reply.Exit ?? ExitCode.CannotRunHere, reply.Error);
            }
        }
        catch (SocketException)
        {
            throw Gone();
        }
        catch (IOException e) when (e.InnerException is SocketException or ObjectDisposedException)
        {
            throw Gone();
        }
    }

    /// <summary>Waits for the stack to go down.</summary>
    /// <exception cref="CommandException">It went down.</exception>
    internal async Task WaitForEndAsync(CancellationToken cancellation)
    {
        try
        {
            await ReadAsync(cancellation).ConfigureAwait(false);
        }
        catch (IOException)
        {
            throw Gone();
        }
    }

    /// <summary>Closes the connection: the stack closes the sockets that were made over it.</summary>
    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    private async Task<ControlReply> ReadAsync(CancellationToken cancellation)
    {
        ReadOnlyMemory<byte> line = await _lines.ReadLineAsync(cancellation).ConfigureAwait(false) ?? throw Gone();
        try
        {
            return JsonSerializer.Deserialize(line.Span, ControlJson.Default.ControlReply) ?? throw NotUnderstood();
        }
        catch (JsonException)
        {
            throw NotUnderstood();
        }
    }

    private CommandException Gone() => new(ExitCode.ExperimentFailed, $"the stack '{_name}' went down");

    private CommandException NotUnderstood() => new(
        ExitCode.CannotRunHere, $"the stack '{_name}' speaks another language: start both with the same earshot");

    private static string NoStack(string name, SocketException e)
    {
        string others = string.Join(", ", ControlFolder.StacksUp());
        string start = name == ControlFolder.DefaultName ? "earshot up" : $"earshot up --name {name}";
        return e.SocketErrorCode == SocketError.AccessDenied
            ? $"the stack '{name}' belongs to another user: {e.Message}"
            : others.Length == 0
                ? $"no stack is up: start one in another terminal with '{start}'"
                : $"no stack named '{name}' is up; up are: {others} (choose with --stack), "
                    + $"or start it in another terminal with '{start}'";
    }
}
