using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using Earshot.Core.Memory;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <summary>Finds what a segment belongs to: connections, requests and TIME_WAIT by four-tuple, listeners by address
/// and port.</summary>
/// <remarks>Linux: inet_ehashfn, __inet_lookup_established, __inet_lookup_listener (ehash and lhash2).</remarks>
internal sealed class SocketTable : IDisposable
{
    private readonly TagIndex _index = new();
    private readonly Dictionary<InetEndpoint, Listener> _listeners = [];
    private readonly ulong _key0;
    private readonly ulong _key1;
    private readonly List<Connection?> _connections = [];
    private readonly Stack<int> _freeConnections = new();
    private InetEndpoint _lastWanted;
    private Listener? _lastFound;

    internal SocketTable(StackContext context)
    {
        Chance chance = context.Stream(ChanceStream.SocketHash);
        _key0 = chance.Next();
        _key1 = chance.Next() | 1;
        Requests = new Slab<ConnectionRequest>(Math.Min(context.Options.RequestLimit, Handle.MaximumPlaces));
        TimeWaits = new Slab<TimeWaitEntry>(Handle.MaximumPlaces);
    }

    internal Slab<ConnectionRequest> Requests { get; }

    internal Slab<TimeWaitEntry> TimeWaits { get; }

    /// <summary>Bytes that requests, TIME_WAIT entries and the index take.</summary>
    internal long Bytes => Requests.Bytes + TimeWaits.Bytes + _index.Bytes;

    /// <summary>Slots of the index, for walking it in its order.</summary>
    internal int IndexSize => _index.Size;

    /// <summary>The hash of a four-tuple under this stack's key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint Tag(uint local, uint remote, ushort localPort, ushort remotePort)
    {
        ulong addresses = ((ulong)local << 32) | remote;
        ulong ports = ((ulong)localPort << 16) | remotePort;
        ulong high = Math.BigMul(addresses ^ _key0, (ports << 32 | ports) ^ _key1, out ulong low);
        ulong mixed = high ^ low;
        high = Math.BigMul(mixed, 0x9e3779b97f4a7c15, out low);
        return (uint)(high ^ low);
    }

    internal uint Tag(in FourTuple tuple) =>
        Tag(tuple.Local.Address.Bits, tuple.Remote.Address.Bits, tuple.Local.Port, tuple.Remote.Port);

    /// <summary>Starts to fetch what the lookup of a raw packet will touch.</summary>
    internal void Prefetch(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < IpPacket.MinimumHeaderLength + 4 || packet[0] != 0x45)
        {
            return;
        }

        uint tag = Tag(
            BinaryPrimitives.ReadUInt32BigEndian(packet[IpPacket.DestinationOffset..]),
            BinaryPrimitives.ReadUInt32BigEndian(packet[IpPacket.SourceOffset..]),
            BinaryPrimitives.ReadUInt16BigEndian(packet[(IpPacket.MinimumHeaderLength + 2)..]),
            BinaryPrimitives.ReadUInt16BigEndian(packet[IpPacket.MinimumHeaderLength..]));
        _index.Prefetch(tag);
    }

    /// <summary>Finds the connection, request or TIME_WAIT entry of a four-tuple.</summary>
    /// <returns>Its handle, or -1.</returns>
    internal int Find(uint tag, in FourTuple tuple)
    {
        uint position = tag;
        int handle;
        while ((handle = _index.Next(tag, ref position)) >= 0)
        {
            if (Matches(handle, tuple))
            {
                return handle;
            }
        }

        return -1;
    }

    internal void Add(uint tag, int handle) => _index.Add(tag, handle);

    internal void Replace(uint tag, int oldHandle, int newHandle) => _index.Replace(tag, oldHandle, newHandle);

    internal void Remove(uint tag, int handle) => _index.Remove(tag, handle);

    internal int HandleAt(int slot) => _index.HandleAt(slot);

    internal Connection Connection(int handle) => _connections[Handle.Place(handle)]!;

    /// <summary>Gives a connection its place; it is found by tuple only after <see cref="Add"/>.</summary>
    internal int Place(Connection connection)
    {
        if (!_freeConnections.TryPop(out int place))
        {
            place = _connections.Count;
            _connections.Add(null);
        }

        _connections[place] = connection;
        return Handle.Of(HandleKind.Connection, place);
    }

    internal void FreePlace(int handle)
    {
        _connections[Handle.Place(handle)] = null;
        _freeConnections.Push(Handle.Place(handle));
    }

    /// <summary>Finds the listener for a destination: its own address before the wildcard.</summary>
    internal Listener? FindListener(InetAddress address, ushort port)
    {
        // A flood asks for the same one again and again.
        var wanted = new InetEndpoint(address, port);
        if (_lastFound is { } last && _lastWanted == wanted)
        {
            return last;
        }

        if (_listeners.TryGetValue(wanted, out Listener? listener)
            || _listeners.TryGetValue(new InetEndpoint(InetAddress.Any, port), out listener))
        {
            _lastWanted = wanted;
            _lastFound = listener;
            return listener;
        }

        return null;
    }

    internal void AddListener(Listener listener)
    {
        _listeners[listener.Local] = listener;
        _lastFound = null;
    }

    internal void RemoveListener(Listener listener)
    {
        if (_listeners.TryGetValue(listener.Local, out Listener? found) && found == listener)
        {
            _listeners.Remove(listener.Local);
            _lastFound = null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _index.Dispose();
        Requests.Dispose();
        TimeWaits.Dispose();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Matches(int handle, in FourTuple tuple)
    {
        switch (Handle.Kind(handle))
        {
            case HandleKind.Request:
                ref ConnectionRequest request = ref Requests[Handle.Place(handle)];
                return request.RemoteAddress == tuple.Remote.Address.Bits && request.RemotePort == tuple.Remote.Port
                    && request.LocalAddress == tuple.Local.Address.Bits && request.LocalPort == tuple.Local.Port;
            case HandleKind.Connection:
                return _connections[Handle.Place(handle)]!.Tuple == tuple;
            default:
                return TimeWaits[Handle.Place(handle)].Tuple == tuple;
        }
    }
}
