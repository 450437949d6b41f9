using Earshot.Core.Ip;
using Earshot.Core.Tcp.Listening;

namespace Earshot.Core.Tcp.Established;

/// <content>Options of IP on each segment: those that answer a SYN's, or those that the program set.</content>
internal sealed partial class Connection
{
    /// <summary>What each packet has between the headers of IP and TCP; null: nothing.</summary>
    internal AddedHeaders? AddedHeaders => _extras?.AddedHeaders;

    private int AddedLength => AddedHeaders?.Cost ?? 0;

    /// <summary>Whether no link can cut a super-packet of this connection as it has to be cut.</summary>
    private bool CutsAlone => AddedHeaders is not null || Accurate is not null;

    /// <summary>The program has set IP_OPTIONS, or an extension header: segments are smaller from now on. Linux:
    /// ip_options_get_finish of a socket, ipv6_update_options.</summary>
    /// <param name="headers">What goes along over IPv4; over IPv6 the options tell.</param>
    internal void ChangeHeaders(AddedHeaders? headers)
    {
        SetHeaders(headers);
        if (!IsOpening && State != TcpState.Close)
        {
            Rouse();
            SetMss();
        }
    }

    /// <summary>What a connection begins with that a program opens.</summary>
    internal void SetHeaders(AddedHeaders? headers)
    {
        headers = _tuple.Remote.Address.IsIPv4 ? headers : Options.Others?.Extensions;
        if (headers is not null || _extras is not null)
        {
            Extras.AddedHeaders = headers;
        }
    }

    /// <summary>What a connection begins with that a peer opened: over IPv4 what answers its SYN, or the ACK that
    /// brought a cookie back; over IPv6 the listener's own. Linux: tcp_v4_save_options, cookie_v4_check.</summary>
    private void TakeHeaders(in ConnectionRequest request)
    {
        byte[]? answer = request.Has(RequestFlags.Cookie)
            ? _tcp.Output.Ip.ReplyOptions : _tcp.Output.IpOptionsOf(_tuple);
        if (answer is { Length: > 0 } || Options.Others?.Extensions is not null)
        {
            SetHeaders(answer is { Length: > 0 } ? AddedHeaders.Of(answer) : null);
        }
    }
}
