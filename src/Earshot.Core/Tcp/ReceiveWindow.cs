using System;
using System.Numerics;

namespace Earshot.Core.Tcp;

/// <summary>A window to be announced, and its scale.</summary>
/// <param name="Bytes">Bytes of the window.</param>
/// <param name="Scale">The shift of the window field, 0 to 14.</param>
internal readonly record struct ReceiveWindow(int Bytes, int Scale)
{
    private const int MaximumScale = 14;

    /// <summary>How much of a receive buffer counts as window. Linux: tcp_win_from_space.</summary>
    internal static int FromSpace(StackContext context, int space) =>
        space - (space >> context.Profile.WindowShareShift);

    /// <summary>The window and scale of a SYN or SYN-ACK. Linux: tcp_select_initial_window.</summary>
    /// <param name="context">The stack.</param>
    /// <param name="options">The socket's options.</param>
    /// <param name="mss">The MSS to be announced, less the timestamps if they are certain.</param>
    internal static ReceiveWindow Initial(StackContext context, in SocketOptions options, int mss)
    {
        int full = FromSpace(context, options.ReceiveBuffer);
        int clamp = options.ReceiveBufferLocked ? full : ushort.MaxValue << MaximumScale;
        int space = Math.Min(clamp, full);
        if (space > mss)
        {
            space = space / mss * mss;
        }

        int window = Math.Min(space, context.Profile.InitialWindowBytesLimit);
        if (context.Profile.InitialReceiveSegments > 0)
        {
            window = Math.Min(window, context.Profile.InitialReceiveSegments * mss);
        }

        int largest = Math.Max(space, Math.Max(context.Sysctls.TcpRmem[2], context.Sysctls.RmemMax));
        int scale = BitOperations.Log2((uint)Math.Max(1, Math.Min(clamp, largest))) - 15;
        return new ReceiveWindow(window, Math.Clamp(scale, 0, MaximumScale));
    }
}
