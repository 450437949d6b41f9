using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Earshot.Cli.Control;

/// <summary>A peer sent a line that is longer than a line may be.</summary>
internal sealed class LineTooLongException(int limit) : IOException($"a line is longer than {limit} bytes");

/// <summary>Lines over a stream of bytes, with a limit to their length.</summary>
/// <remarks>One reader and one writer at a time.</remarks>
internal sealed class LineStream(Stream stream, int maxLength)
{
    private const byte NewLine = (byte)'\n';

    private readonly byte[] _buffer = new byte[maxLength + 1];
    private int _start;
    private int _end;

    /// <summary>Reads the next line.</summary>
    /// <returns>The line without its newline, valid until the next call; null at the end of the stream.</returns>
    /// <remarks>Bytes without a newline before the end of the stream are no line: their sender went away.</remarks>
    /// <exception cref="LineTooLongException">There is no newline within the limit.</exception>
    internal async ValueTask<ReadOnlyMemory<byte>?> ReadLineAsync(CancellationToken cancellation)
    {
        int looked = _start;
        while (true)
        {
            int at = _buffer.AsSpan(looked, _end - looked).IndexOf(NewLine);
            if (at >= 0)
            {
                ReadOnlyMemory<byte> line = _buffer.AsMemory(_start, looked + at - _start);
                _start = looked + at + 1;
                return line;
            }

            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
            looked = _end;
            if (_end == _buffer.Length)
            {
                throw new LineTooLongException(maxLength);
            }

            int count = await stream.ReadAsync(_buffer.AsMemory(_end), cancellation).ConfigureAwait(false);
            if (count == 0)
            {
                return null;
            }

            _end += count;
        }
    }

    /// <summary>Writes a line in one piece.</summary>
    /// <param name="line">The line, without a newline.</param>
    /// <param name="cancellation">Ends the writing, after which the stream is of no more use.</param>
    internal async ValueTask WriteLineAsync(ReadOnlyMemory<byte> line, CancellationToken cancellation)
    {
        byte[] bytes = new byte[line.Length + 1];
        line.CopyTo(bytes);
        bytes[^1] = NewLine;
        await stream.WriteAsync(bytes, cancellation).ConfigureAwait(false);
    }
}
