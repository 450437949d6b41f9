using System;
using System.Runtime.InteropServices;

namespace Earshot.Native;

/// <content>Readiness, sysctls, counters and logs.</content>
internal static unsafe partial class Exports
{
    [UnmanagedCallersOnly(EntryPoint = "es_poll")]
    private static int Poll(nint stack, PollEntry* entries, uint count)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Poll(entries, count);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_epoll_create1")]
    private static int EpollCreate(nint stack, int flags)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.EpollCreate(flags);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_epoll_ctl")]
    private static int EpollControl(nint stack, int epoll, int operation, int fd, byte* wanted)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.EpollControl(epoll, operation, fd, wanted);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_epoll_wait")]
    private static int EpollWait(nint stack, int epoll, byte* events, int most)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.EpollWait(epoll, events, most);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_sysctl_get")]
    private static int GetSysctl(nint stack, byte* name, byte* buffer, nuint capacity)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.GetSysctl(name, buffer, capacity);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_sysctl_set")]
    private static int SetSysctl(nint stack, byte* name, byte* value)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.SetSysctl(name, value);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_sysctl_name")]
    private static byte* SysctlName(nint stack, int index)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return null;
        }

        try
        {
            return engine.SysctlName(index);
        }
        catch (Exception e)
        {
            return Nothing(engine, e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_counter")]
    private static int GetCounter(nint stack, byte* name, long* value)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.GetCounter(name, value);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_counter_name")]
    private static byte* CounterName(nint stack, int index)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return null;
        }

        try
        {
            return engine.CounterName(index);
        }
        catch (Exception e)
        {
            return Nothing(engine, e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_why")]
    private static int Why(nint stack, ulong* cursor, byte* buffer, nuint capacity)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Why(cursor, buffer, capacity);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_klog")]
    private static int KernelLog(nint stack, ulong* cursor, byte* buffer, nuint capacity)
    {
        if (!TryFind(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.KernelLog(cursor, buffer, capacity);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }
}
