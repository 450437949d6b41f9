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
        TcpInfo known = Info();
        info[0] = (byte)State;
        info[1] = (byte)known.RecoveryState;
        info[2] = (byte)Math.Min(known.Timeouts, byte.MaxValue);
        info[3] = (byte)Math.Min(known.Probes, byte.MaxValue);
        info[4] = (byte)Math.Min(known.Backoff, byte.MaxValue);
        info[5] = (byte)known.Options;
        info[6] = (byte)(known.SendScale | (known.ReceiveScale << 4));
        info[7] = known.IsAppLimited ? (byte)1 : (byte)0;
        Put(info, 8, ToMicroseconds(known.Rto));
        Put(info, 12, ToMicroseconds(known.Ato));
        Put(info, 16, known.SendMss);
        Put(info, 20, known.ReceiveMss);
        Put(info, 24, known.Unacknowledged);
        Put(info, 28, known.Sacked);
        Put(info, 32, known.Lost);
        Put(info, 36, known.Retransmitting);
        Put(info, 44, (long)known.SinceDataSent.TotalMilliseconds);
        Put(info, 52, (long)known.SinceDataReceived.TotalMilliseconds);
        Put(info, 56, (long)known.SinceAckReceived.TotalMilliseconds);
        Put(info, 60, known.PathMtu);
        Put(info, 64, known.ReceiveThreshold);
        Put(info, 68, ToMicroseconds(known.Rtt));
        Put(info, 72, ToMicroseconds(known.RttVariation));
        Put(info, 76, known.SlowStartThreshold);
        Put(info, 80, known.CongestionWindow);
        Put(info, 84, known.AdvertisedMss);
        Put(info, 88, known.Reordering);
        Put(info, 96, known.ReceiveSpace);
        Put(info, 100, known.TotalRetransmissions);
        FillTotals(info, known);
    }

    private void FillTotals(Span<byte> info, TcpInfo known)
    {
        BinaryPrimitives.WriteInt64LittleEndian(info[120..], known.BytesAcked);
        BinaryPrimitives.WriteInt64LittleEndian(info[128..], known.BytesReceived);
        Put(info, 136, known.SegmentsOut);
        Put(info, 140, known.SegmentsIn);
        Put(info, 144, known.NotSentBytes);
        Put(info, 148, known.MinimumRtt == TimeSpan.Zero ? uint.MaxValue : ToMicroseconds(known.MinimumRtt));
        Put(info, 152, known.DataSegmentsIn);
        Put(info, 156, known.DataSegmentsOut);
        Put(info, 192, known.Delivered);
        BinaryPrimitives.WriteInt64LittleEndian(info[200..], known.BytesSent);
        BinaryPrimitives.WriteInt64LittleEndian(info[208..], known.BytesRetransmitted);
        Put(info, 224, known.OutOfOrderPackets);
        Put(info, 228, known.SendWindow);
        Put(info, 232, _receiveWindow);
    }

    private static long ToMicroseconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;

    private static void Put(Span<byte> info, int offset, long value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(info[offset..], unchecked((uint)value));
}
