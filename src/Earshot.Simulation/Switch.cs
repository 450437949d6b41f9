using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Wire;

namespace Earshot.Simulation;

/// <summary>Joins any number of wires: a packet leaves by the port behind which its destination was last heard, or by
/// all others while nobody has.</summary>
/// <remarks>
/// Of raw IP packets the addresses are looked at, of Ethernet frames the stations; which of the two a port carries is
/// told by the hosts behind it, and one switch has one kind. What a port remembers is bounded by
/// <see cref="StationLimit"/>.
/// </remarks>
public sealed class Switch : Node
{
    /// <summary>Addresses that are remembered; one more makes the switch forget all.</summary>
    public const int StationLimit = 4096;

    private readonly List<Wire?> _ports = [];
    private readonly Dictionary<(ulong, ulong), int> _stations = [];
    private readonly bool _isEthernet;

    internal Switch(World world, int number, string name, bool isEthernet)
        : base(world, number, name) => _isEthernet = isEthernet;

    /// <summary>Packets taken in.</summary>
    public long Received { get; private set; }

    /// <summary>Packets that left by every port because nobody had been heard at their address.</summary>
    public long Flooded { get; private set; }

    /// <summary>The first port without a wire.</summary>
    public int FreePort
    {
        get
        {
            int free = _ports.IndexOf(null);
            return free < 0 ? _ports.Count : free;
        }
    }

    internal override bool HasFreeInterface(int @interface) =>
        @interface >= 0 && (@interface >= _ports.Count || _ports[@interface] is null);

    internal override void Plug(int @interface, Wire wire)
    {
        while (_ports.Count <= @interface)
        {
            _ports.Add(null);
        }

        _ports[@interface] = wire;
    }

    internal override void Receive(ReadOnlySpan<byte> packet, int @interface, PacketInfo info, bool isDamaged)
    {
        Received++;
        if (!TryAddresses(packet, out (ulong, ulong) from, out (ulong, ulong) to, out bool isGroup))
        {
            return;
        }

        if (_stations.Count >= StationLimit && !_stations.ContainsKey(from))
        {
            _stations.Clear();
        }

        if (!isDamaged)
        {
            // A switch looks at the check sequence before it believes where somebody is.
            _stations[from] = @interface;
        }

        if (!isGroup && _stations.TryGetValue(to, out int port))
        {
            if (port != @interface)
            {
                _ports[port]?.Carry(this, packet, info, isDamaged);
            }

            return;
        }

        Flooded++;
        for (int i = 0; i < _ports.Count; i++)
        {
            if (i != @interface)
            {
                _ports[i]?.Carry(this, packet, info, isDamaged);
            }
        }
    }

    private bool TryAddresses(
        ReadOnlySpan<byte> packet, out (ulong, ulong) from, out (ulong, ulong) to, out bool isGroup)
    {
        from = to = default;
        isGroup = false;
        if (_isEthernet)
        {
            if (!EthernetFrame.TryParse(packet, out EthernetFrame frame))
            {
                return false;
            }

            from = (frame.Source.Bits, 0);
            to = (frame.Destination.Bits, 0);
            isGroup = frame.Destination.IsMulticast;
            return true;
        }

        if (packet.Length < IpPacket.MinimumHeaderLength)
        {
            return false;
        }

        if (packet[0] >> 4 == 4)
        {
            const int Source = 12;
            const int Destination = 16;
            from = (BinaryPrimitives.ReadUInt32BigEndian(packet[Source..]), 4);
            to = (BinaryPrimitives.ReadUInt32BigEndian(packet[Destination..]), 4);
            isGroup = packet[Destination] >= 224;
            return true;
        }

        const int Source6 = 8;
        const int Destination6 = 24;
        if (packet.Length < IpPacket.IPv6HeaderLength)
        {
            return false;
        }

        from = (BinaryPrimitives.ReadUInt64BigEndian(packet[Source6..]),
            BinaryPrimitives.ReadUInt64BigEndian(packet[(Source6 + 8)..]));
        to = (BinaryPrimitives.ReadUInt64BigEndian(packet[Destination6..]),
            BinaryPrimitives.ReadUInt64BigEndian(packet[(Destination6 + 8)..]));
        isGroup = packet[Destination6] == 0xff;
        return true;
    }
}
