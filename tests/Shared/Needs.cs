using System;
using System.IO;
using System.Linq;

namespace Earshot.Tests;

/// <summary>What a test asks of the machine it runs on.</summary>
[Flags]
internal enum Needs
{
    /// <summary>Nothing: it runs anywhere.</summary>
    Nothing = 0,

    /// <summary>Linux.</summary>
    Linux = 1,

    /// <summary>Linux and the rights of root, as for a network namespace.</summary>
    Root = 2 | Linux,

    /// <summary>Root, a TUN device that opens and the <c>ip</c> command.</summary>
    Tun = 4 | Root,
}

/// <summary>Says what of a test's needs is missing here.</summary>
internal static class Host
{
    private const string TunDevice = "/dev/net/tun";

    /// <summary>The reason why a test with these needs cannot run here; null when it can.</summary>
    /// <param name="needs">What it asks of the machine.</param>
    /// <param name="tools">The programs it calls, separated by blanks.</param>
    public static string? Missing(Needs needs, string? tools)
    {
        if (needs.HasFlag(Needs.Linux) && !OperatingSystem.IsLinux())
        {
            return "needs Linux";
        }

        if (needs.HasFlag(Needs.Root) && !Environment.IsPrivilegedProcess)
        {
            return "needs root (it makes network namespaces or devices)";
        }

        string? missing = needs.HasFlag(Needs.Tun) ? TunMissing() : null;
        return missing ?? ToolMissing(needs.HasFlag(Needs.Tun) ? $"ip {tools}" : tools);
    }

    private static string? TunMissing()
    {
        try
        {
            using var device = File.OpenHandle(TunDevice, FileMode.Open, FileAccess.ReadWrite);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"needs a TUN device, and {TunDevice} does not open: {e.Message}";
        }
    }

    private static string? ToolMissing(string? tools)
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        string? tool = (tools ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .FirstOrDefault(tool => !folders.Any(folder => File.Exists(Path.Combine(folder, tool))));
        return tool == null ? null : $"needs the program '{tool}'";
    }
}
