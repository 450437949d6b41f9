using System;
using System.Diagnostics;
using System.Threading;

using Earshot.Links.Native;

namespace Earshot.Links;

/// <summary>
/// Puts one pump thread to sleep and wakes it; a signal costs a system call only while the thread sleeps.
/// </summary>
/// <remarks>
/// The sleeper announces itself (<see cref="TryBegin"/>), looks once more for work, and only then parks; whoever brings
/// work first publishes it and then looks for a sleeper. Both steps are full fences, so no wake-up is lost.
/// </remarks>
internal sealed class Sleeper : IDisposable
{
    private const int Awake = 0;
    private const int Sleeping = 1;
    private const int Signalled = 2;

    private readonly WakeEvent? _event;
    private readonly SemaphoreSlim? _semaphore;
    private int _state;

    internal Sleeper()
    {
        if (OperatingSystem.IsLinux())
        {
            _event = new WakeEvent();
        }
        else
        {
            _semaphore = new SemaphoreSlim(0);
        }
    }

    /// <summary>Ends the sleep, or the next one; any thread.</summary>
    internal void Signal()
    {
        if (Interlocked.Exchange(ref _state, Signalled) == Sleeping)
        {
            Unpark();
        }
    }

    /// <summary>Ends the sleep if there is one; the caller has passed a full fence after publishing its work.</summary>
    internal void SignalIfSleeping()
    {
        if (Volatile.Read(ref _state) == Sleeping
            && Interlocked.CompareExchange(ref _state, Signalled, Sleeping) == Sleeping)
        {
            Unpark();
        }
    }

    /// <summary>Uses up a signal; false when there was none.</summary>
    internal bool TryConsume() =>
        Volatile.Read(ref _state) == Signalled && Interlocked.Exchange(ref _state, Awake) == Signalled;

    /// <summary>Announces the sleep; false, with the signal used up, when there was a signal.</summary>
    internal bool TryBegin()
    {
        if (Interlocked.CompareExchange(ref _state, Sleeping, Awake) == Awake)
        {
            return true;
        }

        // A full fence: what a signal announced is looked for only after the signal is used up.
        Interlocked.Exchange(ref _state, Awake);
        return false;
    }

    /// <summary>Ends an announced sleep; true, with the signal used up, when a signal came meanwhile.</summary>
    internal bool End() => Interlocked.Exchange(ref _state, Awake) == Signalled;

    /// <summary>Sleeps until a signal, until the device is ready (Linux), or until the time is over.</summary>
    /// <returns>True when the device became ready; a signal is seen by <see cref="End"/>.</returns>
    internal bool Park(TimeSpan timeout, ref DeviceInterest device)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan remaining = timeout;
        while (Volatile.Read(ref _state) == Sleeping)
        {
            // A signal's write may land after its sleep has ended for another reason; it then ends this loop's turn
            // with the state still Sleeping, and the rest of the time is slept.
            bool ready = _event is not null && _event.Wait(remaining, ref device);
            if (_event is null)
            {
                _semaphore!.Wait(RoundedUp(remaining));
            }

            if (ready)
            {
                return true;
            }

            if (timeout != Timeout.InfiniteTimeSpan)
            {
                remaining = timeout - Stopwatch.GetElapsedTime(start);
                if (remaining <= TimeSpan.Zero)
                {
                    return false;
                }
            }
        }

        return false;
    }

    public void Dispose()
    {
        Signal();
        _event?.Dispose();
    }

    private static int RoundedUp(TimeSpan time) => time == Timeout.InfiniteTimeSpan
        ? Timeout.Infinite
        : (int)Math.Min(Math.Ceiling(time.TotalMilliseconds), int.MaxValue);

    private void Unpark()
    {
        _event?.Set();
        _semaphore?.Release();
    }
}
