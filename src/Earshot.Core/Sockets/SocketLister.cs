using System;
using System.Collections.Generic;
using Earshot.Core.Tcp;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <summary>Lists sockets in the order of the profile's kernel. Linux: tcp_get_idx, get_openreq4,
/// get_tcp4_sock.</summary>
internal static class SocketLister
{
    internal static void CopySockets(
        ICollection<SocketRow> rows, StackContext context, TcpLayer tcp, DescriptorTable descriptors)
    {
        var byConnection = new Dictionary<int, Socket>();
        foreach (Socket socket in descriptors.All)
        {
            if (socket.Connection is { } connection)
            {
                byConnection[connection.Handle] = socket;
            }
        }

        foreach (Listener listener in ListenerRows.InOrder(context, tcp))
        {
            rows.Add(Row(context, listener));
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
                    byConnection.TryGetValue(handle, out Socket? holder);
                    rows.Add(tcp.Table.Connection(handle).Row(holder?.Descriptor ?? -1, holder?.Inode ?? 0));
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

    /// <summary>Linux: udp4_seq_show.</summary>
    internal static void CopyDatagrams(
        ICollection<DatagramRow> rows, DescriptorTable descriptors)
    {
        var bound = new List<Socket>();
        foreach (Socket socket in descriptors.All)
        {
            if (socket is { IsDatagram: true, Port: > 0 })
            {
                bound.Add(socket);
            }
        }

        bound.Sort(static (a, b) => a.Port != b.Port ? a.Port - b.Port : a.Descriptor - b.Descriptor);
        foreach (Socket socket in bound)
        {
            UdpRole udp = socket.Udp!;
            bool isIPv6 = socket.Options.IsIPv6;
            rows.Add(new DatagramRow
            {
                Socket = new SocketRow
                {
                    State = udp.IsConnected ? TcpState.Established : TcpState.Close,
                    Local = socket.Local,
                    Remote = udp.IsConnected
                        ? udp.Remote : new InetEndpoint(isIPv6 ? InetAddress.IPv6Any : InetAddress.Any, 0),
                    ReceiveQueue = udp.Charged,
                    SendQueue = udp.Unsent,
                    Descriptor = socket.Descriptor,
                    IsDatagram = true,
                    IsIpv6 = isIPv6,
                    IsIpv6Only = socket.Options.IPv6Only,
                    User = (int)socket.Options.Uid,
                    Number = socket.Inode,
                    Detail = new SocketDetail
                    {
                        Info = new TcpInfo(),
                        Inode = socket.Inode,
                        IsReadShut = socket.Options.ReadShut,
                        IsWriteShut = socket.Options.WriteShut,
                        Memory = socket.Memory,
                    },
                },
                Inode = socket.Inode,
                Drops = udp.Drops,
            });
        }

    }

    internal static void CopyQueue(ICollection<QueuedConnection> rows, TcpLayer tcp, ushort listenerId)
    {
        foreach (Listener? listener in tcp.Listeners)
        {
            if (listener is { IsListening: true } && listener.Id == listenerId)
            {
                foreach (Connection connection in listener.AcceptQueue.Waiting)
                {
                    rows.Add(connection.Waiting());
                }
            }
        }
    }

    internal static void CopyListeners(ICollection<ListenerRow> rows, StackContext context, TcpLayer tcp)
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
                    MostAccept = listener.AcceptQueue.Most,
                    MostSyn = listener.SynQueue.Most,
                    FullTime = listener.AcceptQueue.FullTime(context.Now),
                    AcceptWaits = listener.AcceptQueue.Waits.ToArray(),
                });
            }
        }
    }

    private static SocketRow Row(StackContext context, Listener listener)
    {
        const int ListenerWindow = 10;
        var socket = (Socket)listener.Owner;
        if (listener.Number == 0)
        {
            listener.Number = context.NextSocketNumber();
        }

        return new SocketRow
        {
            State = TcpState.Listen,
            Local = listener.Local,
            Remote = new InetEndpoint(socket.Options.IsIPv6 ? InetAddress.IPv6Any : InetAddress.Any, 0),
            ReceiveQueue = context.Profile.ListenRowShowsQueue ? listener.AcceptQueue.Count : 0,
            SendQueue = 2 * socket.Disconnects,
            Backlog = listener.Backlog,
            Descriptor = socket.Descriptor,
            IsIpv6 = socket.Options.IsIPv6,
            IsIpv6Only = socket.Options.IPv6Only,
            User = (int)socket.Options.Uid,
            Number = listener.Number,
            Detail = new SocketDetail
            {
                Inode = socket.Inode,
                IsReadShut = socket.Options.ReadShut,
                IsWriteShut = socket.Options.WriteShut,
                FastOpenLimit = (int)socket.Options.FastOpenLimit,
                References = 1 + Held(listener) + listener.SynQueue.Count + listener.FastOpenQueue.Unfinished,
                Memory = new SocketMemory
                {
                    ReceiveBuffer = socket.Options.ReceiveBuffer,
                    SendBuffer = socket.Options.SendBuffer,
                    Drops = ListenerDrops.Of(context, listener),
                },
                Info = new TcpInfo
                {
                    CongestionControl = context.CongestionControls[socket.Options.Congestion].Name,
                    CongestionWindow = ListenerWindow,
                    Unacknowledged = listener.AcceptQueue.Count,
                    Sacked = listener.Backlog,
                },
            },
        };
    }

    // A request holds its listener until its connection is accepted, one of Fast Open until its handshake is over; a
    // cookie's connection had none.
    private static int Held(Listener listener)
    {
        int held = 0;
        foreach (Connection connection in listener.AcceptQueue.Waiting)
        {
            held += connection.IsFromCookie || connection.IsUnfinished ? 0 : 1;
        }

        return held;
    }

    // What lives in a slab has no number of its own: its place is one while it is there.
    private static long PlaceNumber(int handle) => (1L << 32) | (uint)handle;

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
        FourTuple tuple = tcp.Table.Tuple(request);
        ref readonly SocketOptions options = ref tcp.ListenerAt(request.Listener)!.Owner.Options;
        bool armed = tcp.Timers.IsArmed(handle);
        long jiffies = armed ? tcp.Timers.Remaining(handle) : (int)(request.Timer.Expires - (uint)context.Jiffies);
        return new SocketRow
        {
            State = TcpState.SynRecv,
            Local = tuple.Local,
            Remote = tuple.Remote,
            Timer = SocketTimer.On,
            TimerRemaining = Span(context, Math.Max(0, jiffies)),
            Retransmits = request.Timeouts,
            Descriptor = -1,
            IsIpv6 = options.IsIPv6,
            User = (int)options.Uid,
            SynAcksResent = request.Retransmissions,
            Number = PlaceNumber(handle),
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
        IsIpv6 = entry.IsIPv6,
        Number = PlaceNumber(handle),
    };

    private static TimeSpan Span(StackContext context, long jiffies) =>
        TimeSpan.FromMicroseconds(jiffies * (double)context.Clock.TickMicroseconds);
}
