using System;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Threading;

namespace Earshot.Lab.Native;

/// <summary>A packet socket of the calling thread's network namespace, with the kernel's time for each
/// packet.</summary>
/// <remarks>
/// The ring stamps a frame while the packet is being delivered, always: a socket with SO_TIMESTAMPNS may get the time
/// of the read instead, until the kernel has switched time stamps on.
/// </remarks>
internal sealed unsafe class PacketRing : IDisposable
{
    private const int EthernetTypeIpv4 = 0x0800;
    private const int EveryProtocol = 3;
    private const int Version2 = 1;
    private const uint OwnedByUser = 1;
    private const byte Outgoing = 4;
    private const int LinkAddressLength = 20;

    // struct tpacket2_hdr: status, len, snaplen u32; mac, net u16; sec, nsec u32; after it struct sockaddr_ll with the
    // packet's direction at 10.
    private const int StatusOffset = 0;
    private const int LengthOffset = 4;
    private const int SnapLengthOffset = 8;
    private const int NetOffset = 14;
    private const int SecondsOffset = 16;
    private const int NanosecondsOffset = 20;
    private const int DirectionOffset = 32 + 10;
    private const int HeaderRoom = 128;

    private readonly int _descriptor;
    private readonly nint _ring;
    private readonly Size _size;
    private int _next;

    private PacketRing(int descriptor, nint ring, Size size) => (_descriptor, _ring, _size) = (descriptor, ring, size);

    /// <summary>Told one captured packet.</summary>
    /// <param name="time">The kernel's time, in nanoseconds since 1970.</param>
    /// <param name="packet">The packet from the IP header on, perhaps without the end of its payload.</param>
    /// <param name="length">The packet's whole length.</param>
    /// <param name="outgoing">Whether the kernel sends it.</param>
    public delegate void PacketHandler(long time, ReadOnlySpan<byte> packet, int length, bool outgoing);

    /// <summary>The descriptor, readable when a packet has come.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Opens a ring that sees the headers of every IPv4 packet that is received on any device.</summary>
    /// <remarks>On the loopback device a packet is received once and sent once; this sees only the first, so no packet
    /// comes twice.</remarks>
    /// <param name="ring">The ring.</param>
    /// <param name="problem">The call and errno that failed.</param>
    /// <returns>Whether it is open.</returns>
    public static bool TryOpen([NotNullWhen(true)] out PacketRing? ring, out string problem) =>
        TryOpen(new Size(FrameLength: 512, FrameCount: 8192, BlockLength: 64 * 1024), EthernetTypeIpv4, 0, out ring,
            out problem);

    /// <summary>Opens a ring that sees whole packets of one device in both directions.</summary>
    /// <remarks>An outgoing packet is stamped as it is handed to the device, after segmentation and checksums; an
    /// incoming one before the network layer sees it. So what an injected packet causes always comes after
    /// it.</remarks>
    /// <param name="device">The device's index.</param>
    /// <param name="mtu">The longest packet of the device, in bytes.</param>
    /// <param name="ring">The ring.</param>
    /// <param name="problem">The call and errno that failed.</param>
    /// <returns>Whether it is open.</returns>
    public static bool TryOpen(
        int device, int mtu, [NotNullWhen(true)] out PacketRing? ring, out string problem)
    {
        const int length = 1024 * 1024;
        int frame = (int)Math.Max(BitOperations.RoundUpToPowerOf2((uint)(mtu + HeaderRoom)), 2048);
        return TryOpen(new Size(frame, length / frame, 128 * 1024), EveryProtocol, device, out ring, out problem);
    }

    /// <summary>Hands over every packet that has come and gives the frames back.</summary>
    /// <param name="handler">Told each packet, oldest first.</param>
    public void Drain(PacketHandler handler)
    {
        while (true)
        {
            byte* frame = (byte*)_ring + ((long)_next * _size.FrameLength);
            ref uint status = ref *(uint*)(frame + StatusOffset);
            if ((Volatile.Read(ref status) & OwnedByUser) == 0)
            {
                return;
            }

            int length = *(int*)(frame + LengthOffset);
            int start = *(ushort*)(frame + NetOffset);
            int held = Math.Min(*(int*)(frame + SnapLengthOffset), _size.FrameLength - start);
            long time = (*(uint*)(frame + SecondsOffset) * 1_000_000_000L) + *(uint*)(frame + NanosecondsOffset);
            handler(
                time, new ReadOnlySpan<byte>(frame + start, Math.Min(held, length)), length,
                frame[DirectionOffset] == Outgoing);
            Volatile.Write(ref status, 0);
            _next = (_next + 1) % _size.FrameCount;
        }
    }

    /// <summary>How many packets came while the ring was full, since the last call.</summary>
    public int TakeLost()
    {
        uint* counts = stackalloc uint[2];
        int length = 8;
        return Libc.GetOption(_descriptor, Libc.SolPacket, Libc.PacketStatistics, (byte*)counts, &length) < 0
            ? 0
            : (int)counts[1];
    }

    public void Dispose()
    {
        _ = Libc.Unmap(_ring, _size.Length);
        _ = Libc.Close(_descriptor);
    }

    private static bool TryOpen(
        Size size, int protocol, int device, [NotNullWhen(true)] out PacketRing? ring, out string problem)
    {
        ring = null;
        problem = "";
        ushort wire = BinaryPrimitives.ReverseEndianness((ushort)protocol);
        int descriptor = Libc.Socket(Libc.AfPacket, Libc.SockDgram | Libc.SockCloexec, device == 0 ? wire : 0);
        if (descriptor < 0)
        {
            problem = $"socket(AF_PACKET): {LastError.Name}";
            return false;
        }

        int version = Version2;
        uint* request = stackalloc uint[4]
        {
            (uint)size.BlockLength, (uint)size.Length / (uint)size.BlockLength, (uint)size.FrameLength,
            (uint)size.FrameCount,
        };
        byte* address = stackalloc byte[LinkAddressLength];
        new Span<byte>(address, LinkAddressLength).Clear();
        *(ushort*)address = Libc.AfPacket;
        *(ushort*)(address + 2) = wire;
        *(int*)(address + 4) = device;
        nint memory = -1;
        if (Libc.SetOption(descriptor, Libc.SolPacket, Libc.PacketVersion, (byte*)&version, sizeof(int)) < 0
            || Libc.SetOption(descriptor, Libc.SolPacket, Libc.PacketRxRing, (byte*)request, 16) < 0)
        {
            problem = $"setsockopt(PACKET_RX_RING): {LastError.Name}";
        }
        else if ((memory = Libc.Map(
            0, size.Length, Libc.ProtRead | Libc.ProtWrite, Libc.MapShared, descriptor, 0)) == -1)
        {
            problem = $"mmap of a packet ring: {LastError.Name}";
        }
        else if (device != 0 && Libc.Bind(descriptor, address, LinkAddressLength) < 0)
        {
            problem = $"bind of a packet socket to a device: {LastError.Name}";
        }

        if (problem.Length == 0)
        {
            ring = new PacketRing(descriptor, memory, size);
            return true;
        }

        if (memory != -1)
        {
            _ = Libc.Unmap(memory, size.Length);
        }

        _ = Libc.Close(descriptor);
        return false;
    }

    /// <summary>A ring's frames, each with a header and one packet, in blocks of pages.</summary>
    private readonly record struct Size(int FrameLength, int FrameCount, int BlockLength)
    {
        public nuint Length => (nuint)(FrameLength * FrameCount);
    }
}
