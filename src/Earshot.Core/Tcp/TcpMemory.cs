using System.Collections.Generic;
using Earshot.Core.Tcp.Established;

namespace Earshot.Core.Tcp;

/// <summary>The memory that received packets of all connections take, and its limits. Linux: tcp_memory_allocated,
/// __sk_mem_raise_allocated.</summary>
internal sealed class TcpMemory
{
    /// <summary>Idle places for received data that are kept for the next connection that needs one.</summary>
    internal const int KeptBuffers = 1024;

    private const int PageShift = 12;
    private readonly StackContext _context;
    private readonly Stack<ReceiveBuffer> _idle = new();

    internal TcpMemory(StackContext context) => _context = context;

    /// <summary>Bytes that received packets take.</summary>
    internal long Received { get; set; }

    /// <summary>Places for received data that are rented.</summary>
    internal int Rented { get; private set; }

    /// <summary>Whether windows shall not grow: more than the middle number of tcp_mem was taken, and since then never
    /// less than the first.</summary>
    internal bool IsUnderPressure { get; private set; }

    /// <summary>Whether less than the first number of tcp_mem is taken.</summary>
    internal bool IsPlenty => Received >> PageShift < _context.Sysctls.TcpMem[0];

    /// <summary>Whether a connection may take more.</summary>
    /// <param name="taken">Bytes that it has taken.</param>
    /// <param name="more">Bytes that it asks for.</param>
    internal bool MayTake(long taken, long more)
    {
        long[] limits = _context.Sysctls.TcpMem;
        long pages = (Received + more) >> PageShift;
        if (pages <= limits[0])
        {
            IsUnderPressure = false;
            return true;
        }

        if (pages > limits[1] && !IsUnderPressure)
        {
            IsUnderPressure = true;
            _context.Mib.Count(Counter.TcpExtTCPMemoryPressures);
        }

        if (pages > limits[2])
        {
            return false;
        }

        // Everyone may have a little, and more as long as it would be enough for all.
        return taken < _context.Sysctls.TcpRmem[0] || !IsUnderPressure
            || limits[2] > Rented * ((taken + more) >> PageShift);
    }

    /// <summary>A place for received data.</summary>
    internal ReceiveBuffer Rent()
    {
        Rented++;
        return _idle.TryPop(out ReceiveBuffer? buffer) ? buffer : new ReceiveBuffer();
    }

    /// <summary>Takes one back.</summary>
    internal void Return(ReceiveBuffer buffer)
    {
        Rented--;
        Received -= buffer.Memory;
        buffer.Clear(_context.Buffers);
        if (_idle.Count < KeptBuffers)
        {
            _idle.Push(buffer);
        }
    }
}
