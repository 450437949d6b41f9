using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Sockets;

namespace Earshot.Cli.Control;

/// <summary>Where the control sockets of this user's stacks lie: <c>NAME.sock</c> in a folder that only the user may
/// enter.</summary>
/// <remarks>
/// The folder is <c>$XDG_RUNTIME_DIR/earshot</c>; without that variable <c>/run/earshot</c> for root and
/// <c>/tmp/earshot-UID</c> for others. Root does not use <c>/tmp</c>, because root could not tell its own folder there
/// from one that somebody else made before.
/// </remarks>
internal static class ControlFolder
{
    /// <summary>The name of a stack that was given none.</summary>
    internal const string DefaultName = "default";

    private const string SocketSuffix = ".sock";
    private const int MaxNameLength = 32;

    // struct sockaddr_un holds 108 bytes with the closing zero.
    private const int MaxPathLength = 107;

    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The folder's path, whether it exists or not.</summary>
    internal static string Path { get; } = FindPath();

    /// <summary>Whether a stack can have this name: letters, digits, dot, dash and underscore, not a dot
    /// first.</summary>
    internal static bool IsName(string name) =>
        name.Length is > 0 and <= MaxNameLength && name[0] != '.'
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');

    /// <summary>The path of a stack's control socket.</summary>
    /// <exception cref="CommandException">The path is longer than a socket's may be.</exception>
    internal static string SocketPath(string name)
    {
        string path = System.IO.Path.Combine(Path, name + SocketSuffix);
        return System.Text.Encoding.UTF8.GetByteCount(path) <= MaxPathLength ? path : throw new CommandException(
            ExitCode.CannotRunHere,
            $"the path {path} is too long for a socket ({MaxPathLength} bytes): set XDG_RUNTIME_DIR to a "
            + "shorter folder");
    }

    /// <summary>Makes the folder, or checks that the one that is there is the user's own.</summary>
    /// <exception cref="CommandException">It cannot be made, or is not the user's own.</exception>
    internal static void Make()
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(Path);
                return;
            }

            DirectoryInfo folder = Directory.CreateDirectory(Path, OnlyOwner);

            // Only the owner may set the mode: with somebody else's folder this fails. A link could lead anywhere.
            if (folder.LinkTarget is not null)
            {
                throw new CommandException(
                    ExitCode.CannotRunHere, $"{Path} is a link; control sockets need a folder of your own: remove it");
            }

            File.SetUnixFileMode(Path, OnlyOwner);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCode.CannotRunHere,
                $"no folder for the control socket: {e.Message} (set XDG_RUNTIME_DIR to a folder of your own)");
        }
    }

    /// <summary>The names of the stacks that answer now.</summary>
    internal static IReadOnlyList<string> StacksUp()
    {
        if (!Directory.Exists(Path))
        {
            return [];
        }

        try
        {
            return [.. Directory.EnumerateFiles(Path, "*" + SocketSuffix)
                .Select(file => System.IO.Path.GetFileNameWithoutExtension(file)!)
                .Where(name => IsName(name) && Answers(name))
                .Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static bool Answers(string name)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(SocketPath(name)));
            return true;
        }
        catch (Exception e) when (e is SocketException or CommandException)
        {
            return false;
        }
    }

    private static string FindPath()
    {
        const string rootsRuntime = "/run";
        string? runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        if (string.IsNullOrEmpty(runtime) || !System.IO.Path.IsPathRooted(runtime))
        {
            runtime = Environment.IsPrivilegedProcess && Directory.Exists(rootsRuntime) ? rootsRuntime : null;
        }

        return runtime is null
            ? System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"earshot-{UserId()}")
            : System.IO.Path.Combine(runtime, "earshot");
    }

    // .NET has no getuid(); the kernel tells it in a file, and where it does not the user's name is as good.
    private static string UserId()
    {
        const string status = "/proc/self/status", field = "Uid:";
        string? line = File.Exists(status)
            ? File.ReadLines(status).FirstOrDefault(l => l.StartsWith(field, StringComparison.Ordinal)) : null;
        return line?[field.Length..].Split('\t', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault()
            ?? Environment.UserName;
    }
}
