using System;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Earshot.Lab.Experiments;

namespace Earshot.Lab.Targets;

/// <summary>The article's program <c>connect</c> as a state machine on the embedded stack.</summary>
/// <remarks>A blocking connect() is: call, wait until the socket is writable or failed, call again for the result. The
/// waiter's token is the client's index.</remarks>
internal sealed class StackClients(ClientsPlan plan, NetworkStack stack, Instant zero)
{
    public const int AfInet = 2;
    public const int SockStream = 1;

    private readonly List<Call> _calls = [];

    /// <summary>One connect().</summary>
    /// <param name="Descriptor">The socket.</param>
    /// <param name="At">When it was called.</param>
    /// <param name="Errno">What it returned, 0 when it worked; null while it waits.</param>
    /// <param name="Returned">When it returned.</param>
    internal readonly record struct Call(int Descriptor, Instant At, int? Errno, Instant Returned);

    public IReadOnlyList<Call> Calls => _calls;

    /// <summary>Starts the program: the first client, or all of them.</summary>
    public void Start()
    {
        if (plan.Mode == ClientMode.OneAfterAnother)
        {
            Continue();
            return;
        }

        while (_calls.Count < plan.Count)
        {
            Connect();
        }
    }

    /// <summary>A client's socket has become ready.</summary>
    public void On(StackEvent happened)
    {
        int index = (int)happened.Waiter;
        if (_calls[index].Errno is not null)
        {
            return;
        }

        int result = stack.Calls.Connect(_calls[index].Descriptor, Remote);
        if (result is -Errno.EALREADY or -Errno.EINPROGRESS)
        {
            Wait(index);
            return;
        }

        // EISCONN: the result was taken by the call before, which cannot be here; it means connected all the same.
        Finish(index, result == -Errno.EISCONN ? 0 : -result);
        if (plan.Mode == ClientMode.OneAfterAnother)
        {
            Continue();
        }
    }

    /// <summary>What each call did, counted from the zero of the run.</summary>
    public IReadOnlyList<ConnectResult> Results()
    {
        var results = new List<ConnectResult>();
        for (int i = 0; i < _calls.Count; i++)
        {
            Call call = _calls[i];
            TimeSpan? returned = call.Errno is null ? null : call.Returned - zero;
            string? errno = call.Errno is null or 0 ? null : Errno.Name(call.Errno.Value);
            results.Add(new ConnectResult(i + 1, call.At - zero, returned, errno));
        }

        return results;
    }

    private InetEndpoint Remote => new(plan.ConnectAddress, (ushort)plan.Port);

    // One client after another until one has to wait.
    private void Continue()
    {
        while (_calls.Count < plan.Count && (_calls.Count == 0 || _calls[^1].Errno is not null))
        {
            Connect();
        }
    }

    private void Connect()
    {
        int index = _calls.Count;
        int descriptor = stack.Calls.Socket(AfInet, SockStream, 0);
        if (descriptor < 0)
        {
            throw new ExperimentFailedException($"the client program failed: socket(): {Errno.Name(descriptor)}");
        }

        _calls.Add(new Call(descriptor, stack.Now, null, default));
        int result = stack.Calls.Connect(descriptor, Remote);
        if (result == -Errno.EINPROGRESS)
        {
            Wait(index);
        }
        else
        {
            Finish(index, -result);
        }
    }

    private void Wait(int index) => stack.Calls.Wait(_calls[index].Descriptor, PollMask.Out, index);

    private void Finish(int index, int errno) =>
        _calls[index] = _calls[index] with { Errno = errno, Returned = stack.Now };
}
