using System;

namespace Earshot.Core.Tcp.Established;

/// <summary>What TCP_INFO tells of a connection. Linux: tcp_get_info.</summary>
internal sealed partial class Connection
{
    /// <summary>Fills struct tcp_info; what is not known stays as it is.</summary>
    /// <param name="info">The 280 bytes of 6.18.</param>
    internal void FillInfo(Span<byte> info)
    {
        Rouse();
        Info().Write(info);
        info[0] = (byte)State;
    }
}
