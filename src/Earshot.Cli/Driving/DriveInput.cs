using System;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Earshot.Cli.Driving;

/// <summary>A line of the driver's input.</summary>
/// <param name="Text">The line without its newline; empty when it was too long.</param>
/// <param name="IsTooLong">Whether it was longer than <see cref="DriveInput.MaxLength"/> and its bytes were
/// dropped.</param>
internal readonly record struct DriveLine(string Text, bool IsTooLong);

/// <summary>Lines from a stream of bytes; one that is too long is told as such, and the next is read as ever.</summary>
internal sealed class DriveInput(Stream stream)
{
    /// <summary>Bytes of the longest line: a send of 8 MiB and its command.</summary>
    internal const int MaxLength = (16 << 20) + 1024;

    private const byte NewLine = (byte)'\n';
    private const int FirstLength = 1 << 16;

    private byte[] _buffer = new byte[FirstLength];
    private int _start;
    private int _end;
    private bool _atEnd;

    /// <summary>Reads the next line; the last one needs no newline.</summary>
    /// <returns>The line; null at the end of the input, which a broken pipe is too.</returns>
    internal async ValueTask<DriveLine?> ReadAsync(CancellationToken cancellation)
    {
        int looked = 0;
        bool tooLong = false;
        while (true)
        {
            int at = _buffer.AsSpan(_start + looked, _end - _start - looked).IndexOf(NewLine);
            if (at >= 0)
            {
                return Take(looked + at, 1, tooLong);
            }

            looked = _end - _start;
            if (_atEnd)
            {
                return looked == 0 && !tooLong ? null : Take(looked, 0, tooLong);
            }

            if (looked > MaxLength)
            {
                tooLong = true;
                looked = _end = _start = 0;
            }

            await FillAsync(cancellation).ConfigureAwait(false);
        }
    }

    private DriveLine Take(int length, int newLine, bool tooLong)
    {
        tooLong |= length > MaxLength;
        string text = tooLong ? "" : Encoding.UTF8.GetString(_buffer, _start, length);
        _start += length + newLine;
        return new DriveLine(text, tooLong);
    }

    private async ValueTask FillAsync(CancellationToken cancellation)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        try
        {
            int count = await stream.ReadAsync(_buffer.AsMemory(_end), cancellation).ConfigureAwait(false);
            _end += count;
            _atEnd = count == 0;
        }
        catch (IOException)
        {
            _atEnd = true;
        }
    }
}
