using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using Earshot.Core;
using Earshot.Lab.Experiments;
using Earshot.Lab.Native;

namespace Earshot.Lab.Targets;

/// <summary>A network namespace of the lab's own, entered by one thread that lives as long as it.</summary>
/// <remarks>It has no name and no mount: with the thread, its descriptors and its sockets gone, the kernel removes it,
/// however the program ends. So any number can run side by side and none is left behind.</remarks>
internal sealed class HostNamespace : IDisposable
{
    private static readonly Lazy<int> Nursery = new(MakeNursery);

    private HostNamespace(int descriptor, List<string> notes) => (Descriptor, Notes) = (descriptor, notes);

    /// <summary>The descriptor with which another thread enters the namespace.</summary>
    public int Descriptor { get; }

    /// <summary>The sysctls of the written list that this kernel does not let a namespace set.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Runs work on a new thread inside a new namespace and waits for its end.</summary>
    /// <param name="sysctls">The plan's own sysctls, set after the written list.</param>
    /// <param name="work">What to do there.</param>
    /// <typeparam name="T">What it gives back.</typeparam>
    /// <returns>What <paramref name="work"/> gave back.</returns>
    /// <exception cref="CannotRunHereException">Not Linux, not root, or a kernel without network
    /// namespaces.</exception>
    public static T Run<T>(IReadOnlyList<SysctlSetting> sysctls, Func<HostNamespace, T> work)
    {
        RequireHost();
        T? result = default;
        System.Runtime.ExceptionServices.ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                using HostNamespace space = Enter(sysctls);
                result = work(space);
            }
            catch (Exception e)
            {
                failure = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(e);
            }
        })
        { IsBackground = true, Name = "lab namespace" };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result!; // Set by work, or the failure was thrown above.
    }

    /// <summary>Throws unless this machine and user can make a network namespace.</summary>
    /// <exception cref="CannotRunHereException">It cannot; the message says why.</exception>
    public static void RequireHost()
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new CannotRunHereException("the target 'host' needs a Linux kernel; this is another system");
        }

        if (Libc.EffectiveUser() != 0)
        {
            throw new CannotRunHereException(
                "the target 'host' makes a network namespace, which needs root; run the command again as root");
        }
    }

    public void Dispose() => _ = Libc.Close(Descriptor);

    private static HostNamespace Enter(IReadOnlyList<SysctlSetting> sysctls)
    {
        // Where the nursery cannot be had a namespace shares the machine's table of connections, and is as good.
        if (Nursery.Value >= 0)
        {
            _ = Libc.SetNamespace(Nursery.Value, Libc.CloneNewnet);
        }

        Unshare();

        int up = HostSocket.LoopbackUp();
        if (up < 0)
        {
            throw new CannotRunHereException($"the loopback device cannot be put up ({Errno.Name(-up)})");
        }

        List<string> notes = WriteSysctls(sysctls);
        int descriptor = Libc.Open("/proc/thread-self/ns/net", Libc.OpenReadOnly | Libc.OpenCloexec);
        return descriptor < 0
            ? throw new CannotRunHereException($"/proc/thread-self/ns/net cannot be opened ({LastError.Name})")
            : new HostNamespace(descriptor, notes);
    }

    private static void Unshare()
    {
        if (Libc.Unshare(Libc.CloneNewnet) < 0)
        {
            throw new CannotRunHereException(
                $"the kernel refuses a new network namespace (unshare: {LastError.Name}); "
                + "inside a container it needs the capability SYS_ADMIN");
        }
    }

    /// <summary>Makes the namespace whose children have small tables of connections of their own: to list the machine's
    /// table of 262 144 buckets takes 10 ms.</summary>
    /// <returns>Its descriptor, kept as long as the process; or -1.</returns>
    private static int MakeNursery()
    {
        int descriptor = -1;
        var thread = new Thread(() =>
        {
            if (Libc.Unshare(Libc.CloneNewnet) == 0
                && HostFiles.TrySet(new SysctlSetting("net.ipv4.tcp_child_ehash_entries", "1024")) is null)
            {
                descriptor = Libc.Open("/proc/thread-self/ns/net", Libc.OpenReadOnly | Libc.OpenCloexec);
            }
        })
        { IsBackground = true, Name = "lab nursery" };
        thread.Start();
        thread.Join();
        return descriptor;
    }

    private static List<string> WriteSysctls(IReadOnlyList<SysctlSetting> sysctls)
    {
        var notes = new List<string>();
        try
        {
            foreach (SysctlSetting setting in HostSysctls.Linux618)
            {
                if (HostFiles.TrySet(setting) is { } problem && !IsAlready(setting))
                {
                    notes.Add(problem);
                }
            }
        }
        catch (IOException e)
        {
            throw new CannotRunHereException($"the namespace's /proc/sys/net cannot be read: {e.Message}");
        }

        foreach (SysctlSetting setting in sysctls)
        {
            if (HostFiles.TrySet(setting) is { } problem)
            {
                throw new ExperimentFailedException($"the plan's sysctl: {problem}");
            }
        }

        return notes;
    }

    // A value that cannot be written and is right anyway is nothing to tell.
    private static bool IsAlready(SysctlSetting setting)
    {
        try
        {
            return HostFiles.Get(setting.Name) == setting.Value;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
