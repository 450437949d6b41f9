using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
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
    private readonly ulong _key0;
    private readonly ulong _key1;
    private readonly List<Connection?> _connections = [];
    private readonly Stack<int> _freeConnections = new();

    internal SocketTable(StackContext context)
    {
        Chance chance = context.Stream(ChanceStream.SocketHash);
        _key0 = chance.Next();
        _key1 = chance.Next() | 1;
        Requests = new Slab<ConnectionRequest>(Math.Min(context.Options.RequestLimit, Handle.MaximumPlaces));
        RequestAddresses = new Slab<AddressPair>(Requests.Limit);
        TimeWaits = new Slab<TimeWaitEntry>(Handle.MaximumPlaces);
        Listeners = new ListenerTable(context.Options.Processor);
    }

    /// <summary>Listeners, by address and port.</summary>
    internal ListenerTable Listeners { get; }

    internal Slab<ConnectionRequest> Requests { get; }

    /// <summary>The addresses of requests over IPv6: a request over IPv4 has its own in itself.</summary>
    internal Slab<AddressPair> RequestAddresses { get; }

    internal Slab<TimeWaitEntry> TimeWaits { get; }

    /// <summary>Bytes that requests, TIME_WAIT entries and the index take.</summary>
    internal long Bytes => Requests.Bytes + RequestAddresses.Bytes + TimeWaits.Bytes + _index.Bytes;

    /// <summary>Whether the index is so large that fetching its slots ahead pays.</summary>
    internal bool IsLarge => _index.Bytes > 1 << 17;

    /// <summary>Slots of the index, for walking it in its order.</summary>
    internal int IndexSize => _index.Size;

    /// <summary>The hash of a four-tuple under this stack's key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint Tag(uint local, uint remote, ushort localPort, ushort remotePort)
    {
        ulong addresses = ((ulong)local << 32) | remote;
        ulong ports = ((ulong)localPort << 16) | remotePort;
        ulong mixed = Fold(addresses ^ _key0, (ports << 32 | ports) ^ _key1);
        return (uint)Fold(mixed, 0x9e3779b97f4a7c15);
    }

    /// <summary>The two halves of a product, one upon the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Fold(ulong a, ulong b)
    {
        if (Bmi2.X64.IsSupported)
        {
            // Two multiplications in registers: the form with two results goes through memory.
            return Bmi2.X64.MultiplyNoFlags(a, b) ^ (a * b);
        }

        ulong high = Math.BigMul(a, b, out ulong low);
        return high ^ low;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint Tag(in FourTuple tuple) => tuple.Remote.Address.IsIPv4
        ? Tag(tuple.Local.Address.Bits, tuple.Remote.Address.Bits, tuple.Local.Port, tuple.Remote.Port)
        : (uint)SipHash.Hash(_key0, _key1, tuple);

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

    /// <inheritdoc/>
    public void Dispose()
    {
        _index.Dispose();
        Requests.Dispose();
        RequestAddresses.Dispose();
        TimeWaits.Dispose();
    }

    /// <summary>Writes a connection's ends into a request.</summary>
    /// <remarks>Over IPv6 the place of the peer's IPv4 address has its hash, for a listener's own buckets.</remarks>
    internal void Name(ref ConnectionRequest request, in FourTuple tuple)
    {
        request.LocalPort = tuple.Local.Port;
        request.RemotePort = tuple.Remote.Port;
        if (tuple.Remote.Address.IsIPv4)
        {
            request.LocalAddress = tuple.Local.Address.Bits;
            request.RemoteAddress = tuple.Remote.Address.Bits;
            return;
        }

        // There are as many places as requests.
        int place = RequestAddresses.Allocate();
        RequestAddresses[place] = new AddressPair { Local = tuple.Local.Address, Remote = tuple.Remote.Address };
        request.Flags |= RequestFlags.IPv6;
        request.LocalAddress = (uint)place;
        request.RemoteAddress = BucketKey(tuple.Remote.Address);
    }

    /// <summary>What a request has in the place of the peer's IPv4 address: that, or over IPv6 a hash.</summary>
    internal uint BucketKey(in InetAddress remote) =>
        remote.IsIPv4 ? remote.Bits : (uint)SipHash.Hash(_key0, _key1, remote.High, remote.Low);

    /// <summary>Takes a request out of its slab, with its addresses.</summary>
    internal void FreeRequest(int place)
    {
        ref ConnectionRequest request = ref Requests[place];
        if (request.Has(RequestFlags.IPv6))
        {
            RequestAddresses.Free((int)request.LocalAddress);
        }

        Requests.Free(place);
    }

    /// <summary>This host's address of a request.</summary>
    internal InetAddress LocalAddress(in ConnectionRequest request) => request.Has(RequestFlags.IPv6)
        ? RequestAddresses[(int)request.LocalAddress].Local : new InetAddress(request.LocalAddress);

    /// <summary>The peer's address of a request.</summary>
    internal InetAddress RemoteAddress(in ConnectionRequest request) => request.Has(RequestFlags.IPv6)
        ? RequestAddresses[(int)request.LocalAddress].Remote : new InetAddress(request.RemoteAddress);

    /// <summary>Both ends of a request.</summary>
    internal FourTuple Tuple(in ConnectionRequest request) => new(
        new InetEndpoint(LocalAddress(request), request.LocalPort),
        new InetEndpoint(RemoteAddress(request), request.RemotePort));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Matches(int handle, in FourTuple tuple)
    {
        switch (Handle.Kind(handle))
        {
            case HandleKind.Request:
                ref ConnectionRequest request = ref Requests[Handle.Place(handle)];
                return request.RemotePort == tuple.Remote.Port && request.LocalPort == tuple.Local.Port
                    && (request.Has(RequestFlags.IPv6)
                        ? tuple.Remote.Address == RemoteAddress(request) && tuple.Local.Address == LocalAddress(request)
                        : tuple.Remote.Address.IsIPv4 && request.RemoteAddress == tuple.Remote.Address.Bits
                            && request.LocalAddress == tuple.Local.Address.Bits);
            case HandleKind.Connection:
                return _connections[Handle.Place(handle)]!.Tuple == tuple;
            default:
                return TimeWaits[Handle.Place(handle)].Tuple == tuple;
        }
    }
}
