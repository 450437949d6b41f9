using Earshot.Core.Wire;

namespace Earshot.Lab.Matrix;

/// <summary>A TCP segment that a stack sent, with what experiments look at.</summary>
/// <param name="Time">When it left, in seconds since the bench began.</param>
/// <param name="From">The stack's port.</param>
/// <param name="To">The peer's port.</param>
/// <param name="Flags">Its flags.</param>
/// <param name="Seq">Its sequence number.</param>
/// <param name="Ack">Its acknowledgement number.</param>
/// <param name="Window">Its window field.</param>
/// <param name="Options">Its options.</param>
/// <param name="Length">Bytes of data.</param>
/// <param name="Ttl">Its time to live.</param>
internal readonly record struct Seen(
    double Time,
    ushort From,
    ushort To,
    TcpFlags Flags,
    uint Seq,
    uint Ack,
    int Window,
    TcpOptions Options,
    int Length,
    byte Ttl)
{
    internal bool IsSynAck => Flags == (TcpFlags.Syn | TcpFlags.Ack);

    internal bool IsReset => (Flags & TcpFlags.Rst) != 0;
}
