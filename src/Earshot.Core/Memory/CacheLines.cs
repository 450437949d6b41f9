using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Earshot.Core.Memory;

/// <summary>Starts to fetch managed memory that will be needed soon.</summary>
/// <remarks>A hint and no more: when the collector moves the object meanwhile, the wrong lines are fetched.</remarks>
internal static unsafe class CacheLines
{
    private const int Line = 64;

    /// <summary>Fetches an element of an array.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Prefetch<T>(T[] array, int index)
    {
        if (Sse.IsSupported)
        {
            ref T element = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(array), index);
            Sse.Prefetch0(Unsafe.AsPointer(ref element));
        }
    }

    /// <summary>Fetches an object, so many lines of it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Prefetch(object target, int lines)
    {
        if (Sse.IsSupported)
        {
            byte* start = (byte*)Unsafe.AsPointer(ref Unsafe.As<Header>(target).First());
            for (int i = 0; i < lines; i++)
            {
                Sse.Prefetch0(start + (i * Line));
            }
        }
    }

    private sealed class Header
    {
        private byte _first = 1;

        internal ref byte First() => ref _first;
    }
}
