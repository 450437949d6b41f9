using System;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using System.Threading.Tasks.Sources;
using Earshot.Core;
using Earshot.Core.Sockets;

namespace Earshot.Sockets;

/// <summary>A call on a socket that may have to wait: started and awaited anywhere, made on the pump thread.</summary>
/// <remarks>Its memory is used only between start and end, on the pump thread; after a cancellation no more.</remarks>
internal abstract class SocketOperation : PumpWork
{
    /// <summary>What <see cref="Attempt"/> answers when the call has to be made again later.</summary>
    internal const int Again = int.MinValue;

    protected const int StartSignal = 1;
    private const int CancelSignal = 2;

    private CancellationTokenRegistration _registration;

    protected SocketOperation(PumpSocket socket) => Socket = socket;

    /// <summary>The operation behind this one on the same socket; belongs to <see cref="OperationQueue"/>.</summary>
    internal SocketOperation? NextInLine { get; set; }

    /// <summary>The operation that ended after this one in this turn; belongs to the pump.</summary>
    internal SocketOperation? NextEnded { get; set; }

    /// <summary>Whether it was started and has not ended; only the pump thread looks.</summary>
    internal bool IsPending { get; set; }

    /// <summary>Whether it waits to write (or to be connected) rather than to read (or accept).</summary>
    internal abstract bool IsWrite { get; }

    /// <summary>Whether a wake-up is for one such waiter only, as accept() waits.</summary>
    internal virtual bool IsExclusive => false;

    /// <summary>What it waits for.</summary>
    internal PollMask Interest => IsWrite ? PollMask.Out : PollMask.In;

    protected PumpSocket Socket { get; }

    protected CancellationToken Cancellation { get; private set; }

    /// <summary>How it ended: 0 or more, or a negated errno; with <see cref="Error"/> set it does not matter.</summary>
    protected int Result { get; private set; }

    protected Exception? Error { get; private set; }

    /// <summary>Makes the call once: its result, a negated errno, or <see cref="Again"/>.</summary>
    internal abstract int Attempt(SocketCalls calls);

    /// <summary>Takes back what the call began; it was cancelled while it waited.</summary>
    internal virtual void Abandon(SocketCalls calls)
    {
    }

    /// <summary>Tells who awaits it how it ended. After this the operation may be in use again.</summary>
    internal abstract void Publish();

    /// <summary>Notes how it ended.</summary>
    internal void End(int result, Exception? error = null)
    {
        IsPending = false;
        Result = result;
        Error = error;
    }

    internal override void Run(StackPump pump, int signals)
    {
        if ((signals & StartSignal) != 0)
        {
            IsPending = true;
            Socket.Submit(this);
        }

        if ((signals & CancelSignal) != 0 && IsPending)
        {
            Socket.Cancel(this, new OperationCanceledException(Cancellation));
        }
    }

    internal override void Refuse(StackPump pump, int signals)
    {
        // Without a start it is a cancellation that came late: ending the pump has ended the operation.
        if ((signals & StartSignal) != 0)
        {
            End(0, pump.ErrorOfLaterCalls());
            Publish();
        }
    }

    protected void Start(CancellationToken cancellation)
    {
        Cancellation = cancellation;
        Signal(Socket.Pump, StartSignal);

        // After the start, so that a cancellation never comes before it.
        if (cancellation.CanBeCanceled)
        {
            _registration = cancellation.UnsafeRegister(
                static state =>
                {
                    var operation = (SocketOperation)state!; // What is registered: this.
                    operation.Signal(operation.Socket.Pump, CancelSignal);
                },
                this);
        }
    }

    /// <summary>Forgets the cancellation; when this returns, no signal comes any more.</summary>
    protected void Unregister()
    {
        _registration.Dispose();
        _registration = default;
        Cancellation = default;
        Error = null;
    }
}

/// <summary>An operation that can be awaited, once per use, without allocating.</summary>
/// <typeparam name="T">What awaiting it gives.</typeparam>
internal abstract class SocketOperation<T> : SocketOperation, IValueTaskSource<T>, IValueTaskSource
{
    [ThreadStatic]
    private static ManualResetEventSlim? _blocker;

    private ManualResetValueTaskSourceCore<T> _core;

    protected SocketOperation(PumpSocket socket)
        : base(socket)
    {
    }

    /// <summary>What awaiting gives when the call ended well.</summary>
    protected abstract T Value { get; }

    /// <summary>Starts it and gives what to await.</summary>
    internal ValueTask<T> StartAsync(bool inline, CancellationToken cancellation) =>
        new(this, Start(inline, cancellation));

    /// <summary>Starts it and gives what to await when the value does not matter.</summary>
    internal ValueTask StartWithoutValueAsync(bool inline, CancellationToken cancellation) =>
        new(this, Start(inline, cancellation));

    /// <summary>Starts it and blocks the calling thread until it has ended; needs no thread of the pool.</summary>
    internal T StartAndWait()
    {
        Socket.Pump.ThrowIfOnPumpThread();
        ManualResetEventSlim blocker = _blocker ??= new ManualResetEventSlim(false, spinCount: 0);
        blocker.Reset();
        short version = Start(inline: true, default);
        _core.OnCompleted(
            static state => ((ManualResetEventSlim)state!).Set(),
            blocker,
            version,
            ValueTaskSourceOnCompletedFlags.None);
        blocker.Wait();
        return GetResult(version);
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    public T GetResult(short token)
    {
        // Throws for whoever awaits twice, before anything of the present use is touched.
        if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending)
        {
            throw new InvalidOperationException("The operation has not ended: await it.");
        }

        Unregister();
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            Forget();
            Release(isReusable: !IsSignalled);
        }
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    internal override void Publish()
    {
        Exception? error = Error ?? (Result < 0 ? SocketErrors.Exception(Result) : null);
        if (error is null)
        {
            _core.SetResult(Value);
        }
        else
        {
            _core.SetException(error is SocketException socketError ? ToException(socketError) : error);
        }
    }

    /// <summary>The form in which the caller expects a socket's error.</summary>
    protected virtual Exception ToException(SocketException error) => error;

    private short Start(bool inline, CancellationToken cancellation)
    {
        _core.RunContinuationsAsynchronously = !inline;
        short version = _core.Version;
        Start(cancellation);
        return version;
    }

    /// <summary>Lets go of the caller's memory and the like.</summary>
    protected abstract void Forget();

    /// <summary>Gives the operation back to its socket.</summary>
    /// <param name="isReusable">False when the pump's queue still holds it for a cancellation that came late.</param>
    protected abstract void Release(bool isReusable);
}
