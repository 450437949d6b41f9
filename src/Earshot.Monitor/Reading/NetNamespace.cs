using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using Earshot.Monitor.Native;
using Earshot.Monitor.Text;

namespace Earshot.Monitor.Reading;

/// <summary>A network namespace that was found.</summary>
/// <param name="Inode">Its number, as in <c>net:[4026531840]</c>; the kernel uses it again after its end.</param>
/// <param name="Path">The file with which it is entered; null for the one this process is in.</param>
/// <param name="Name">What to call it: <c>host</c>, <c>own</c>, a name of <c>ip netns</c>, or the number.</param>
/// <param name="Pid">A process in it; null when only a mount holds it.</param>
internal sealed record NetNamespace(ulong Inode, string? Path, string Name, int? Pid)
{
    public const string HostName = "host";

    /// <summary>What the own namespace is called where nobody tells whether it is the host's.</summary>
    public const string OwnName = "own";

    /// <summary>The one the calling thread is in.</summary>
    public static NetNamespace Own()
    {
        // Of the calling thread: the process's may be another.
        ulong inode = InodeOf("/proc/thread-self/ns/net") ?? 0;
        ulong? first = InodeOf("/proc/1/ns/net");
        string name = first == inode ? HostName
            : Mounted().TryGetValue(inode, out var mounted) ? mounted.Name
            : first is null ? OwnName : NameOf(inode);
        return new NetNamespace(inode, null, name, null);
    }

    /// <summary>All that a process or a mount of the usual places shows; those held by nothing but a descriptor are not
    /// found.</summary>
    /// <param name="unreadable">How many processes did not show theirs, for want of rights.</param>
    public static IReadOnlyList<NetNamespace> Discover(out int unreadable)
    {
        NetNamespace own = Own();
        var found = new Dictionary<ulong, NetNamespace> { [own.Inode] = own };
        var names = Mounted();
        unreadable = 0;
        foreach (int pid in Pids())
        {
            string path = $"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/ns/net";
            ulong? inode = InodeOf(path, out bool denied);
            unreadable += denied ? 1 : 0;
            if (inode is { } known && !found.ContainsKey(known))
            {
                found[known] = new NetNamespace(
                    known, path, names.TryGetValue(known, out var mounted) ? mounted.Name : NameOf(known), pid);
            }
        }

        foreach ((ulong inode, (string name, string path)) in names)
        {
            found.TryAdd(inode, new NetNamespace(inode, path, name, null));
        }

        return [.. found.Values.OrderBy(one => one.Path is not null).ThenBy(one => one.Name, StringComparer.Ordinal)];
    }

    /// <summary>The processes there are.</summary>
    public static IEnumerable<int> Pids()
    {
        foreach (string folder in TextFile.TryList("/proc", out _))
        {
            if (int.TryParse(
                folder.AsSpan("/proc/".Length), NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
            {
                yield return pid;
            }
        }
    }

    private static Dictionary<ulong, (string Name, string Path)> Mounted()
    {
        var names = new Dictionary<ulong, (string, string)>();
        foreach (string folder in (string[])["/run/netns", "/run/docker/netns"])
        {
            foreach (string path in TextFile.TryList(folder, out _))
            {
                if (InodeOfMount(path) is { } inode)
                {
                    names.TryAdd(inode, (SafeText.Clean(System.IO.Path.GetFileName(path)), path));
                }
            }
        }

        return names;
    }

    private static string NameOf(ulong inode) => $"net:[{inode.ToString(CultureInfo.InvariantCulture)}]";

    private static ulong? InodeOf(string link) => InodeOf(link, out _);

    private static ulong? InodeOf(string link, out bool denied) => Number(FileFacts.ReadLink(link, out denied));

    // A bind mount of nsfs is told from an empty file by what its descriptor is called.
    private static ulong? InodeOfMount(string path)
    {
        int descriptor = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenCloexec);
        if (descriptor < 0)
        {
            return null;
        }

        string? target = FileFacts.ReadLink(
            $"/proc/self/fd/{descriptor.ToString(CultureInfo.InvariantCulture)}", out _);
        _ = Libc.Close(descriptor);
        ulong? inode = Number(target);
        return inode
            ?? (target == path && FileFacts.Stat(path) is { } stat && IsNamespaceFile(path) ? stat.Inode : null);
    }

    private static bool IsNamespaceFile(string path)
    {
        try
        {
            return File.ReadLines("/proc/self/mountinfo").Any(line =>
                line.Contains($" {path} ", StringComparison.Ordinal)
                && line.Contains(" - nsfs ", StringComparison.Ordinal));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static ulong? Number(string? link)
    {
        const string prefix = "net:[";
        return link is not null && link.StartsWith(prefix, StringComparison.Ordinal)
            && ulong.TryParse(link.AsSpan(prefix.Length).TrimEnd(']'), CultureInfo.InvariantCulture, out ulong inode)
            ? inode
            : null;
    }
}
