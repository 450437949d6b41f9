using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using Earshot.Core.Time;
using Earshot.Lab.Native;

namespace Earshot.Lab.Targets;

/// <summary>Threads inside a namespace that make the calls which may block.</summary>
/// <param name="calls">The calls.</param>
/// <param name="zero">The zero of the target's clock, in nanoseconds since 1970.</param>
/// <remarks>A worker that has come back from its call takes the next one; only calls that block at the same time need
/// more than one.</remarks>
internal sealed class HostWorkers(HostSocketCalls calls, long zero) : IDisposable
{
    private static readonly TimeSpan LongestEntering = TimeSpan.FromSeconds(1);

    private readonly List<Worker> _workers = [];

    /// <summary>Begins a call; comes back when it has returned or sleeps in the kernel.</summary>
    public IPendingCall Begin(int descriptor, Func<ISocketCalls, long> call)
    {
        Worker? free = _workers.Find(static w => w.IsFree);
        if (free is null)
        {
            free = new Worker(calls, zero);
            _workers.Add(free);
        }

        return free.Begin(descriptor, call);
    }

    /// <summary>Whether every call has returned.</summary>
    public bool AllFree => _workers.TrueForAll(static w => w.IsFree);

    /// <summary>Interrupts what still blocks and ends the threads.</summary>
    public void Dispose()
    {
        calls.Stopping = true;
        foreach (Worker worker in _workers)
        {
            worker.Dispose();
        }
    }

    internal sealed class Call(int descriptor, Func<ISocketCalls, long> work) : IPendingCall
    {
        private volatile bool _done;

        public int Descriptor => descriptor;

        public bool IsDone => _done;

        public long Result { get; private set; }

        public Instant Returned { get; private set; }

        public volatile bool Entered;

        public void Run(ISocketCalls on, long zero)
        {
            Entered = true;
            Result = work(on);
            Returned = new Instant(HostSocket.Now() - zero);
            _done = true;
        }
    }

    private sealed class Worker : IDisposable
    {
        private readonly HostSocketCalls _calls;
        private readonly long _zero;
        private readonly Thread _thread;
        private readonly SemaphoreSlim _posted = new(0);
        private volatile Call? _call;
        private volatile int _threadId;
        private volatile bool _ending;

        public Worker(HostSocketCalls calls, long zero)
        {
            _calls = calls;
            _zero = zero;
            _thread = new Thread(Main) { IsBackground = true, Name = "lab call" };
            _thread.Start();
        }

        public bool IsFree => _call is null or { IsDone: true };

        public Call Begin(int descriptor, Func<ISocketCalls, long> work)
        {
            var call = new Call(descriptor, work);
            _call = call;
            _posted.Release();
            long start = Environment.TickCount64;
            while (!call.IsDone && Environment.TickCount64 - start < LongestEntering.TotalMilliseconds)
            {
                if (call.Entered && Sleeps())
                {
                    break;
                }

                HostSocket.Pause();
            }

            return call;
        }

        // A thread may be just before its call when it is interrupted, so once is not always enough.
        public void Dispose()
        {
            _ending = true;
            _posted.Release();
            do
            {
                if (_call is { IsDone: false } call)
                {
                    HostSocket.Interrupt(call.Descriptor);
                }
            }
            while (!_thread.Join(TimeSpan.FromMilliseconds(5)));
            _posted.Dispose();
        }

        private bool Sleeps()
        {
            try
            {
                string stat = File.ReadAllText($"/proc/self/task/{_threadId}/stat");
                return stat[stat.LastIndexOf(')') + 2] == 'S';
            }
            catch (IOException)
            {
                return true;
            }
        }

        private void Main()
        {
            _threadId = Libc.ThreadId();
            _ = Libc.SetNamespace(_calls.Space.Descriptor, Libc.CloneNewnet);
            while (true)
            {
                _posted.Wait();
                if (_call is { IsDone: false } call)
                {
                    call.Run(_calls, _zero);
                }

                if (_ending)
                {
                    return;
                }
            }
        }
    }
}
