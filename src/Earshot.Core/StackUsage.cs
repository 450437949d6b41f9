namespace Earshot.Core;

/// <summary>Datagrams of which fragments are missing, as <c>/proc/net/sockstat</c> counts them.</summary>
/// <param name="Queues">Datagrams.</param>
/// <param name="Bytes">What their fragments cost, in bytes.</param>
public readonly record struct FragmentUsage(int Queues, long Bytes);

/// <summary>What a stack holds at a moment: after everything was closed and its timers ran out, all of it is
/// 0.</summary>
/// <param name="Connections">Connections that are not over.</param>
/// <param name="Requests">Connection requests.</param>
/// <param name="TimeWaits">TIME_WAIT entries.</param>
/// <param name="Timers">Timers that are armed, neighbours' included.</param>
/// <param name="BufferBytes">Bytes of buffers that are rented.</param>
/// <param name="FragmentBytes">What fragments cost that wait for others, in bytes.</param>
public readonly record struct StackUsage(
    int Connections, int Requests, int TimeWaits, int Timers, long BufferBytes, long FragmentBytes);
