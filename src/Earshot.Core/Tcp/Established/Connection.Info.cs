using System;
using System.Buffers.Binary;

namespace Earshot.Core.Tcp.Established;

/// <summary>What TCP_INFO tells of a connection. Linux: tcp_get_info.</summary>
internal sealed partial class Connection
{
    /// <summary>Fills struct tcp_info; what is not known stays as it is.</summary>
    /// <param name="info">The 280 bytes of 6.18.</param>
    internal void FillInfo(Span<byte> info)
    {
        const byte OptionTimestamps = 1;
        const byte OptionScaling = 4;
        bool scales = _sendScale != 0 || _receiveScale != 0;
        info[0] = (byte)State;
        info[1] = (byte)_recovery;
        info[2] = (byte)Math.Min(_timeouts, byte.MaxValue);
        info[3] = (byte)Math.Min(_probes, byte.MaxValue);
        info[4] = (byte)Math.Min(_backoff, byte.MaxValue);
        info[5] = (byte)((_hasTimestamps ? OptionTimestamps : 0) | (scales ? OptionScaling : 0));
        info[6] = (byte)(_sendScale | (_receiveScale << 4));
        Put(info, 8, (uint)_rtt.Rto);
        Put(info, 16, (uint)_mss);
        Put(info, 24, (uint)_packetsOut);
        Put(info, 28, (uint)_sacked);
        Put(info, 32, (uint)_lost);
        Put(info, 36, (uint)_retransmitted);
        Put(info, 44, Age(_lastSent));
        Put(info, 52, Age(_lastDataReceived));
        Put(info, 56, Age(_lastReceived));
        Put(info, 60, (uint)_route.Mtu);
        Put(info, 64, (uint)_receiveLimit);
        Put(info, 76, (uint)Math.Min(_congestion.Threshold, int.MaxValue));
        Put(info, 80, (uint)_congestion.Window);
        Put(info, 84, (uint)_advertisedMss);
        Put(info, 100, (uint)_totalRetransmissions);
        BinaryPrimitives.WriteUInt64LittleEndian(info[120..], _bytesAcked);
        Put(info, 228, _sendWindow);
        Put(info, 232, _receiveWindow);
    }

    private uint Age(long since) => since == 0 ? 0 : (uint)((_context.Now.Nanoseconds - since) / 1_000_000);

    private static void Put(Span<byte> info, int offset, uint value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(info[offset..], value);
}
