using System;
using System.Threading.Tasks;
using Earshot.Core;

namespace Earshot.Sockets;

/// <summary>A function to be run once on the pump thread.</summary>
internal sealed class Invocation<T> : PumpWork
{
    internal const int StartSignal = 1;

    private readonly Func<NetworkStack, T> _function;
    private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Invocation(Func<NetworkStack, T> function) => _function = function;

    internal Task<T> Task => _completion.Task;

    internal override void Run(StackPump pump, int signals)
    {
        try
        {
            _completion.SetResult(_function(pump.Stack));
        }
        catch (Exception error)
        {
            _completion.SetException(error);
            if (error is InvariantException)
            {
                // The stack is broken, whoever called into it.
                throw;
            }
        }
    }

    internal override void Refuse(StackPump pump, int signals) => _completion.SetException(pump.ErrorOfLaterCalls());
}
