using System;
using System.IO;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;

namespace Earshot.Cli.Driving;

/// <summary>Reads commands and writes answers until the input ends.</summary>
internal sealed class DriveLoop(Driver driver, DriveInput input, TextWriter output)
{
    /// <summary>How much longer a command may wait once the input has ended.</summary>
    internal static readonly TimeSpan LastWait = TimeSpan.FromSeconds(10);

    private const int LinesAhead = 16;

    private readonly Channel<DriveLine> _lines = Channel.CreateBounded<DriveLine>(LinesAhead);

    /// <summary>Runs until the input has ended and every command before that is answered.</summary>
    /// <param name="cancellation">Ends it at once.</param>
    internal async Task RunAsync(CancellationToken cancellation)
    {
        // The input is read while a command waits, so that its end is noticed; whoever has gone is not waited for long.
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task reading = ReadAsync(waiting, cancellation);
        await foreach (DriveLine line in _lines.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
        {
            string reply = DriveReply.ToLine(line.IsTooLong
                ? DriveReply.Failed(
                    nameof(Core.Errno.EMSGSIZE), $"the line is longer than {DriveInput.MaxLength} bytes")
                : await driver.ExecuteAsync(line.Text, waiting.Token).ConfigureAwait(false));
            await output.WriteLineAsync(reply.AsMemory(), cancellation).ConfigureAwait(false);
            await output.FlushAsync(cancellation).ConfigureAwait(false);
        }

        await reading.ConfigureAwait(false);
    }

    private async Task ReadAsync(CancellationTokenSource waiting, CancellationToken cancellation)
    {
        try
        {
            // Not every stream's reads can be cancelled: those of a terminal or a pipe hold a thread meanwhile.
            await Task.Yield();
            while (await input.ReadAsync(cancellation).ConfigureAwait(false) is { } line)
            {
                await _lines.Writer.WriteAsync(line, cancellation).ConfigureAwait(false);
            }

            waiting.CancelAfter(LastWait);
            _lines.Writer.Complete();
        }
        catch (OperationCanceledException e)
        {
            _lines.Writer.Complete(e);
        }
    }
}
