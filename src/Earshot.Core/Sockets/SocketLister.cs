using System;
using System.Collections.Generic;
using Earshot.Core.Tcp;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Tcp.Listening;

namespace Earshot.Core.Sockets;

/// <summary>Lists sockets in the order of the profile's kernel. Linux: tcp_get_idx, get_openreq4,
/// get_tcp4_sock.</summary>
internal static class SocketLister
{
    internal static void CopySockets(
        ICollection<SocketRow> rows, StackContext context, TcpLayer tcp, DescriptorTable descriptors)
    {
        var byConnection = new Dictionary<int, int>();
        foreach (Socket socket in descriptors.All)
        {
            if (socket.Connection is { } connection)
            {
                byConnection[connection.Handle] = socket.Descriptor;
            }
        }

        foreach (Listener? listener in tcp.Listeners)
        {
            if (listener is { IsListening: true })
            {
                rows.Add(new SocketRow
                {
                    State = TcpState.Listen,
                    Local = listener.Local,
                    ReceiveQueue = listener.AcceptQueue.Count,
                    Backlog = listener.Backlog,
                    Descriptor = ((Socket)listener.Owner).Descriptor,
                });
            }
        }

        bool requestsFirst = context.Profile.RequestsListedFirst;
        if (requestsFirst)
        {
            CopyBuckets(rows, context, tcp);
        }

        // All others in the order of the hash, as a kernel walks its table.
        for (int slot = 0; slot < tcp.Table.IndexSize; slot++)
        {
            int handle = tcp.Table.HandleAt(slot);
            if (handle < 0)
            {
                continue;
            }

            switch (Handle.Kind(handle))
            {
                case HandleKind.Connection:
                    rows.Add(tcp.Table.Connection(handle).Row(byConnection.GetValueOrDefault(handle, -1)));
                    break;
                case HandleKind.Request when !requestsFirst:
                    rows.Add(Row(context, tcp, handle, tcp.Table.Requests[Handle.Place(handle)]));
                    break;
                case HandleKind.TimeWait:
                    rows.Add(Row(context, tcp, handle, tcp.Table.TimeWaits[Handle.Place(handle)]));
                    break;
            }
        }
    }

    internal static void CopyListeners(ICollection<ListenerRow> rows, TcpLayer tcp)
    {
        foreach (Listener? listener in tcp.Listeners)
        {
            if (listener is { IsListening: true })
            {
                rows.Add(new ListenerRow
                {
                    Id = listener.Id,
                    Descriptor = ((Socket)listener.Owner).Descriptor,
                    Local = listener.Local,
                    AcceptCount = listener.AcceptQueue.Count,
                    Backlog = listener.Backlog,
                    SynCount = listener.SynQueue.Count,
                    YoungCount = listener.SynQueue.YoungCount,
                    SynLimit = listener.SynQueue.Limit,
                });
            }
        }
    }

    private static void CopyBuckets(ICollection<SocketRow> rows, StackContext context, TcpLayer tcp)
    {
        foreach (Listener? listener in tcp.Listeners)
        {
            for (int bucket = 0; listener is not null && bucket < listener.SynQueue.BucketCount; bucket++)
            {
                int place = listener.SynQueue.FirstInBucket(bucket);
                while (place >= 0)
                {
                    ref ConnectionRequest request = ref tcp.Table.Requests[place];
                    rows.Add(Row(context, tcp, Handle.Of(HandleKind.Request, place), request));
                    place = request.NextInBucket - 1;
                }
            }
        }
    }

    private static SocketRow Row(StackContext context, TcpLayer tcp, int handle, in ConnectionRequest request)
    {
        bool armed = tcp.Timers.IsArmed(handle);
        long jiffies = armed ? tcp.Timers.Remaining(handle) : (int)(request.Timer.Expires - (uint)context.Jiffies);
        return new SocketRow
        {
            State = TcpState.SynRecv,
            Local = tcp.Table.Tuple(request).Local,
            Remote = tcp.Table.Tuple(request).Remote,
            Timer = SocketTimer.On,
            TimerRemaining = Span(context, Math.Max(0, jiffies)),
            Retransmits = request.Timeouts,
            Descriptor = -1,
        };
    }

    private static SocketRow Row(StackContext context, TcpLayer tcp, int handle, in TimeWaitEntry entry) => new()
    {
        State = entry.IsFinWait2 ? TcpState.FinWait2 : TcpState.TimeWait,
        Local = entry.Tuple.Local,
        Remote = entry.Tuple.Remote,
        Timer = SocketTimer.TimeWait,
        TimerRemaining = Span(context, Math.Max(0, tcp.Timers.Remaining(handle))),
        Descriptor = -1,
    };

    private static TimeSpan Span(StackContext context, long jiffies) =>
        TimeSpan.FromMicroseconds(jiffies * (double)context.Clock.TickMicroseconds);
}
