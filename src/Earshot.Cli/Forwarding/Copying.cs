using System;
using System.Buffers;
using System.Threading;
using System.Threading.Tasks;

namespace Earshot.Cli.Forwarding;

/// <summary>Moves bytes from one side to the other until the end of the data.</summary>
internal static class Copying
{
    private const int BufferLength = 1 << 17;

    /// <summary>Copies until <paramref name="receive"/> gives 0.</summary>
    /// <param name="receive">Reads; asked for no bytes at all, it waits until there are some.</param>
    /// <param name="send">Sends; it may take a part.</param>
    /// <param name="cancellation">Ends it.</param>
    internal static async Task CopyAsync(
        Func<Memory<byte>, CancellationToken, ValueTask<int>> receive,
        Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask<int>> send,
        CancellationToken cancellation)
    {
        while (true)
        {
            // No buffer is held while nothing moves.
            await receive(Memory<byte>.Empty, cancellation).ConfigureAwait(false);
            byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
            try
            {
                int length = await receive(buffer, cancellation).ConfigureAwait(false);
                if (length == 0)
                {
                    return;
                }

                for (int sent = 0; sent < length;)
                {
                    sent += await send(buffer.AsMemory(sent, length - sent), cancellation).ConfigureAwait(false);
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }
}
