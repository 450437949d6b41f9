using System;
using System.IO;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Primitives;

namespace Earshot.Cli.Serving;

/// <summary>The files below a folder, and nothing else: neither .. nor a link leads out, and dot files are not
/// there.</summary>
internal sealed class RootedFiles : IFileProvider, IDisposable
{
    // Links that lead to links, as many as Linux follows.
    private const int MaxLinks = 40;

    private readonly PhysicalFileProvider _files;
    private readonly string _root;

    /// <summary>Opens a folder.</summary>
    /// <exception cref="CommandException">There is none of that path.</exception>
    internal RootedFiles(string path)
    {
        if (path.Length == 0)
        {
            throw new CommandException(ExitCode.Usage, "--root '' is no folder's name");
        }

        string full = Path.GetFullPath(path);
        if (!Directory.Exists(full))
        {
            throw new CommandException(ExitCode.Usage, $"--root {path}: there is no such folder");
        }

        _root = Real(full) ?? throw new CommandException(ExitCode.Usage, $"--root {path}: it is a link in a circle");
        _files = new PhysicalFileProvider(_root);
    }

    /// <inheritdoc/>
    public IFileInfo GetFileInfo(string subpath)
    {
        IFileInfo file = _files.GetFileInfo(subpath);
        return file is { Exists: true, PhysicalPath: { } path }
            && !(IsShown(path) && Real(path) is { } real && IsShown(real)) ? new NotFoundFileInfo(file.Name) : file;
    }

    /// <inheritdoc/>
    public IDirectoryContents GetDirectoryContents(string subpath) => NotFoundDirectoryContents.Singleton;

    /// <inheritdoc/>
    public IChangeToken Watch(string filter) => NullChangeToken.Singleton;

    /// <inheritdoc/>
    public void Dispose() => _files.Dispose();

    /// <summary>Whether a path is below the root and no name in it begins with a dot; .. is such a name.</summary>
    private bool IsShown(string path) => Array.TrueForAll(
        Path.GetRelativePath(_root, path).Split(Path.DirectorySeparatorChar), name => name is [not '.', ..]);

    /// <summary>The path with every link in it followed; null when there are too many.</summary>
    private static string? Real(string path)
    {
        for (int links = 0; links < MaxLinks; links++)
        {
            string? next = FollowFirstLink(path);
            if (next is null)
            {
                return path;
            }

            path = next;
        }

        return null;
    }

    private static string? FollowFirstLink(string path)
    {
        string root = Path.GetPathRoot(path)!; // The path is a full one.
        string at = root;
        string[] names = path[root.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i < names.Length; i++)
        {
            at = Path.Combine(at, names[i]);
            if (new FileInfo(at).LinkTarget is { } target)
            {
                string folder = Path.GetDirectoryName(at)!; // It has at least one name.
                return Path.GetFullPath(Path.Combine([Path.GetFullPath(target, folder), .. names[(i + 1)..]]));
            }
        }

        return null;
    }
}
