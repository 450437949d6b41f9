using System;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace Earshot.Cli;

/// <summary>The user's wish that a command that stays should end: Ctrl-C, SIGTERM, a closed terminal.</summary>
internal sealed class EndSignal : IDisposable
{
    private readonly CancellationTokenSource _end;
    private readonly PosixSignalRegistration[] _registrations;

    /// <summary>Listens for the wish from now on.</summary>
    /// <param name="cancellation">Another way to say it.</param>
    internal EndSignal(CancellationToken cancellation)
    {
        _end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnSignal),
        ];
    }

    /// <summary>Cancelled when the command should end.</summary>
    internal CancellationToken Token => _end.Token;

    /// <summary>Waits for the wish.</summary>
    internal async Task WaitAsync() =>
        await Task.Delay(Timeout.Infinite, Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _end.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        // The process ends by itself once everything is closed.
        context.Cancel = true;
        _end.Cancel();
    }
}
