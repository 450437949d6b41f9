using System.Collections.Generic;
using Earshot.Core.Profiles;
using Earshot.Core.Tcp;
using Earshot.Core.Tcp.Listening;

namespace Earshot.Core.Sockets;

/// <summary>The order in which a kernel of the profile meets its listeners. Linux: listening_get_first.</summary>
internal static class ListenerRows
{
    private const uint PortBuckets = 32;
    private const uint AddressBuckets = 16384;

    internal static IReadOnlyList<Listener> InOrder(StackContext context, TcpLayer tcp)
    {
        var listeners = new List<(uint Bucket, long Age, Listener Listener)>();
        ListenerOrder order = context.Profile.ListenerOrder;
        foreach (Listener? listener in tcp.Listeners)
        {
            if (listener is { IsListening: true })
            {
                // The newest hangs at the head of its bucket.
                listeners.Add((Bucket(order, context.Seed.A, listener), -listener.Sequence, listener));
            }
        }

        listeners.Sort((x, y) => (x.Bucket, x.Age).CompareTo((y.Bucket, y.Age)));
        return listeners.ConvertAll(entry => entry.Listener);
    }

    private static uint Bucket(ListenerOrder order, ulong salt, Listener listener) => order switch
    {
        ListenerOrder.PortBuckets => listener.Local.Port % PortBuckets,
        ListenerOrder.SaltedPortBuckets => (listener.Local.Port + (uint)salt) % PortBuckets,

        // Linux: ipv4_portaddr_hash, a hash of the address beside which the port is flipped in.
        ListenerOrder.AddressAndPort => (uint)(SipHash.Hash(
            salt, 0, listener.Local.Address.High, listener.Local.Address.Low)
            ^ listener.Local.Port) % AddressBuckets,
        _ => 0,
    };
}
