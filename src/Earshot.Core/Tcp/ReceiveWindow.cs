using System;
using System.Numerics;

namespace Earshot.Core.Tcp;

/// <summary>A window to be announced, and its scale.</summary>
/// <param name="Bytes">Bytes of the window.</param>
/// <param name="Scale">The shift of the window field, 0 to 14.</param>
/// <param name="Limit">The most that the window may ever be.</param>
internal readonly record struct ReceiveWindow(int Bytes, int Scale, int Limit)
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
        int clamp = Clamp(options, full);
        int space = Math.Min(clamp, full);
        if (space > mss)
        {
            space = space / mss * mss;
        }

        int window = Math.Min(space, context.Profile.InitialWindowBytesLimit);
        if (context.Sysctls.TcpWorkaroundSignedWindows != 0)
        {
            window = Math.Min(window, short.MaxValue);
        }

        if (context.Profile.InitialReceiveSegments > 0)
        {
            window = Math.Min(window, context.Profile.InitialReceiveSegments * mss);
        }

        int largest = context.Profile.ScalesForLargestBuffer
            ? Math.Max(space, Math.Max(context.Sysctls.TcpRmem[2], context.Sysctls.RmemMax)) : space;
        int scale = BitOperations.Log2((uint)Math.Max(1, Math.Min(clamp, largest))) - 15;
        scale = Math.Clamp(scale, 0, MaximumScale);
        return new ReceiveWindow(window, scale, Math.Min(ushort.MaxValue << scale, clamp));
    }

    /// <summary>What bounds the windows of a socket, whatever their scale.</summary>
    internal static int ClampOf(StackContext context, in SocketOptions options) =>
        Clamp(options, options.ReceiveBufferLocked ? FromSpace(context, options.ReceiveBuffer) : 0);

    // TCP_WINDOW_CLAMP, or the whole of a buffer whose size the program chose, or all that can be told.
    private static int Clamp(in SocketOptions options, int full)
    {
        int clamp = options.WindowClamp;
        if (options.ReceiveBufferLocked && (clamp == 0 || clamp > full))
        {
            clamp = full;
        }

        return clamp == 0 ? ushort.MaxValue << MaximumScale : clamp;
    }
}

/// <summary>The last first window: SYNs of a burst are answered with the same one, and it takes divisions.</summary>
internal struct FirstWindow
{
    private ReceiveWindow _window;
    private int _version;
    private int _mss;
    private int _buffer;
    private int _clamp;
    private bool _locked;

    /// <summary>As <see cref="ReceiveWindow.Initial"/>, from memory when nothing has changed.</summary>
    internal ReceiveWindow Of(StackContext context, in SocketOptions options, int mss)
    {
        if (mss != _mss || options.ReceiveBuffer != _buffer || options.WindowClamp != _clamp
            || options.ReceiveBufferLocked != _locked || context.Sysctls.Version != _version)
        {
            _window = ReceiveWindow.Initial(context, options, mss);
            _version = context.Sysctls.Version;
            _mss = mss;
            _buffer = options.ReceiveBuffer;
            _clamp = options.WindowClamp;
            _locked = options.ReceiveBufferLocked;
        }

        return _window;
    }
}
