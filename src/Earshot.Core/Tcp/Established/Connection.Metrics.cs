using System;
using Earshot.Core.Congestion;

namespace Earshot.Core.Tcp.Established;

/// <content>What earlier connections between the same hosts have left, and what this one leaves. Linux:
/// tcp_metrics.c.</content>
internal sealed partial class Connection
{
    private void StartRto()
    {
        long known = _tcp.Metrics.Of(_tuple.Local.Address, _tuple.Remote.Address).RttMicroseconds;
        if (known > Rtt.Smoothed)
        {
            // The handshake was faster than the way is known to be. Linux: tcp_init_metrics.
            Rtt.Rto = Math.Min(ToTicks(known + Math.Max(2 * known, MinimumVariation)), MaximumRto);
        }
        else if (!Rtt.HasSample)
        {
            Rtt.Rto = _context.Profile.FallbackRto.Ticks / TimeSpan.TicksPerMicrosecond;
        }
    }

    // Linux: tcp_init_metrics.
    private void StartFromKnown()
    {
        ref readonly TcpMetricsRow known = ref _tcp.Metrics.Of(_tuple.Local.Address, _tuple.Remote.Address);
        if (known.SlowStartThreshold != 0 && _context.Sysctls.TcpNoSsthreshMetricsSave == 0)
        {
            Control.Threshold = (int)known.SlowStartThreshold;
        }

        if (known.Reordering != 0 && known.Reordering != Reordering)
        {
            Loss.Reordering = (int)known.Reordering;
        }
    }

    private void LeaveMetrics() => _tcp.Metrics.Update(
        _tuple, Rtt,
        new LearnedOfWay(
            Control.Window, Control.Threshold, _recovery == RecoveryState.Open, Backoff > 0, Reordering));
}
