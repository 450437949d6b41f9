using System;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Lab.Experiments;

namespace Earshot.Lab.Targets;

/// <summary>Why each connection is where it is, from the stack's ledger.</summary>
internal static class StackStory
{
    // The rules of the listening side decide where a connection is; what its established part said later does not.
    private static readonly string[] Listening = ["Syn", "Request", "Listen", "Accepted", "Child", "NoSocket"];

    /// <summary>One sentence per connection: the client's view, then the listening side's last verdict on it.</summary>
    public static IReadOnlyList<string> Why(Plan plan, NetworkStack stack, StackClients clients, PacketLog log)
    {
        var sentences = new List<string>();
        IReadOnlyList<ConnectResult> results = clients.Results();
        for (int i = 0; i < results.Count; i++)
        {
            if (i >= log.Connections.Count)
            {
                sentences.Add($"client {i + 1}: connect() failed with {results[i].Errno} before a SYN was sent.");
                continue;
            }

            PacketLog.Trace trace = log.Connections[i];
            string view = results[i] switch
            {
                { Returned: null } => "still waits in connect()",
                { Errno: { } errno } => $"connect() failed with {errno}",
                _ => "connected",
            };
            string said = Said(plan, stack, trace);
            sentences.Add($"client {i + 1} (port {trace.ClientPort}) {view}: {said}.");
        }

        if (Say.NotCalled(plan.Clients.Count - results.Count) is { } notCalled)
        {
            sentences.Add(notCalled);
        }

        return sentences;
    }

    private static string Said(Plan plan, NetworkStack stack, PacketLog.Trace trace)
    {
        LedgerEntry last = default;
        long times = 0;
        foreach (LedgerEntry entry in stack.Ledger.Latest)
        {
            if (entry.LocalPort != plan.Clients.Port || entry.Remote.Port != trace.ClientPort
                || !IsListening(entry.Rule))
            {
                continue;
            }

            times = entry.Rule == last.Rule ? times + 1 : 1;
            last = entry;
        }

        return times switch
        {
            0 => "the ledger has no verdict on it any more",
            1 => stack.Ledger.Explain(last),
            _ => $"{stack.Ledger.Explain(last)} ({times} times)",
        };
    }

    private static bool IsListening(RuleId rule) =>
        Array.Exists(Listening, p => rule.ToString().StartsWith(p, StringComparison.Ordinal));
}
