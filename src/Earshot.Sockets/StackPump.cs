using System;
using System.Diagnostics;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Links;

namespace Earshot.Sockets;

/// <summary>The only loop: the one place where a link, a clock and the core meet, on a thread of its own.</summary>
/// <remarks>
/// A turn looks at timers, takes at most <see cref="BatchLimit"/> packets in, does what other threads asked for, and
/// tells at most <see cref="EventLimit"/> sockets that they are ready; so a flood of one kind starves no other.
/// What leaves the stack goes to the link at once, and stays in the stack's own queue, bounded by
/// <see cref="StackOptions.TransmitQueueLimit"/>, while the link is full; only the packet that the link refused is kept
/// here (see <see cref="Outbox"/>). When a turn leaves nothing to do the thread sleeps; it never spins.
/// </remarks>
internal sealed class StackPump
{
    /// <summary>The most packets that are taken in per turn.</summary>
    internal const int BatchLimit = 64;

    /// <summary>The most events that are worked off per turn.</summary>
    internal const int EventLimit = 256;

    /// <summary>How long ending the pump may take before the one who asked for it goes on without.</summary>
    internal static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(1);

    private const int BatchBytes = 8 * (PacketBatch.MaximumPacketLength + 1);
    private const int LinkInterface = 2;
    private static readonly TimeSpan LongestSleep = TimeSpan.FromHours(1);

    private readonly ILink _link;
    private readonly Thread _thread;
    private readonly long _clockZero = Stopwatch.GetTimestamp();
    private readonly PacketBatch _batch = new(BatchLimit, BatchBytes);
    private readonly PumpWorkQueue _work = new();
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Outbox _outbox;
    private readonly DescriptorWaits _waits = new();

    private PumpSocket?[] _sockets = new PumpSocket?[64];
    private PumpWork? _taken;
    private EndedOperations _endedOperations;
    private long _lastWaiter;
    private long _completed;
    private int _sleeping;
    private volatile bool _stopping;
    private volatile bool _ended;
    private volatile Exception? _failure;

    internal StackPump(StackOptions options, ILink link)
    {
        _link = link;
        _outbox = new Outbox(link);
        Stack = new NetworkStack(options, Now());
        _thread = new Thread(Run) { IsBackground = true, Name = "earshot pump" };
    }

    /// <summary>The stack; only for the pump thread.</summary>
    internal NetworkStack Stack { get; }

    /// <summary>What broke the stack, if anything did.</summary>
    internal Exception? Failure => _failure;

    /// <summary>Ends well when the pump has ended, for whatever reason.</summary>
    internal Task Completion => _completion.Task;

    /// <summary>How often the loop went round.</summary>
    internal long Turns { get; private set; }

    internal bool IsOnPumpThread => Thread.CurrentThread == _thread;

    internal void Start() => _thread.UnsafeStart();

    /// <summary>Asks the pump to end, and returns at once.</summary>
    internal void Stop()
    {
        _stopping = true;
        Interlocked.MemoryBarrier();
        WakeIfSleeping();
    }

    /// <summary>Asks for work to be done; any thread.</summary>
    internal void Post(PumpWork work)
    {
        _work.Push(work);
        if (_ended)
        {
            RefuseWork();
        }
        else
        {
            WakeIfSleeping();
        }
    }

    /// <summary>Runs a function on the pump thread; what it throws comes back with the task.</summary>
    internal Task<T> InvokeAsync<T>(Func<NetworkStack, T> function)
    {
        var invocation = new Invocation<T>(function);
        invocation.Signal(this, Invocation<T>.StartSignal);
        return invocation.Task;
    }

    /// <summary>Runs a function on the pump thread and waits for it.</summary>
    internal T Invoke<T>(Func<NetworkStack, T> function)
    {
        if (IsOnPumpThread)
        {
            return _ended ? throw ErrorOfLaterCalls() : function(Stack);
        }

        return InvokeAsync(function).GetAwaiter().GetResult();
    }

    /// <summary>What a call gets that comes after the end.</summary>
    internal Exception ErrorOfLaterCalls() => _failure is null
        ? new ObjectDisposedException(nameof(EarshotStack))
        : SocketErrors.Exception(SocketError.ConnectionAborted);

    internal void ThrowIfOnPumpThread()
    {
        if (IsOnPumpThread)
        {
            throw new InvalidOperationException("The pump's thread must not wait for itself: use the async call.");
        }
    }

    /// <summary>Blocks until the pump has ended, but not longer than <see cref="StopLimit"/>.</summary>
    internal void Join()
    {
        if (!IsOnPumpThread)
        {
            _thread.Join(StopLimit);
        }
    }

    internal long NextWaiter() => ++_lastWaiter;

    internal void Add(PumpSocket socket)
    {
        int descriptor = socket.Descriptor;
        if (descriptor >= _sockets.Length)
        {
            Array.Resize(ref _sockets, Math.Max(descriptor + 1, _sockets.Length * 2));
        }

        Invariant.Check(_sockets[descriptor] is null, "a new descriptor belongs to no other socket");
        _sockets[descriptor] = socket;
    }

    internal void Remove(int descriptor) => _sockets[descriptor] = null;

    /// <summary>Waits for a descriptor that belongs to no <see cref="PumpSocket"/>; any thread.</summary>
    internal async Task<PollMask> WaitAsync(int descriptor, PollMask interest, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        DescriptorWait wait = await InvokeAsync(stack => _waits.Begin(stack, descriptor, interest, NextWaiter()))
            .ConfigureAwait(false);
        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(
            _ => InvokeAsync(stack => _waits.Cancel(stack, wait, cancellation)), null);
        return await wait.Task.ConfigureAwait(false);
    }

    /// <summary>Notes an operation that has ended; whoever awaits it is told at the end of the turn.</summary>
    internal void AddEnded(SocketOperation operation) => _endedOperations.Add(operation);

    private void Run()
    {
        Exception? failure = null;
        try
        {
            while (!_stopping)
            {
                Turn();
            }

            AbortSockets();
        }
        catch (Exception error)
        {
            failure = error;
        }

        End(failure);
    }

    private void Turn()
    {
        Turns++;
        _outbox.TryAgain();
        Instant now = Now();
        Stack.OnTimer(now);
        NoteCompleted(now);
        _outbox.Send(Stack);
        bool isMore = TakePackets(now);
        DoWork();
        isMore |= TellSockets();
        _endedOperations.Publish();
        if (!isMore)
        {
            Sleep();
        }
    }

    /// <summary>Tells the stack what a link that counts it is done with.</summary>
    private void NoteCompleted(Instant now)
    {
        if ((_link.Offload & LinkOffload.Completion) != 0 && _link.SendCompleted - _completed is > 0 and long more)
        {
            _completed += more;
            Stack.CompleteTransmissions(LinkInterface, (int)more, now);
        }
    }

    /// <summary>Takes packets from the link to the stack; true when there may be more.</summary>
    private bool TakePackets(Instant now)
    {
        _batch.Clear();
        while (_batch.HasRoom)
        {
            int length = _link.Receive(_batch.Reserve(), out LinkPacketInfo info);
            if (length == 0)
            {
                break;
            }

            _batch.Commit(length, LinkInterface, Outbox.ToPacketInfo(info));
        }

        if (_batch.Count == 0)
        {
            return false;
        }

        Stack.OnPackets(_batch, now);
        _outbox.Send(Stack);
        return !_batch.HasRoom;
    }

    /// <summary>Does all that was asked for until now.</summary>
    private void DoWork()
    {
        _taken = _work.TakeAll();
        while (_taken is { } work)
        {
            // Once its signals are taken, the entry may be in the queue again.
            _taken = work.NextWork;
            work.NextWork = null;
            work.Run(this, work.TakeSignals());
            _outbox.Send(Stack);
        }
    }

    /// <summary>Lets the sockets that became ready go on; true when there may be more of them.</summary>
    private bool TellSockets()
    {
        for (int i = 0; i < EventLimit; i++)
        {
            if (!Stack.TryTakeEvent(out StackEvent ready))
            {
                return false;
            }

            // An event of a waiter that was cancelled or closed meanwhile finds another token, or nobody.
            if (_waits.TryTell(ready))
            {
                continue;
            }

            if ((uint)ready.Descriptor < (uint)_sockets.Length && _sockets[ready.Descriptor] is { } socket)
            {
                socket.OnReady(ready.Waiter);
                _outbox.Send(Stack);
            }
        }

        return true;
    }

    private void Sleep()
    {
        TimeSpan timeout = LongestSleep;
        if (Stack.NextTimer is { } next)
        {
            Instant now = Now();
            if (next <= now)
            {
                return;
            }

            // Spans count 100 ns: rounded up, so that the timer is due when the sleep is over.
            TimeSpan span = (next - now) + TimeSpan.FromTicks(1);
            timeout = span < timeout ? span : timeout;
        }

        // The fence orders the announcement before the last look; who brings work pushes it and then looks for this.
        Interlocked.Exchange(ref _sleeping, 1);
        if (_work.IsEmpty && !_stopping)
        {
            _link.Wait(timeout);
        }

        Volatile.Write(ref _sleeping, 0);
    }

    private void WakeIfSleeping()
    {
        if (Volatile.Read(ref _sleeping) == 1 && Interlocked.Exchange(ref _sleeping, 0) == 1)
        {
            _link.Wake();
        }
    }

    /// <summary>Ends every operation, then resets every connection: their peers are not left to guess.</summary>
    private void AbortSockets()
    {
        // In this order, so that those who wait are told soon even when there are very many sockets.
        EndOperations(SocketError.OperationAborted);
        foreach (PumpSocket? socket in _sockets)
        {
            socket?.Close(abort: true);
            _outbox.Send(Stack);
        }
    }

    private void EndOperations(SocketError error)
    {
        foreach (PumpSocket? socket in _sockets)
        {
            socket?.EndAll(error);
        }

        _waits.EndAll(SocketErrors.Exception(error));
        _endedOperations.Publish();
    }

    private void End(Exception? failure)
    {
        _failure = failure;

        // First the flag, then the queue: what is pushed later sees the flag and is refused by who pushed it.
        _ended = true;
        Interlocked.MemoryBarrier();
        EndOperations(SocketError.ConnectionAborted);
        Refuse(_taken);
        RefuseWork();
        try
        {
            Stack.Dispose();
            _link.Dispose();
        }
        catch (Exception error)
        {
            _failure ??= error;
        }

        _completion.SetResult();
    }

    private void RefuseWork() => Refuse(_work.TakeAll());

    private void Refuse(PumpWork? work)
    {
        while (work is not null)
        {
            PumpWork? next = work.NextWork;
            work.NextWork = null;
            work.Refuse(this, work.TakeSignals());
            work = next;
        }
    }

    /// <summary>Nanoseconds since the pump was made.</summary>
    private Instant Now()
    {
        long ticks = Stopwatch.GetTimestamp() - _clockZero;
        return new Instant(Stopwatch.Frequency == Instant.NanosecondsPerSecond
            ? ticks
            : (long)((Int128)ticks * Instant.NanosecondsPerSecond / Stopwatch.Frequency));
    }
}
