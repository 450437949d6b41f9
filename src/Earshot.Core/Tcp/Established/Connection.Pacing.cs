using System;
using Earshot.Core.Congestion;

namespace Earshot.Core.Tcp.Established;

/// <content>The pace at which packets leave. Linux: tcp_update_pacing_rate, tcp_pacing_check.</content>
internal sealed partial class Connection
{
    /// <summary>Whether the pace keeps the next packet back.</summary>
    private bool IsPaceClosed() => false;

    /// <summary>Data has left: when the next may. Linux: tcp_update_skb_after_send.</summary>
    private void AdvancePace(int length)
    {
        _ = length;
        _sender.PaceNanoseconds = Math.Max(_sender.PaceNanoseconds, _context.Now.Nanoseconds);
    }

    /// <summary>The pace follows the window: so many times a window in a round trip. Linux:
    /// tcp_update_pacing_rate.</summary>
    private void UpdatePacing()
    {
        int percent = _congestion.Window < _congestion.Threshold / 2
            ? _context.Sysctls.TcpPacingSsRatio : _context.Sysctls.TcpPacingCaRatio;
        ulong rate = (ulong)_mss * 80_000 * (ulong)percent * (ulong)Math.Max(_congestion.Window, _packetsOut);
        long rtt = ((ISender)this).SmoothedRtt8;
        rate = rtt > 0 ? rate / (ulong)rtt : rate;
        _congestion.PacingRate = (long)Math.Min(rate, (ulong)((ISender)this).MaximumPacingRate);
    }
}
