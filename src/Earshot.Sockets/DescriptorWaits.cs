using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core;

namespace Earshot.Sockets;

/// <summary>One who waits for a descriptor without an <see cref="EarshotSocket"/> around it.</summary>
internal sealed class DescriptorWait(int descriptor, long waiter)
    : TaskCompletionSource<PollMask>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    /// <summary>The descriptor.</summary>
    internal int Descriptor { get; } = descriptor;

    /// <summary>The token that its event carries.</summary>
    internal long Waiter { get; } = waiter;
}

/// <summary>All who wait for descriptors as such. Belongs to the pump thread.</summary>
internal sealed class DescriptorWaits
{
    private readonly Dictionary<long, DescriptorWait> _waits = [];

    /// <summary>Starts a wait; a descriptor that is ready already has its event at once.</summary>
    internal DescriptorWait Begin(NetworkStack stack, int descriptor, PollMask interest, long waiter)
    {
        var wait = new DescriptorWait(descriptor, waiter);
        SocketErrors.Check(stack.Calls.Wait(descriptor, interest, waiter));
        _waits.Add(waiter, wait);
        return wait;
    }

    /// <summary>Ends a wait whose event has not come.</summary>
    internal bool Cancel(NetworkStack stack, DescriptorWait wait, CancellationToken cancellation)
    {
        if (_waits.Remove(wait.Waiter))
        {
            stack.Calls.CancelWait(wait.Descriptor, wait.Waiter);
        }

        return wait.TrySetCanceled(cancellation);
    }

    /// <summary>Gives an event to whom it is for; false when it is for nobody here.</summary>
    internal bool TryTell(in StackEvent ready) =>
        _waits.Count != 0 && _waits.Remove(ready.Waiter, out DescriptorWait? wait) && wait.TrySetResult(ready.Mask);

    /// <summary>Ends every wait with an error.</summary>
    internal void EndAll(Exception error)
    {
        foreach (DescriptorWait wait in _waits.Values)
        {
            wait.TrySetException(error);
        }

        _waits.Clear();
    }
}
