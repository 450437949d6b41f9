using System;
using System.IO;
using System.Linq;

using Earshot.Links.Tests.Native;

using Xunit;

namespace Earshot.Links.Tests;

/// <summary>A test that makes a namespace and a TUN device: root and a TUN driver are needed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TunFactAttribute : FactAttribute
{
    public TunFactAttribute()
    {
        if (!OperatingSystem.IsLinux())
        {
            Skip = "TUN devices are Linux's.";
        }
        else if (!NetworkNamespace.IsRoot)
        {
            Skip = "Needs root, to make a network namespace and a TUN device.";
        }
        else if (!File.Exists("/dev/net/tun"))
        {
            Skip = "There is no TUN driver here (/dev/net/tun).";
        }
        else if (!Programs.Has("ip"))
        {
            Skip = "Needs the program ip (package iproute2).";
        }
    }
}

/// <summary>A test that reads a capture with tshark.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TsharkFactAttribute : FactAttribute
{
    public TsharkFactAttribute()
    {
        if (!Programs.Has("tshark"))
        {
            Skip = "tshark is not installed.";
        }
    }
}

/// <summary>A test of what only Linux's waiting can do.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute()
    {
        if (!OperatingSystem.IsLinux())
        {
            Skip = "Needs Linux's ppoll.";
        }
    }
}

internal static class Programs
{
    /// <summary>Whether a program is on the path.</summary>
    internal static bool Has(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator)
            .Any(folder => File.Exists(Path.Combine(folder, name)));
}
