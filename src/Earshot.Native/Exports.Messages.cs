using System;
using System.Runtime.InteropServices;

namespace Earshot.Native;

/// <content>Sending and receiving.</content>
internal static unsafe partial class Exports
{
    [UnmanagedCallersOnly(EntryPoint = "es_read")]
    private static int Read(nint stack, int fd, byte* buffer, nuint length)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Read(fd, buffer, length);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_write")]
    private static int Write(nint stack, int fd, byte* buffer, nuint length)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.Write(fd, buffer, length);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_readv")]
    private static int ReadVector(nint stack, int fd, IoVector* vectors, int count)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.ReadVector(fd, vectors, count);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_writev")]
    private static int WriteVector(nint stack, int fd, IoVector* vectors, int count)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.WriteVector(fd, vectors, count);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_recv")]
    private static int Recv(nint stack, int fd, byte* buffer, nuint length, int flags)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.ReceiveFrom(fd, buffer, length, flags, null, null);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_send")]
    private static int Send(nint stack, int fd, byte* buffer, nuint length, int flags)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.SendTo(fd, buffer, length, flags, null, 0);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_recvfrom")]
    private static int ReceiveFrom(
        nint stack, int fd, byte* buffer, nuint length, int flags, byte* name, uint* nameLength)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.ReceiveFrom(fd, buffer, length, flags, name, nameLength);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_sendto")]
    private static int SendTo(nint stack, int fd, byte* buffer, nuint length, int flags, byte* name, uint nameLength)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.SendTo(fd, buffer, length, flags, name, nameLength);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_recvmsg")]
    private static int ReceiveMessage(nint stack, int fd, MessageHeader* header, int flags)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.ReceiveMessage(fd, header, flags);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "es_sendmsg")]
    private static int SendMessage(nint stack, int fd, MessageHeader* header, int flags)
    {
        if (!TryEnter(stack, out Engine engine))
        {
            return Engine.Broken;
        }

        try
        {
            return engine.SendMessage(fd, header, flags);
        }
        catch (Exception e)
        {
            return engine.Break(e);
        }
    }
}
