using System;
using System.Buffers.Text;

namespace Earshot.Monitor.Reading;

/// <summary>How many TCP sockets a namespace has, from /proc/net/sockstat and sockstat6. What the kernel does not tell
/// is null.</summary>
/// <param name="V4">In use over IPv4, listeners too.</param>
/// <param name="V6">In use over IPv6; null on a kernel without it.</param>
/// <param name="TimeWait">In TIME_WAIT.</param>
internal readonly record struct SocketCount(long? V4, long? V6, long? TimeWait)
{
    /// <summary>In use over both; null when the kernel does not tell.</summary>
    public long? InUse => V4 + (V6 ?? 0);
}

/// <summary>Reads the number of sockets again and again; the files were opened inside the namespace. For one thread at
/// a time.</summary>
internal sealed class SocketCountReader : IDisposable
{
    private readonly NamespaceFile _v4 = new("/proc/thread-self/net/sockstat");
    private readonly NamespaceFile _v6 = new("/proc/thread-self/net/sockstat6");

    public SocketCount Read()
    {
        ReadOnlySpan<byte> v4 = _v4.Read();
        return new SocketCount(
            Number(v4, "TCP: inuse "u8), Number(_v6.Read(), "TCP6: inuse "u8), Number(v4, " tw "u8));
    }

    public void Dispose()
    {
        _v4.Dispose();
        _v6.Dispose();
    }

    private static long? Number(ReadOnlySpan<byte> text, ReadOnlySpan<byte> before)
    {
        int at = text.IndexOf(before);
        return at >= 0 && Utf8Parser.TryParse(text[(at + before.Length)..], out long value, out _) ? value : null;
    }
}
