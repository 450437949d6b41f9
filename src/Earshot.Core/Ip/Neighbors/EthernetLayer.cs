using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip.Neighbors;

/// <summary>Interfaces that carry Ethernet frames: which frames are ours, ARP, and how packets find their
/// neighbour. Linux: eth_type_trans, arp_rcv, neigh_resolve_output.</summary>
internal sealed partial class EthernetLayer : INeighborLink, ILinkOutput, INetworkTimerOwner, IDiscovery, IDisposable
{
    private readonly StackContext _context;
    private readonly RouteTable _routes;
    private readonly IpOutput _output;
    private readonly IIpInput _ip;
    private readonly INetworkTimers _timers;
    private readonly EthernetPort?[] _ports;
    private readonly NeighborTable _table;

    internal EthernetLayer(
        StackContext context, RouteTable routes, IpOutput output, INetworkTimers timers, IIpInput ip)
    {
        _context = context;
        _routes = routes;
        _output = output;
        _timers = timers;
        _ip = ip;
        _table = new NeighborTable(context, timers, this);
        _ports = new EthernetPort?[routes.InterfaceCount];
        for (int i = 0; i < _ports.Length; i++)
        {
            if (routes.Interface(i + RouteTable.FirstInterface).Ethernet is { } options)
            {
                _ports[i] = new EthernetPort(i + RouteTable.FirstInterface, options);
            }
        }

        output.Link = this;
        Discovery = new NeighborDiscovery(context, routes, output, timers, this, _table);
        foreach (EthernetPort? port in _ports)
        {
            if (port is not null)
            {
                Discovery.Begin(port);
            }
        }
    }

    /// <summary>The neighbours.</summary>
    internal NeighborTable Neighbors => _table;

    /// <summary>What IPv6 does on the link.</summary>
    internal NeighborDiscovery Discovery { get; }

    /// <summary>Whether any interface of a stack speaks Ethernet.</summary>
    internal static bool IsNeeded(StackOptions options)
    {
        foreach (InterfaceOptions link in options.Interfaces)
        {
            if (link.Ethernet is not null)
            {
                return true;
            }
        }

        return false;
    }

    /// <inheritdoc/>
    public void OnTimer(NetworkTimer kind, int owner)
    {
        switch (kind)
        {
            case NetworkTimer.Neighbor:
                _table.OnTimer(owner);
                break;
            case NetworkTimer.Address:
                Discovery.OnAddressTimer(owner);
                break;
            default:
                Discovery.OnRouterTimer(owner);
                break;
        }
    }

    /// <inheritdoc/>
    public void OnDiscovery(in IpPacket packet, int index) => Discovery.OnMessage(packet, index);

    /// <inheritdoc/>
    public void Dispose()
    {
        _table.Clear();
        foreach (EthernetPort? port in _ports)
        {
            if (port is not null)
            {
                Discovery.End(port);
            }
        }
    }

    internal EthernetPort? Port(int index)
    {
        int at = index - RouteTable.FirstInterface;
        return (uint)at < (uint)_ports.Length ? _ports[at] : null;
    }

    /// <summary>Takes a frame in.</summary>
    /// <returns>False when it is for a connection that a call works on and must come again after it.</returns>
    internal bool OnFrame(ReadOnlySpan<byte> bytes, EthernetPort port, PacketInfo info)
    {
        if (!EthernetFrame.TryParse(bytes, out EthernetFrame frame))
        {
            return true;
        }

        MacAddress to = frame.Destination;
        if (to != port.Address && !to.IsMulticast)
        {
            // Another station's; nobody counts it.
            return true;
        }

        switch (frame.Type)
        {
            case EthernetFrame.TypeIPv4 or EthernetFrame.TypeIPv6:
                return _ip.OnPacket(frame.Payload, port.Index, info);
            case EthernetFrame.TypeArp:
                if (ArpPacket.TryParse(frame.Payload, out ArpPacket arp))
                {
                    OnArp(arp, port, to == port.Address);
                }

                return true;
            default:
                return true;
        }
    }

    /// <inheritdoc/>
    public bool Output(
        PacketQueue queue, in Route route, in InetAddress destination, int length, in PacketInfo info)
    {
        EthernetPort port = Port(route.Interface)!;
        bool isBroadcast = destination.IsIPv4 && _routes.Classify(destination) == AddressKind.Broadcast;
        if (destination.IsMulticast || isBroadcast)
        {
            MacAddress group = isBroadcast ? MacAddress.Broadcast : MacAddress.ForGroup(destination);
            Commit(queue, port, group, destination.IsIPv4, length, info);
            return true;
        }

        InetAddress hop = _routes.NextHop(destination, route.Interface);
        Neighbor? neighbor = port.LastNeighbor is { } last && last.Address == hop && last.Timer >= 0
            ? last : _table.FindOrAdd(hop, port.Index);
        if (neighbor is null)
        {
            return false;
        }

        port.LastNeighbor = neighbor;
        if (_table.MaySend(neighbor))
        {
            Commit(queue, port, neighbor.Hardware, destination.IsIPv4, length, info);
            return true;
        }

        Span<byte> packet = queue.Reserve(EthernetFrame.HeaderLength + length)[EthernetFrame.HeaderLength..];
        Complete(packet, info);
        _table.Wait(neighbor, packet);
        return true;
    }

    /// <inheritdoc/>
    public void Confirm(int index, in InetAddress destination)
    {
        if (Port(index) is not null
            && _table.Find(_routes.NextHop(destination, index), index) is { } neighbor)
        {
            _table.Confirm(neighbor);
        }
    }

    /// <inheritdoc/>
    public void Solicit(Neighbor neighbor)
    {
        EthernetPort port = Port(neighbor.Interface)!;
        if (neighbor.Address.IsIPv6)
        {
            Discovery.Solicit(port, neighbor);
            return;
        }

        InetAddress source = SourceFor(neighbor);
        bool isProbe = neighbor.State == NeighborState.Probe;
        var ask = new ArpPacket(ArpPacket.Request, port.Address, source, default, neighbor.Address);
        SendArp(port, isProbe ? neighbor.Hardware : MacAddress.Broadcast, ask);
    }

    /// <inheritdoc/>
    public void Send(Neighbor neighbor, ReadOnlySpan<byte> packet)
    {
        EthernetPort port = Port(neighbor.Interface)!;
        PacketQueue queue = _output.Outbox;
        if (queue.IsFull)
        {
            return;
        }

        packet.CopyTo(queue.Reserve(EthernetFrame.HeaderLength + packet.Length)[EthernetFrame.HeaderLength..]);
        Commit(queue, port, neighbor.Hardware, packet[0] >> 4 == 4, packet.Length, default);
    }

    /// <inheritdoc/>
    public void Fail(Neighbor neighbor, ReadOnlySpan<byte> packet) => _ip.OnUnreachable(packet, neighbor.Interface);

    /// <summary>Sends a frame that carries no IP packet, or one that needs no neighbour.</summary>
    internal bool TryBeginFrame(
        EthernetPort port, MacAddress to, ushort type, int length, out Span<byte> payload)
    {
        PacketQueue queue = _output.Outbox;
        payload = default;
        if (queue.IsFull)
        {
            return false;
        }

        Span<byte> frame = queue.Reserve(EthernetFrame.HeaderLength + length);
        EthernetFrame.WriteHeader(frame, to, port.Address, type);
        payload = frame[EthernetFrame.HeaderLength..];
        return true;
    }

    /// <summary>Lets the frame go that <see cref="TryBeginFrame"/> began.</summary>
    internal void EndFrame(EthernetPort port, int length) =>
        _output.Outbox.Commit(EthernetFrame.HeaderLength + length, port.Index, default, _context.Now);

    // The checksum that was left to the link is completed here: a packet that waits is plain bytes.
    private static void Complete(Span<byte> packet, in PacketInfo info)
    {
        if ((info.Flags & PacketFlags.ChecksumPartial) != 0)
        {
            ushort sum = Checksum.Finish(Checksum.Add(packet[info.ChecksumStart..]));
            Unsafe.WriteUnaligned(ref packet[info.ChecksumStart + info.ChecksumOffset], sum);
        }
    }

    private void Commit(
        PacketQueue queue, EthernetPort port, MacAddress to, bool isIPv4, int length, in PacketInfo info)
    {
        Span<byte> frame = queue.Reserve(EthernetFrame.HeaderLength + length);
        EthernetFrame.WriteHeader(
            frame, to, port.Address, isIPv4 ? EthernetFrame.TypeIPv4 : EthernetFrame.TypeIPv6);
        PacketInfo shifted = info.ChecksumStart == 0 ? info
            : new PacketInfo(
                info.Flags, info.SegmentSize, (ushort)(info.ChecksumStart + EthernetFrame.HeaderLength),
                info.ChecksumOffset, info.Mark);
        queue.Commit(frame.Length, port.Index, shifted, _context.Now);
    }

    // The first packet that waits says from whom it is asked.
    private InetAddress SourceFor(Neighbor neighbor)
    {
        if (neighbor.Waiting.TryPeek(out byte[]? packet) && packet[0] >> 4 == 4)
        {
            InetAddress source = InetAddress.Read(packet.AsSpan(IpPacket.SourceOffset));
            if (_routes.IsLocal(source) && !source.IsLoopback)
            {
                return source;
            }
        }

        return SourceSelection.IPv4(_routes.Addresses.All, neighbor.Interface, neighbor.Address);
    }

    /// <summary>Linux: arp_process.</summary>
    private void OnArp(in ArpPacket arp, EthernetPort port, bool isForUs)
    {
        if (arp.Target.IsMulticast || arp.Target.IsLoopback || arp.SenderHardware == port.Address)
        {
            return;
        }

        bool targetIsOurs = _routes.IsLocal(arp.Target);
        if (arp.Sender.IsAny)
        {
            // Somebody looks whether the address is free (RFC 5227): it is not.
            if (arp.Operation == ArpPacket.Request && targetIsOurs)
            {
                Reply(port, arp);
            }

            return;
        }

        if (_routes.Classify(arp.Sender) != AddressKind.Foreign)
        {
            return;
        }

        if (arp.Operation == ArpPacket.Request && targetIsOurs)
        {
            if (_table.FindOrAdd(arp.Sender, port.Index) is { } asker)
            {
                _table.Update(asker, arp.SenderHardware, NeighborState.Stale, overrides: true);
            }

            Reply(port, arp);
            return;
        }

        if (_table.Find(arp.Sender, port.Index) is { } known)
        {
            bool isGratuitous = arp.Target == arp.Sender;
            long lockTime = _context.Clock.From(TimeSpan.FromSeconds(1));
            bool overrides = isGratuitous || _context.Jiffies > known.Updated + lockTime;
            bool answers = arp.Operation == ArpPacket.Reply && isForUs && !isGratuitous;
            _table.Update(
                known, arp.SenderHardware, answers ? NeighborState.Reachable : NeighborState.Stale, overrides);
        }
    }

    private void Reply(EthernetPort port, in ArpPacket arp) => SendArp(
        port, arp.SenderHardware,
        new ArpPacket(ArpPacket.Reply, port.Address, arp.Target, arp.SenderHardware, arp.Sender));

    private void SendArp(EthernetPort port, MacAddress to, in ArpPacket arp)
    {
        if (TryBeginFrame(port, to, EthernetFrame.TypeArp, ArpPacket.Length, out Span<byte> payload))
        {
            arp.Write(payload);
            EndFrame(port, ArpPacket.Length);
        }
    }
}

/// <summary>An Ethernet interface's own state.</summary>
internal sealed class EthernetPort(int index, EthernetOptions options)
{
    internal int Index { get; } = index;

    internal EthernetOptions Options { get; } = options;

    internal MacAddress Address { get; } = options.Address;

    /// <summary>The neighbour that the last packet went to.</summary>
    internal Neighbor? LastNeighbor { get; set; }

    /// <summary>Addresses whose duplicates are looked for, or whose lifetimes run.</summary>
    internal List<ConfiguredAddress> Configured { get; } = [];

    /// <summary>Routers and prefixes that were told of.</summary>
    internal List<ToldRoute> Told { get; } = [];

    internal int RouterTimer = -1;

    /// <summary>Questions for routers asked so far.</summary>
    internal int Asked { get; set; }

    /// <summary>Whether a router was heard of.</summary>
    internal bool HasRouter { get; set; }
}
