using System;
using System.Runtime.InteropServices;

namespace Earshot.Native;

/// <content>The calls that make, name and ask sockets.</content>
internal static unsafe partial class Exports
{
    [UnmanagedCallersOnly(EntryPoint = "es_socket")]
    private static int Socket(nint stack, int domain, int type, int protocol)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Socket(domain, type, protocol);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_bind")]
    private static int Bind(nint stack, int fd, byte* name, uint length)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Bind(fd, name, length);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_listen")]
    private static int Listen(nint stack, int fd, int backlog)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Listen(fd, backlog);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_accept4")]
    private static int Accept(nint stack, int fd, byte* name, uint* length, int flags)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Accept(fd, name, length, flags);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_connect")]
    private static int Connect(nint stack, int fd, byte* name, uint length)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Connect(fd, name, length);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_shutdown")]
    private static int Shutdown(nint stack, int fd, int how)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Shutdown(fd, how);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_close")]
    private static int Close(nint stack, int fd)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Close(fd);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_getsockname")]
    private static int GetSocketName(nint stack, int fd, byte* name, uint* length)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.GetSocketName(fd, name, length);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_getpeername")]
    private static int GetPeerName(nint stack, int fd, byte* name, uint* length)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.GetPeerName(fd, name, length);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_getsockopt")]
    private static int GetOption(nint stack, int fd, int level, int name, byte* value, uint* length)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.GetOption(fd, level, name, value, length);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_setsockopt")]
    private static int SetOption(nint stack, int fd, int level, int name, byte* value, uint length)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.SetOption(fd, level, name, value, length);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_fcntl")]
    private static int FileControl(nint stack, int fd, int command, nint argument)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.FileControl(fd, command, argument);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_ioctl")]
    private static int IoControl(nint stack, int fd, nuint request, int* argument)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.IoControl(fd, request, argument);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }
}
