using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Sockets;
using System.Text.Json;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;

namespace Earshot.Cli.Control;

/// <summary>Carries out a request: sends the answer's text, if any; the server sends its last line.</summary>
/// <param name="request">The request; its version is right.</param>
/// <param name="session">The client.</param>
/// <returns>The answer's last line.</returns>
/// <exception cref="CommandException">The request cannot be carried out.</exception>
internal delegate Task<ControlReply> ControlHandler(ControlRequest request, ControlSession session);

/// <summary>The control socket of a stack: takes requests from the commands of other terminals.</summary>
/// <remarks>
/// What a client sends cannot hurt the stack: lines are bounded, a bad request is answered with what is wrong with it,
/// and a client that does not keep to the protocol loses its connection and nothing else.
/// </remarks>
internal sealed class ControlServer : IAsyncDisposable
{
    /// <summary>Clients at a time.</summary>
    internal const int MaxSessions = 256;

    private const int AcceptBacklog = 64;
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _path;
    private readonly FileStream _claim;
    private readonly Socket _socket;
    private readonly ControlHandler _handler;

    // Never disposed: it has no timer, and sessions may look at it to the last.
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<Task> _sessions = [];
    private readonly Lock _lock = new();
    private readonly Task _accepting;

    private ControlServer(string path, FileStream claim, Socket socket, ControlHandler handler)
    {
        _path = path;
        _claim = claim;
        _socket = socket;
        _handler = handler;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Opens the control socket of a name; the socket of a stack that ended without removing it is
    /// replaced.</summary>
    /// <param name="name">The stack's name.</param>
    /// <param name="handler">Carries out the requests; called by several clients at once, for each one at a
    /// time.</param>
    /// <exception cref="CommandException">A stack of this name is up, or the socket cannot be made.</exception>
    internal static ControlServer Open(string name, ControlHandler handler)
    {
        ControlFolder.Make();
        string path = ControlFolder.SocketPath(name);
        FileStream claim = Claim(name, Path.ChangeExtension(path, ".lock"));
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // Whoever holds the claim owns the name, so a socket that is still there is of a stack that has died.
            File.Delete(path);
            socket.Bind(new UnixDomainSocketEndPoint(path));
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, OnlyOwner);
            }

            socket.Listen(AcceptBacklog);
            return new ControlServer(path, claim, socket, handler);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SocketException)
        {
            socket.Dispose();
            claim.Dispose();
            throw new CommandException(
                ExitCode.CannotRunHere, $"the control socket {path} cannot be made: {e.Message}");
        }
    }

    /// <summary>Closes the socket, ends every session and waits for them.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        File.Delete(_path);
        _socket.Dispose();
        await _accepting.ConfigureAwait(false);
        Task[] sessions;
        lock (_lock)
        {
            sessions = [.. _sessions];
        }

        await Task.WhenAll(sessions).ConfigureAwait(false);
        File.Delete(_claim.Name);
        await _claim.DisposeAsync().ConfigureAwait(false);
    }

    // The system lets go of the claim when the process ends, however it ends.
    private static FileStream Claim(string name, string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new CommandException(
                ExitCode.CannotRunHere,
                $"a stack named '{name}' is up already: end it with Ctrl-C in its terminal, or start this one with "
                + "--name OTHER and give the other commands --stack OTHER");
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CommandException(ExitCode.CannotRunHere, $"the name '{name}' cannot be claimed: {e.Message}");
        }
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            Socket client;
            try
            {
                client = await _socket.AcceptAsync(_stop.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // The client was gone before it was accepted, or descriptors ran out: neither ends the stack.
                await Task.Delay(TimeSpan.FromMilliseconds(10), CancellationToken.None).ConfigureAwait(false);
                continue;
            }

            lock (_lock)
            {
                bool isOneTooMany = _sessions.Count >= MaxSessions;
                Task session = Task.Run(() => ServeAsync(client, isOneTooMany));
                _sessions.Add(session);
                session.ContinueWith(Forget, TaskScheduler.Default);
            }
        }
    }

    private void Forget(Task session)
    {
        lock (_lock)
        {
            _sessions.Remove(session);
        }
    }

    private async Task ServeAsync(Socket client, bool isOneTooMany)
    {
        await using var stream = new NetworkStream(client, ownsSocket: true);
        var lines = new LineStream(stream, ControlRequest.MaxLength);
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var session = new ControlSession(lines, gone.Token, _stop.Token);
        var waiting = Channel.CreateBounded<byte[]>(ControlSession.MaxWaiting);
        Task? reading = null;
        try
        {
            if (isOneTooMany)
            {
                await session.SendAsync(
                    Problem($"too many clients: at most {MaxSessions} at a time", ExitCode.CannotRunHere))
                    .ConfigureAwait(false);
                return;
            }

            reading = ReadAsync(lines, waiting.Writer, gone);
            await foreach (byte[] line in waiting.Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                await session.SendAsync(await AnswerAsync(line, session).ConfigureAwait(false)).ConfigureAwait(false);
            }
        }
        catch (LineTooLongException e)
        {
            await TrySendAsync(lines, Problem($"bad request: {e.Message}", ExitCode.Usage)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The client went away in the middle, or the stack goes down.
        }
        finally
        {
            await gone.CancelAsync().ConfigureAwait(false);
            if (reading is not null)
            {
                await reading.ConfigureAwait(false);
            }

            await session.CloseSocketsAsync().ConfigureAwait(false);
        }
    }

    // Reads on while a request is carried out, because only so does one notice that the client has gone.
    private static async Task ReadAsync(LineStream lines, ChannelWriter<byte[]> waiting, CancellationTokenSource gone)
    {
        Exception? end = null;
        try
        {
            while (await lines.ReadLineAsync(gone.Token).ConfigureAwait(false) is { } line)
            {
                if (!waiting.TryWrite(line.ToArray()))
                {
                    break;
                }
            }

            await gone.CancelAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            end = e as LineTooLongException;
            if (end is null)
            {
                await gone.CancelAsync().ConfigureAwait(false);
            }
        }

        waiting.Complete(end);
    }

    private async Task<ControlReply> AnswerAsync(byte[] line, ControlSession session)
    {
        try
        {
            ControlRequest? request = JsonSerializer.Deserialize(line, ControlJson.Default.ControlRequest);
            if (request is null)
            {
                return Problem("bad request: null is none", ExitCode.Usage);
            }

            return request.Version == ControlRequest.CurrentVersion
                ? await _handler(request, session).ConfigureAwait(false)
                : Problem(
                    $"bad request: version {request.Version}, but this stack speaks {ControlRequest.CurrentVersion}: "
                    + "start both with the same earshot",
                    ExitCode.CannotRunHere);
        }
        catch (JsonException e)
        {
            return Problem($"bad request: {e.Message}", ExitCode.Usage);
        }
        catch (CommandException e)
        {
            return Problem(e.Message, e.ExitCode);
        }
        catch (Exception e) when (e is not (OperationCanceledException or IOException or ObjectDisposedException))
        {
            // A defect in one answer must not take the stack and its other clients with it.
            return Problem(
                $"a defect of Earshot's, please report it: {e.GetType().Name}: {e.Message}", ExitCode.BrokenInvariant);
        }
    }

    private static async Task TrySendAsync(LineStream lines, ControlReply reply)
    {
        try
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            byte[] line = JsonSerializer.SerializeToUtf8Bytes(reply, ControlJson.Default.ControlReply);
            await lines.WriteLineAsync(line, soon.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // It was only a courtesy.
        }
    }

    private static ControlReply Problem(string message, int exitCode) => new() { Error = message, Exit = exitCode };
}
