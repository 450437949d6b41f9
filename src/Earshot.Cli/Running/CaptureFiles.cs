using System;
using System.Globalization;
using System.IO;

namespace Earshot.Cli.Running;

/// <summary>The files of a capture: one, or one after another, each begun when the one before has its size.</summary>
/// <remarks>Of several, NAME.pcapng becomes NAME-0001.pcapng, NAME-0002.pcapng … A file whose successor is there is
/// whole.</remarks>
internal sealed class CaptureFiles : IDisposable
{
    private const int BufferLength = 1 << 16;

    private readonly string _path;
    private readonly long _limit;
    private int _number = 1;

    private CaptureFiles(string path, long limit)
    {
        _path = path;
        _limit = limit;
        Current = Open();
    }

    /// <summary>The file that is written.</summary>
    internal FileStream Current { get; private set; }

    /// <summary>Whether the current file has its size.</summary>
    internal bool IsFull => _limit > 0 && Current.Position >= _limit;

    /// <summary>Makes the first file, before anything else is set up.</summary>
    /// <param name="path">The file's name.</param>
    /// <param name="limit">Bytes after which there is a next file; 0: never.</param>
    /// <exception cref="CommandException">It cannot be made.</exception>
    internal static CaptureFiles Create(string path, long limit)
    {
        Files.RefuseFolder(path, "--pcap ");
        try
        {
            return new CaptureFiles(path, limit);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException(ExitCode.CannotRunHere, $"--pcap {path}: {e.Message}");
        }
    }

    /// <summary>Closes the current file and begins the next.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    internal void Next()
    {
        Current.Dispose();
        _number++;
        Current = Open();
    }

    /// <inheritdoc/>
    public void Dispose() => Current.Dispose();

    private FileStream Open()
    {
        string number = _number.ToString("0000", CultureInfo.InvariantCulture);
        string path = _limit == 0 ? _path : Path.Combine(
            Path.GetDirectoryName(_path) ?? "",
            $"{Path.GetFileNameWithoutExtension(_path)}-{number}{Path.GetExtension(_path)}");
        return new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, BufferLength);
    }
}
