using System;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Benchmarks.Workloads;

/// <summary>
/// Two stacks in one thread and a link of two packet batches between them: no wire, no loss, no clock but ours.
/// </summary>
internal sealed class LinkedStacks : IDisposable
{
    private const int BatchPackets = 64;

    // Bytes for full-sized packets and for one of the largest, which must always fit.
    private const int BatchBytes = (BatchPackets * 2048) + PacketBatch.MaximumPacketLength;
    private readonly PacketBatch _toServer = new(BatchPackets, BatchBytes);
    private readonly PacketBatch _toClient = new(BatchPackets, BatchBytes);

    internal LinkedStacks(int mtu = 1500, InterfaceOffload offload = InterfaceOffload.None, int transmitQueue = 4096)
    {
        Client = Make("10.0.0.1/8", 1);
        Server = Make("10.0.0.2/8", 2);

        NetworkStack Make(string address, ulong seed) => new(
            new StackOptions
            {
                Profile = KernelProfile.Linux618,
                Seed = Chance.Spread(seed),
                TransmitQueueLimit = transmitQueue,
                Interfaces =
                [
                    new InterfaceOptions
                    {
                        Mtu = mtu,
                        Offload = offload,
                        Addresses = [InterfaceAddress.Parse(address)],
                    },
                ],
            },
            Instant.Zero);
    }

    /// <summary>Where the server listens.</summary>
    internal static InetEndpoint ServerEndpoint { get; } = InetEndpoint.Parse("10.0.0.2:80");

    internal NetworkStack Client { get; }

    internal NetworkStack Server { get; }

    /// <summary>Told the client's events while the packets move.</summary>
    internal Action<StackEvent>? OnClientEvent { get; set; }

    /// <summary>Told the server's events while the packets move.</summary>
    internal Action<StackEvent>? OnServerEvent { get; set; }

    internal Instant Now { get; private set; }

    /// <summary>Packets that crossed the link.</summary>
    internal long Packets { get; private set; }

    /// <summary>Sets a tunable of both stacks.</summary>
    internal void Set(string sysctl, string value)
    {
        Require(Client.Sysctls.Set(sysctl, value));
        Require(Server.Sysctls.Set(sysctl, value));
    }

    /// <summary>Moves the clock and runs the timers.</summary>
    internal void Advance(long nanoseconds)
    {
        Now = new Instant(Now.Nanoseconds + nanoseconds);
        Client.OnTimer(Now);
        Server.OnTimer(Now);
    }

    /// <summary>Carries packets and events until there are none.</summary>
    internal void Pump()
    {
        bool more = true;
        while (more)
        {
            more = Carry(Client, Server, _toServer) | Tell(Server, OnServerEvent);
            more |= Carry(Server, Client, _toClient) | Tell(Client, OnClientEvent);
        }
    }

    /// <summary>Carries one batch to the server.</summary>
    internal bool CarryToServer() => Carry(Client, Server, _toServer);

    /// <summary>Carries one batch to the client.</summary>
    internal bool CarryToClient() => Carry(Server, Client, _toClient);

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }

    /// <summary>The result of a call that must not fail.</summary>
    internal static int Require(int result) => result >= 0
        ? result
        : throw new InvalidOperationException($"a call of the benchmark failed with {Errno.Name(result)}");

    private static bool Tell(NetworkStack stack, Action<StackEvent>? handler)
    {
        bool any = false;
        while (stack.TryTakeEvent(out StackEvent stackEvent))
        {
            any = true;
            handler?.Invoke(stackEvent);
        }

        return any;
    }

    private bool Carry(NetworkStack from, NetworkStack to, PacketBatch batch)
    {
        while (batch.HasRoom && from.TryTransmit(out OutboundPacket packet))
        {
            // What the sender left to the link, the link vouches for, as a device with offloads does.
            var info = new PacketInfo(
                (packet.Info.Flags & PacketFlags.ChecksumPartial) != 0 ? PacketFlags.ChecksumGood : PacketFlags.None,
                packet.Info.SegmentSize);
            batch.TryAdd(packet.Bytes, 2, info);
        }

        if (batch.Count == 0)
        {
            return false;
        }

        Packets += batch.Count;
        to.OnPackets(batch, Now);
        batch.Clear();
        return true;
    }
}
