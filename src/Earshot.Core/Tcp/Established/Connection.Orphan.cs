using System;

namespace Earshot.Core.Tcp.Established;

/// <content>Connections that no program holds any more.</content>
internal sealed partial class Connection
{
    private bool _isOrphan;

    private void BecomeOrphan()
    {
        Owner = null;
        _isOrphan = true;
        _tcp.OrphanCount++;
        if (State == TcpState.FinWait2)
        {
            WaitForFin();
            return;
        }

        if (_tcp.OrphanCount > _context.Sysctls.TcpMaxOrphans)
        {
            _context.Mib.Count(Counter.TcpExtTCPAbortOnMemory);
            SendReset();
            End(0);
        }
    }

    /// <summary>Closed with a time to linger, it has that long until its FIN is acknowledged.</summary>
    internal void LimitOrphan()
    {
        if (_isOrphan && Options.Linger > 0 && IsUnheard)
        {
            Extras.IsLimited = true;
            ArmKeepalive(Math.Min(Options.Linger, LongestLimit) * (long)_context.Clock.Hz);
        }
    }

    // A day in seconds; no retransmission goes on for so long.
    private const int LongestLimit = 24 * 60 * 60;

    // What a close() that lingers waits for the end of. Linux: sk_stream_wait_close.
    private bool IsUnheard => State is TcpState.FinWait1 or TcpState.Closing or TcpState.LastAck;
}
