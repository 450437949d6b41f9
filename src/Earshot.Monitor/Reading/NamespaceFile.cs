using System;
using System.Globalization;
using System.IO;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Earshot.Monitor.Reading;

/// <summary>A file of /proc/net or /proc/sys/net, kept open: it shows the namespace of the thread that opened it,
/// whoever reads.</summary>
internal sealed class NamespaceFile : IDisposable
{
    private readonly SafeFileHandle? _file;
    private byte[] _buffer = new byte[16 * 1024];

    /// <summary>Opens the file; one that cannot be opened reads as unknown.</summary>
    public NamespaceFile(string path)
    {
        try
        {
            _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _file = null;
        }
    }

    /// <summary>The file's bytes now, valid until the next read; empty when it cannot be read.</summary>
    public ReadOnlySpan<byte> Read()
    {
        if (_file is null)
        {
            return default;
        }

        try
        {
            int used = 0;
            while (true)
            {
                int length = RandomAccess.Read(_file, _buffer.AsSpan(used), used);
                if (length <= 0)
                {
                    return _buffer.AsSpan(0, used);
                }

                used += length;
                if (used < _buffer.Length)
                {
                    // These files come whole when there is room, and a second read makes the kernel write all again.
                    return _buffer.AsSpan(0, used);
                }

                Array.Resize(ref _buffer, _buffer.Length * 2);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return default;
        }
    }

    /// <summary>The first number in the file; null when there is none.</summary>
    public long? ReadNumber()
    {
        ReadOnlySpan<char> text = Encoding.ASCII.GetString(Read()).AsSpan().Trim();
        int blank = text.IndexOfAny(' ', '\t');
        return long.TryParse(blank < 0 ? text : text[..blank], CultureInfo.InvariantCulture, out long value)
            ? value
            : null;
    }

    public void Dispose() => _file?.Dispose();
}
