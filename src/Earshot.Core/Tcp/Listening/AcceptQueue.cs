using System.Collections.Generic;
using Earshot.Core.Tcp.Established;

namespace Earshot.Core.Tcp.Listening;

/// <summary>Connections that finished their handshake and wait for accept(), and their limit.</summary>
/// <remarks>Linux: rskq_accept_head, sk_ack_backlog, sk_max_ack_backlog.</remarks>
internal sealed class AcceptQueue
{
    private readonly Queue<Connection> _queue = new();

    /// <summary>Connections that wait.</summary>
    internal int Count => _queue.Count;

    /// <summary>The limit: the backlog after somaxconn. One more than this fits.</summary>
    internal uint Limit { get; set; }

    /// <summary>The comparison, which lives here and nowhere else.</summary>
    /// <remarks>
    /// It is &gt; where everyone expects &gt;=: a backlog of 0 admits one connection. Whoever knows better should first
    /// try
    /// it on a kernel. Linux: sk_acceptq_is_full.
    /// </remarks>
    internal static bool Overflows(int count, uint limit) => (uint)count > limit;

    internal void Add(Connection connection) => _queue.Enqueue(connection);

    internal bool TryTake(out Connection connection) => _queue.TryDequeue(out connection!);
}
