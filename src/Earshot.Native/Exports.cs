using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Earshot.Core;
using Earshot.Core.Profiles;

// A border that lets exceptions through would end the caller: whatever is thrown below breaks its stack only.
#pragma warning disable CA1031

namespace Earshot.Native;

/// <summary>The functions of earshot.h.</summary>
/// <remarks>
/// Each finds its engine, calls the method of its name and lets no exception through. An es_stack is the number of a
/// handle that keeps its engine alive.
/// </remarks>
internal static unsafe partial class Exports
{
    private const int Abi = 1;

    private static readonly string VersionText =
        $"{typeof(Engine).Assembly.GetName().Version?.ToString(3)} ({KernelProfile.Linux618.Name})";

    [UnmanagedCallersOnly(EntryPoint = "es_abi")]
    private static int GetAbi() => Abi;

    [UnmanagedCallersOnly(EntryPoint = "es_version")]
    private static byte* Version()
    {
        return Engine.StaticText(VersionText);
    }

    [UnmanagedCallersOnly(EntryPoint = "es_create")]
    private static int Create(byte* config, long now, nint* stack, byte* error, nuint errorCapacity)
    {
        if (stack == null || config == null)
        {
            return -Errno.EFAULT;
        }

        *stack = 0;
        try
        {
            *stack = GCHandle.ToIntPtr(GCHandle.Alloc(Engine.Create(Marshal.PtrToStringUTF8((nint)config)!, now)));
            return 0;
        }
        catch (ConfigException e)
        {
            return Tell(e.Message, error, errorCapacity, -Errno.EINVAL);
        }
        catch (OutOfMemoryException)
        {
            return Tell("out of memory", error, errorCapacity, -Errno.ENOMEM);
        }
        catch (Exception e)
        {
            return Tell($"{e.GetType().Name}: {e.Message}", error, errorCapacity, Engine.Broken);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_destroy")]
    private static void Destroy(nint stack)
    {
        if (stack == 0)
        {
            return;
        }

        try
        {
            GCHandle handle = GCHandle.FromIntPtr(stack);
            var engine = (Engine)handle.Target!;
            handle.Free();
            engine.Dispose();
        }
        catch (Exception)
        {
            // There is nobody left to tell.
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_advance")]
    private static int Advance(nint stack, long now)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Advance(now);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_next_timer")]
    private static long NextTimer(nint stack)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.NextTimer();
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_receive")]
    private static int Receive(nint stack, byte* packet, nuint length, PacketMeta* meta)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Receive(packet, length, meta);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_transmit")]
    private static int Transmit(nint stack, byte* buffer, nuint capacity, PacketMeta* meta)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Transmit(buffer, capacity, meta);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    // A handle that was not made here crashes the caller, as the header says.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryEnter(nint stack, out Engine engine) => TryFind(stack, out engine) && !engine.IsBroken;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryFind(nint stack, out Engine engine)
    {
        engine = stack == 0 ? null! : Unsafe.As<Engine>(GCHandle.FromIntPtr(stack).Target)!;
        return engine is not null;
    }

    private static byte* Nothing(Engine engine, Exception e)
    {
        engine.Break(e);
        return null;
    }

    private static int Tell(string message, byte* error, nuint capacity, int result)
    {
        if (error != null && capacity > 0)
        {
            var room = new Span<byte>(error, (int)Math.Min(capacity, int.MaxValue));
            byte[] text = Encoding.UTF8.GetBytes(message);
            int length = Math.Min(text.Length, room.Length - 1);
            text.AsSpan(0, length).CopyTo(room);
            room[length] = 0;
        }

        return result;
    }
}
