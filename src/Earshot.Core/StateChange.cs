using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core;

/// <summary>A socket, request or TIME_WAIT entry went from one state to another.</summary>
/// <param name="Time">The moment.</param>
/// <param name="Local">The local end.</param>
/// <param name="Remote">The remote end; of a listener 0.0.0.0:0.</param>
/// <param name="Old">The state before; <see cref="TcpState.None"/> of a request that was not there.</param>
/// <param name="New">The state from now on; <see cref="TcpState.Close"/> when it is gone.</param>
/// <param name="Listener">The id of its listener in the ledger; 0 when it has none.</param>
/// <param name="Rule">The rule whose verdict led to it; <see cref="RuleId.None"/> when a call or a timer of the
/// connection did.</param>
public readonly record struct StateChange(
    Instant Time, InetEndpoint Local, InetEndpoint Remote, TcpState Old, TcpState New, ushort Listener, RuleId Rule);

/// <summary>Is told each change of state. Linux: inet_sock_set_state, a tracepoint.</summary>
/// <param name="change">The change; the call must not come back into the stack.</param>
public delegate void StateObserver(in StateChange change);
