using System;
using System.Collections.Generic;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Fuzz;

/// <summary>What a connection tells of itself.</summary>
internal static class ConnectionInfo
{
    private const int InfoLength = 248;
    private const int MemoryLength = 36;

    private static readonly (string Name, uint Request)[] Queues =
    [
        ("SIOCINQ", 0x541b), ("SIOCOUTQ", 0x5411), ("SIOCOUTQNSD", 0x894b), ("SIOCATMARK", 0x8905),
    ];

    /// <summary>The fields that are compared, what is queued, and what poll() finds; an errno where there is
    /// none.</summary>
    internal static Dictionary<string, long> Read(ISocketCalls calls, int descriptor)
    {
        var found = new Dictionary<string, long>(StringComparer.Ordinal);
        if (descriptor < 0)
        {
            return found;
        }

        byte[] info = new byte[InfoLength];
        byte[] memory = new byte[MemoryLength];
        _ = calls.GetOption(descriptor, 6, 11, info, out _);
        _ = calls.GetOption(descriptor, 1, 55, memory, out _);
        PollEntry[] entries = [new PollEntry(descriptor, 0x3fff)];
        _ = calls.Poll(entries, 0);
        found["poll"] = entries[0].Returned;
        if (info[0] == (int)Core.TcpState.Close)
        {
            // What a connection that has ended tells of itself: docs/deviations.md, D110.
            return found;
        }

        foreach (string field in FuzzRules.Fields)
        {
            found[field] = TcpInfoFields.Find(field, info, memory) ?? -1;
        }

        foreach ((string name, uint request) in Queues)
        {
            int value = 0;
            int result = calls.IoControl(descriptor, request, ref value);
            found[name] = result < 0 ? result : value;
        }

        return found;
    }
}
