using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Lab.Experiments;

namespace Earshot.Lab.Targets;

/// <summary>What became of each client on the host kernel, told from its packets, states and errnos.</summary>
internal static class HostStory
{
    /// <summary>When each connect() started and returned. Times come from packets: the SYN, and the SYN-ACK or RST that
    /// let the call return. A call that returned for want of an answer leaves no packet: the next client's SYN, sent
    /// at once, stands for it, and only the last client's return has our own clock.</summary>
    public static IReadOnlyList<ConnectResult> Connects(Plan plan, HostClients.Call[] calls, PacketLog log)
    {
        var results = new List<ConnectResult>();
        for (int i = 0; i < calls.Length && i < log.Connections.Count; i++)
        {
            PacketLog.Trace trace = log.Connections[i];
            if (calls[i].Errno is not { } errno)
            {
                results.Add(new ConnectResult(i + 1, trace.FirstSyn, null, null));
                continue;
            }

            TimeSpan? byNext = plan.Clients.Mode == ClientMode.OneAfterAnother && i + 1 < log.Connections.Count
                ? log.Connections[i + 1].FirstSyn
                : null;
            TimeSpan returned = (errno == 0 ? trace.FirstSynAck : trace.Refused) ?? byNext
                ?? log.Since(calls[i].Returned);
            results.Add(new ConnectResult(i + 1, trace.FirstSyn, returned, errno == 0 ? null : Errno.Name(errno)));
        }

        return results;
    }

    /// <summary>One sentence per connection. The kernel does not say why it drops a SYN; the counters it moved
    /// do.</summary>
    public static IReadOnlyList<string> Why(
        Plan plan, IReadOnlyList<ConnectResult> connects, PacketLog log, Sample last)
    {
        var sentences = new List<string>();
        foreach (ConnectResult connect in connects)
        {
            PacketLog.Trace trace = log.Connections[connect.Client - 1];
            string who = $"client {connect.Client} (port {trace.ClientPort})";
            string server = ServerState(trace, last);
            sentences.Add(connect switch
            {
                { Returned: not null, Errno: null } => $"{who}: connect() returned after {Ms(connect)}; {server}.",
                { Errno: { } errno } => $"{who}: connect() failed with {errno} after {Ms(connect)}: {Syns(trace)}.",
                _ => $"{who}: connect() still waits: {Syns(trace)}, the last at {Seconds(trace.LastSyn)}.",
            });
        }

        if (Say.NotCalled(plan.Clients.Count - connects.Count) is { } notCalled)
        {
            sentences.Add(notCalled);
        }

        if (last.Counters.TryGetValue("TcpExtListenOverflows", out long overflows))
        {
            sentences.Add($"the accept queue was full {overflows} times when a segment wanted in (ListenOverflows).");
        }

        return sentences;
    }

    private static string ServerState(PacketLog.Trace trace, Sample last)
    {
        string suffix = $":{trace.ClientPort}";
        string? state = last.Table
            .Where(r => r.IsServer && r.Remote.EndsWith(suffix, StringComparison.Ordinal))
            .Select(r => r.State)
            .FirstOrDefault();
        return state switch
        {
            null => "the server's side has no socket for it",
            "ESTABLISHED" => "the server's side is ESTABLISHED and waits for accept()",
            _ => $"the server's side is in {state}",
        };
    }

    private static string Syns(PacketLog.Trace trace)
    {
        string sent = trace.Syns == 1 ? "its SYN was sent once" : $"its SYN was sent {trace.Syns} times";
        return trace.SynAcks == 0 && trace.Refused is null ? $"{sent} and never answered" : $"{sent} and answered";
    }

    // Called only for a connect() that returned.
    private static string Ms(ConnectResult connect) => Seconds(connect.Returned!.Value - connect.At);

    private static string Seconds(TimeSpan time) =>
        time < TimeSpan.FromSeconds(1) ? $"{time.TotalMilliseconds:0.###} ms" : $"{time.TotalSeconds:0.###} s";
}
