using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Earshot.Core;

namespace Earshot.Lab.Views;

/// <summary>The views as JSON: sockets and listeners as an array with a line for each, counters as an object of
/// groups.</summary>
/// <remarks>Times are seconds, of <c>info</c> too; <c>nstat</c> has the shape that the real one's <c>-j</c>
/// has.</remarks>
internal static class ViewJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static IEnumerable<string> Lines(ViewRequest request, StackSnapshot snapshot) => request.Tool switch
    {
        ViewTool.Netstat when request.Has('s') => [Groups(
            [.. CounterNames.Snmp, .. CounterNames.Netstat], snapshot)],
        ViewTool.Netstat => Array(StackView.Rows(request, snapshot)
            .Where(row => NetstatView.IsSelected(row, request.Selection)), row => Socket(row, details: false)),
        ViewTool.Ss => Array(StackView.Rows(request, snapshot)
            .Where(row => SsView.IsSelected(row, request.Selection)), row => Socket(row, details: true)),
        ViewTool.Nstat => [Write(json =>
        {
            json.WriteStartObject("kernel");
            foreach ((string name, long value) in NstatView.Shown(snapshot, request.Has('z')))
            {
                json.WriteNumber(name, value);
            }

            json.WriteEndObject();
        })],
        ViewTool.Proc => Proc(request.Name, snapshot),
        _ => Array(snapshot.Listeners, Listener),
    };

    private static IEnumerable<string> Proc(string name, StackSnapshot snapshot) => name switch
    {
        "netstat" => [Groups(CounterNames.Netstat, snapshot)],
        "snmp" => [Groups(CounterNames.Snmp, snapshot)],
        "snmp6" => [Groups(CounterNames.Snmp6, snapshot)],
        "tcp" => Array(snapshot.Sockets.Where(row => !row.IsIpv6), row => Socket(row, details: false)),
        "tcp6" => Array(snapshot.Sockets.Where(row => row.IsIpv6), row => Socket(row, details: false)),
        "udp" => Array(Datagrams(snapshot, ipv6: false), row => Socket(row, details: false)),
        "udp6" => Array(Datagrams(snapshot, ipv6: true), row => Socket(row, details: false)),
        _ => [Words(ProcNet.Lines(name, snapshot))],
    };

    private static IEnumerable<SocketRow> Datagrams(StackSnapshot snapshot, bool ipv6) =>
        snapshot.Datagrams.Select(static datagram => datagram.Socket).Where(row => row.IsIpv6 == ipv6);

    // "TCP: inuse 3 orphan 0" is an object of its own.
    private static string Words(IEnumerable<string> lines) => Write(json =>
    {
        foreach (string line in lines)
        {
            string[] words = line.Split(' ');
            json.WriteStartObject(words[0].TrimEnd(':'));
            for (int i = 1; i + 1 < words.Length; i += 2)
            {
                json.WriteNumber(words[i], long.Parse(words[i + 1]));
            }

            json.WriteEndObject();
        }
    });

    private static string Groups(string[] groups, StackSnapshot snapshot) => Write(json =>
    {
        foreach (var group in CounterNames.In(groups, snapshot.Counters).GroupBy(counter => counter.Group))
        {
            json.WriteStartObject(group.Key);
            foreach ((_, string name, long value) in group)
            {
                json.WriteNumber(name, value);
            }

            json.WriteEndObject();
        }
    });

    private static string Socket(SocketRow row, bool details) => Write(json =>
    {
        (long receive, long send) = details ? SsView.Queues(row) : (row.ReceiveQueue, row.SendQueue);
        json.WriteString("proto", NetstatView.ProtocolName(row));
        json.WriteString("state", NetstatView.StateName(row.State));
        json.WriteNumber("recvQ", receive);
        json.WriteNumber("sendQ", send);
        json.WriteString("local", row.Local.ToString());
        json.WriteString("remote", row.Remote.ToString());
        if (row.Timer != SocketTimer.Off)
        {
            json.WriteStartObject("timer");
            json.WriteString("name", row.Timer.ToString().ToLowerInvariant());
            json.WriteNumber("seconds", row.TimerRemaining.TotalSeconds);
            json.WriteEndObject();
        }

        json.WriteNumber("retransmits", row.Retransmits);
        json.WriteNumber("probes", row.Probes);
        json.WriteNumber("uid", row.User);
        json.WriteNumber("inode", row.Detail?.Inode ?? 0);
        if (details)
        {
            json.WriteNumber("sk", row.Number);
            if (row.Detail is { } detail)
            {
                Detail(json, detail);
            }
        }
    });

    private static void Detail(Utf8JsonWriter json, SocketDetail detail)
    {
        json.WriteBoolean("readShut", detail.IsReadShut);
        json.WriteBoolean("writeShut", detail.IsWriteShut);
        json.WriteStartObject("skmem");
        json.WriteNumber("r", detail.Memory.Received);
        json.WriteNumber("rb", detail.Memory.ReceiveBuffer);
        json.WriteNumber("tb", detail.Memory.SendBuffer);
        json.WriteNumber("f", detail.Memory.Reserved);
        json.WriteNumber("w", detail.Memory.Queued);
        json.WriteNumber("d", detail.Memory.Drops);
        json.WriteEndObject();
        TcpInfo info = detail.Info;
        json.WriteStartObject("info");
        json.WriteString("congestion", info.CongestionControl);
        json.WriteString("options", info.Options.ToString());
        json.WriteNumber("cwnd", info.CongestionWindow);
        json.WriteNumber("rto", info.Rto.TotalSeconds);
        json.WriteNumber("rtt", info.Rtt.TotalSeconds);
        json.WriteNumber("rttvar", info.RttVariation.TotalSeconds);
        json.WriteNumber("mss", info.SendMss);
        json.WriteNumber("rcvMss", info.ReceiveMss);
        json.WriteNumber("advMss", info.AdvertisedMss);
        json.WriteNumber("pmtu", info.PathMtu);
        json.WriteNumber("unacked", info.Unacknowledged);
        json.WriteNumber("sacked", info.Sacked);
        json.WriteNumber("lost", info.Lost);
        json.WriteNumber("retrans", info.Retransmitting);
        json.WriteNumber("totalRetrans", info.TotalRetransmissions);
        json.WriteNumber("bytesSent", info.BytesSent);
        json.WriteNumber("bytesAcked", info.BytesAcked);
        json.WriteNumber("bytesReceived", info.BytesReceived);
        json.WriteNumber("segsOut", info.SegmentsOut);
        json.WriteNumber("segsIn", info.SegmentsIn);
        json.WriteNumber("delivered", info.Delivered);
        json.WriteNumber("sndWnd", info.SendWindow);
        json.WriteEndObject();
    }

    private static string Listener(ListenerReport listener) => Write(json =>
    {
        ListenerRow row = listener.Row;
        json.WriteString("local", row.Local.ToString());
        json.WriteNumber("acceptQueue", row.AcceptCount);
        json.WriteNumber("mostAcceptQueue", row.MostAccept);
        json.WriteNumber("backlog", row.Backlog);
        json.WriteNumber("fullSeconds", row.FullTime.TotalSeconds);
        json.WriteNumber("synQueue", row.SynCount);
        json.WriteNumber("youngSynQueue", row.YoungCount);
        json.WriteNumber("mostSynQueue", row.MostSyn);
        json.WriteNumber("synLimit", row.SynLimit);
        json.WriteStartObject("counters");
        foreach ((string name, long value) in listener.Counters)
        {
            json.WriteNumber(name, value);
        }

        json.WriteEndObject();
        json.WriteStartArray("acceptWaits");
        foreach (long count in row.AcceptWaits ?? [])
        {
            json.WriteNumberValue(count);
        }

        json.WriteEndArray();
        json.WriteStartArray("queue");
        foreach (QueuedConnection waiting in listener.Queue)
        {
            json.WriteStartObject();
            json.WriteString("remote", waiting.Remote.ToString());
            json.WriteString("state", NetstatView.StateName(waiting.State));
            json.WriteNumber("seconds", waiting.Age.TotalSeconds);
            json.WriteNumber("bytes", waiting.BytesWaiting);
            if (waiting.Cookie is { } cookie)
            {
                json.WriteString("cookie", ListenersView.Lost(cookie));
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    private static IEnumerable<string> Array<T>(IEnumerable<T> items, Func<T, string> write)
    {
        string? last = null;
        yield return "[";
        foreach (T item in items)
        {
            if (last is not null)
            {
                yield return last + ",";
            }

            last = write(item);
        }

        if (last is not null)
        {
            yield return last;
        }

        yield return "]";
    }

    private static string Write(Action<Utf8JsonWriter> fill)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            fill(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
