using System.Runtime.CompilerServices;

namespace Earshot.Core.Tcp;

/// <summary>What a handle names.</summary>
internal enum HandleKind
{
    /// <summary>A connection request in its slab.</summary>
    Request,

    /// <summary>A connection in the list of connections.</summary>
    Connection,

    /// <summary>A TIME_WAIT entry in its slab.</summary>
    TimeWait,

    /// <summary>A timer node in its slab (of timers only).</summary>
    TimerNode,
}

/// <summary>A number that names an entry: two bits of kind, 28 bits of place.</summary>
internal static class Handle
{
    internal const int PlaceBits = 28;
    internal const int MaximumPlaces = 1 << PlaceBits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Of(HandleKind kind, int place) => ((int)kind << PlaceBits) | place;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static HandleKind Kind(int handle) => (HandleKind)(handle >> PlaceBits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Place(int handle) => handle & (MaximumPlaces - 1);
}
