using System;
using System.Runtime.InteropServices;
using Earshot.Core;
using Earshot.Core.Sockets;

namespace Earshot.Native;

/// <content>poll and epoll.</content>
internal sealed unsafe partial class Engine
{
    private const int ControlDelete = 2;

    private EpollEvent[] _events = new EpollEvent[16];

    // Packed on x86-64 only.
    private static int EventLength => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    private static int DataOffset => EventLength - sizeof(ulong);

    /// <summary>es_poll.</summary>
    internal int Poll(PollEntry* entries, uint count)
    {
        const short always = (short)(PollMask.Err | PollMask.Hup);
        const short invalid = 0x20;
        if (count > (uint)_stack.Options.DescriptorLimit)
        {
            return -Errno.EINVAL;
        }

        if (entries == null && count > 0)
        {
            return -Errno.EFAULT;
        }

        int found = 0;
        for (uint i = 0; i < count; i++)
        {
            ref PollEntry entry = ref entries[i];
            int mask = entry.Descriptor < 0 ? 0 : Calls.Poll(entry.Descriptor);
            entry.Returned = mask < 0 ? invalid : (short)(mask & ((ushort)entry.Events | always));
            found += entry.Returned != 0 ? 1 : 0;
        }

        return found;
    }

    /// <summary>es_epoll_create1.</summary>
    internal int EpollCreate(int flags) => Calls.EpollCreate(flags);

    /// <summary>es_epoll_ctl.</summary>
    internal int EpollControl(int epoll, int operation, int fd, byte* wanted)
    {
        if (wanted == null && operation != ControlDelete)
        {
            return -Errno.EFAULT;
        }

        EpollEvent value = wanted == null ? default
            : new EpollEvent(*(uint*)wanted, *(ulong*)(wanted + DataOffset));
        return Calls.EpollControl(epoll, operation, fd, value);
    }

    /// <summary>es_epoll_wait.</summary>
    internal int EpollWait(int epoll, byte* events, int most)
    {
        int room = Math.Clamp(most, 1, Math.Max(_stack.DescriptorCount, 1));
        if (room > _events.Length)
        {
            _events = new EpollEvent[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)room)];
        }

        if (events == null)
        {
            // Linux faults when it has something to tell.
            Span<EpollEvent> none = stackalloc EpollEvent[1];
            int ready = most <= 0 ? Calls.EpollWait(epoll, none, most) : Calls.Poll(epoll);
            return ready > 0 ? -Errno.EFAULT : ready;
        }

        int found = Calls.EpollWait(epoll, _events.AsSpan(0, room), most);
        for (int i = 0; i < found; i++)
        {
            byte* target = events + (i * EventLength);
            *(uint*)target = _events[i].Events;
            *(ulong*)(target + DataOffset) = _events[i].Data;
        }

        return found;
    }
}

/// <summary>struct pollfd.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollEntry
{
    internal int Descriptor;
    internal short Events;
    internal short Returned;
}
