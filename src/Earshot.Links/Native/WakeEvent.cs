using System;
using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Threading;
using Microsoft.Win32.SafeHandles;

namespace Earshot.Links.Native;

/// <summary>A device to wait for beside the wake-up: which events, and which came.</summary>
internal struct DeviceInterest
{
    /// <summary>The device; null when only the wake-up is waited for.</summary>
    internal SafeFileHandle? Device;

    /// <summary>POLLIN, POLLOUT.</summary>
    internal short Events;

    /// <summary>What came, POLLERR and POLLHUP included.</summary>
    internal short Ready;
}

/// <summary>An eventfd one thread sleeps on, alone or beside a device.</summary>
internal sealed unsafe class WakeEvent : IDisposable
{
    private readonly SafeFileHandle _event;

    internal WakeEvent()
    {
        _event = LibC.Wrap(LibC.EventDescriptor(0, LibC.NonBlocking | LibC.CloseOnExec))
            ?? throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    /// <summary>Ends the sleep; harmless after disposal.</summary>
    internal void Set()
    {
        try
        {
            ulong one = 1;
            LibC.Write(_event, (byte*)&one, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // Nobody sleeps on a disposed event.
        }
    }

    /// <summary>Sleeps until <see cref="Set"/>, a device event, a system signal, or the time is over.</summary>
    /// <returns>True when a device event came.</returns>
    internal bool Wait(TimeSpan timeout, ref DeviceInterest interest)
    {
        // The references keep both descriptors from being closed, and their numbers from being reused, while they are
        // waited for: disposal by another thread wakes this one and the last reference closes.
        bool eventHeld = false, deviceHeld = false;
        try
        {
            _event.DangerousAddRef(ref eventHeld);
            interest.Device?.DangerousAddRef(ref deviceHeld);
            return Poll(timeout, ref interest);
        }
        finally
        {
            if (eventHeld)
            {
                _event.DangerousRelease();
            }

            if (deviceHeld)
            {
                interest.Device!.DangerousRelease();
            }
        }
    }

    public void Dispose() => _event.Dispose();

    private bool Poll(TimeSpan timeout, ref DeviceInterest interest)
    {
        LibC.PollDescriptor* descriptors = stackalloc LibC.PollDescriptor[2];
        descriptors[0] = new LibC.PollDescriptor
        {
            Descriptor = (int)_event.DangerousGetHandle(),
            Events = LibC.PollIn,
        };
        descriptors[1] = new LibC.PollDescriptor
        {
            // poll() ignores an entry with a negative descriptor.
            Descriptor = interest.Device is null ? -1 : (int)interest.Device.DangerousGetHandle(),
            Events = interest.Events,
        };
        LibC.TimeSpec time = new()
        {
            Seconds = timeout.Ticks / TimeSpan.TicksPerSecond,
            Nanoseconds = timeout.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick,
        };
        bool endless = timeout == Timeout.InfiniteTimeSpan;
        if (LibC.Poll(descriptors, 2, endless ? null : &time, null) <= 0)
        {
            return false;
        }

        if (descriptors[0].Ready != 0)
        {
            ulong count;
            LibC.Read(_event, (byte*)&count, sizeof(ulong));
        }

        interest.Ready = descriptors[1].Ready;
        return interest.Ready != 0;
    }
}
