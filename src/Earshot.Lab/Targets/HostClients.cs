using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Earshot.Core;
using Earshot.Lab.Experiments;
using Earshot.Lab.Native;

namespace Earshot.Lab.Targets;

/// <summary>The article's program <c>connect</c> as a thread inside the namespace.</summary>
/// <remarks>One after another it calls connect() on blocking sockets, as the program does. All at once it starts them
/// on non-blocking sockets and then waits. What the kernel sends is the same either way.</remarks>
internal sealed class HostClients : IDisposable
{
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(20);

    private readonly ClientsPlan _plan;
    private readonly int _namespaceDescriptor;
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private readonly List<Call> _calls = [];
    private readonly ManualResetEventSlim _started = new();
    private string? _failure;
    private volatile bool _stopping;

    public HostClients(ClientsPlan plan, int namespaceDescriptor)
    {
        _plan = plan;
        _namespaceDescriptor = namespaceDescriptor;
        _thread = new Thread(Main) { IsBackground = true, Name = "lab clients" };
    }

    /// <summary>One connect().</summary>
    /// <param name="Descriptor">The socket.</param>
    /// <param name="Errno">The errno it returned, 0 when it worked; null while it waits.</param>
    /// <param name="Returned">When it returned, by the clock of the packets, in nanoseconds.</param>
    internal readonly record struct Call(int Descriptor, int? Errno, long Returned);

    /// <summary>What went wrong outside connect(), for example socket() without descriptors; null when
    /// nothing.</summary>
    public string? Failure => Volatile.Read(ref _failure);

    /// <summary>Starts the program and returns just before its first connect().</summary>
    public void Start()
    {
        _thread.Start();
        _started.Wait();
    }

    /// <summary>The calls so far, in order.</summary>
    public Call[] Calls()
    {
        lock (_lock)
        {
            return [.. _calls];
        }
    }

    /// <summary>Ends the program: a connect() that waits is interrupted, every socket closed.</summary>
    public void Dispose()
    {
        _stopping = true;
        if (_thread.IsAlive)
        {
            // The thread may be just before its connect() when it is interrupted, so once is not always enough.
            do
            {
                foreach (Call call in Calls().Where(c => c.Errno is null))
                {
                    HostSocket.Interrupt(call.Descriptor);
                }
            }
            while (!_thread.Join(Turn));
        }

        foreach (Call call in Calls())
        {
            HostSocket.Close(call.Descriptor);
        }

        _started.Dispose();
    }

    private void Main()
    {
        try
        {
            if (Libc.SetNamespace(_namespaceDescriptor, Libc.CloneNewnet) < 0)
            {
                Volatile.Write(ref _failure, $"setns: {LastError.Name}");
                return;
            }

            if (_plan.Mode == ClientMode.OneAfterAnother)
            {
                OneAfterAnother();
            }
            else
            {
                AtOnce();
            }
        }
        finally
        {
            _started.Set();
        }
    }

    private void OneAfterAnother()
    {
        for (int i = 0; i < _plan.Count && !_stopping; i++)
        {
            if (!TryOpen(blocking: true, out int descriptor))
            {
                return;
            }

            _started.Set();
            int result = HostSocket.Connect(descriptor, _plan.ConnectAddress, _plan.Port);
            Finish(i, -result);
        }
    }

    private void AtOnce()
    {
        var waiting = new int[_plan.Count];
        for (int i = 0; i < waiting.Length; i++)
        {
            if (!TryOpen(blocking: false, out waiting[i]))
            {
                return;
            }
        }

        _started.Set();
        for (int i = 0; i < waiting.Length; i++)
        {
            int result = HostSocket.Connect(waiting[i], _plan.ConnectAddress, _plan.Port);
            if (result != -Errno.EINPROGRESS)
            {
                Finish(i, -result);
                waiting[i] = -1;
            }
        }

        var ready = new bool[waiting.Length];
        while (!_stopping && Array.Exists(waiting, static d => d >= 0))
        {
            HostSocket.WaitWritable(waiting, ready, Turn);
            for (int i = 0; i < waiting.Length; i++)
            {
                if (ready[i])
                {
                    Finish(i, HostSocket.TakeError(waiting[i]));
                    waiting[i] = -1;
                }
            }
        }
    }

    private bool TryOpen(bool blocking, out int descriptor)
    {
        descriptor = HostSocket.Open(blocking);
        if (descriptor < 0)
        {
            Volatile.Write(ref _failure, $"socket(): {Errno.Name(-descriptor)}");
            return false;
        }

        lock (_lock)
        {
            _calls.Add(new Call(descriptor, null, 0));
        }

        return true;
    }

    private void Finish(int index, int errno)
    {
        long now = HostSocket.Now();
        lock (_lock)
        {
            _calls[index] = _calls[index] with { Errno = errno, Returned = now };
        }
    }
}
