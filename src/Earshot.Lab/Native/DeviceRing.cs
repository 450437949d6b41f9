using System;
using System.Buffers.Binary;
using System.Threading;

namespace Earshot.Lab.Native;

/// <summary>A packet socket on one device that sees whole packets in both directions, with the kernel's time for
/// each.</summary>
/// <remarks>
/// An outgoing packet is stamped as it is handed to the device, after segmentation and checksums; an incoming one
/// before the network layer sees it. So what an injected packet causes always comes after it.
/// </remarks>
internal sealed unsafe class DeviceRing : IDisposable
{
    private const int BlockLength = 128 * 1024;
    private const int RingLength = 8 * BlockLength;
    private const int EveryProtocol = 3;
    private const int Version2 = 1;
    private const uint OwnedByUser = 1;
    private const byte Outgoing = 4;
    private const int LinkAddressLength = 20;

    // struct tpacket2_hdr, and after it struct sockaddr_ll with the packet's direction at 10.
    private const int LengthOffset = 4;
    private const int SnapLengthOffset = 8;
    private const int NetOffset = 14;
    private const int SecondsOffset = 16;
    private const int NanosecondsOffset = 20;
    private const int DirectionOffset = 32 + 10;
    private const int HeaderRoom = 128;

    private readonly int _descriptor;
    private readonly nint _ring;
    private readonly int _frameLength;
    private readonly int _frameCount;
    private int _next;

    private DeviceRing(int descriptor, nint ring, int frameLength)
    {
        (_descriptor, _ring, _frameLength) = (descriptor, ring, frameLength);
        _frameCount = RingLength / frameLength;
    }

    /// <summary>Told one captured packet.</summary>
    /// <param name="time">The kernel's time, in nanoseconds since 1970.</param>
    /// <param name="packet">The packet from the IP header on.</param>
    /// <param name="outgoing">Whether the kernel sends it.</param>
    public delegate void PacketHandler(long time, ReadOnlySpan<byte> packet, bool outgoing);

    /// <summary>The descriptor, readable when a packet has come.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Opens the ring on a device of the calling thread's network namespace.</summary>
    /// <param name="device">The device's index.</param>
    /// <param name="mtu">The longest packet of the device, in bytes.</param>
    /// <param name="ring">The ring.</param>
    /// <param name="problem">The call and errno that failed.</param>
    /// <returns>Whether it is open.</returns>
    public static bool TryOpen(
        int device,
        int mtu,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out DeviceRing? ring,
        out string problem)
    {
        ring = null;
        int frame = (int)BitOperationsRoundUp(mtu + HeaderRoom);
        int descriptor = Libc.Socket(Libc.AfPacket, Libc.SockDgram | Libc.SockCloexec, 0);
        if (descriptor < 0)
        {
            problem = $"socket(AF_PACKET): {LastError.Name}";
            return false;
        }

        int version = Version2;
        uint* request = stackalloc uint[4]
        {
            BlockLength, RingLength / BlockLength, (uint)frame, (uint)(RingLength / frame),
        };
        byte* address = stackalloc byte[LinkAddressLength];
        new Span<byte>(address, LinkAddressLength).Clear();
        *(ushort*)address = Libc.AfPacket;
        *(ushort*)(address + 2) = BinaryPrimitives.ReverseEndianness((ushort)EveryProtocol);
        *(int*)(address + 4) = device;
        nint memory = -1;
        if (Libc.SetOption(descriptor, Libc.SolPacket, Libc.PacketVersion, (byte*)&version, sizeof(int)) < 0
            || Libc.SetOption(descriptor, Libc.SolPacket, Libc.PacketRxRing, (byte*)request, 16) < 0
            || (memory = Libc.Map(0, RingLength, Libc.ProtRead | Libc.ProtWrite, Libc.MapShared, descriptor, 0)) == -1
            || Libc.Bind(descriptor, address, LinkAddressLength) < 0)
        {
            problem = $"packet ring on a device: {LastError.Name}";
            if (memory != -1)
            {
                _ = Libc.Unmap(memory, RingLength);
            }

            _ = Libc.Close(descriptor);
            return false;
        }

        problem = "";
        ring = new DeviceRing(descriptor, memory, frame);
        return true;
    }

    /// <summary>Hands over every packet that has come and gives the frames back.</summary>
    /// <param name="handler">Told each packet, oldest first.</param>
    public void Drain(PacketHandler handler)
    {
        while (true)
        {
            byte* frame = (byte*)_ring + ((long)_next * _frameLength);
            ref uint status = ref *(uint*)frame;
            if ((Volatile.Read(ref status) & OwnedByUser) == 0)
            {
                return;
            }

            int held = Math.Min(*(int*)(frame + SnapLengthOffset), *(int*)(frame + LengthOffset));
            int start = *(ushort*)(frame + NetOffset);
            long time = (*(uint*)(frame + SecondsOffset) * 1_000_000_000L) + *(uint*)(frame + NanosecondsOffset);
            handler(time, new ReadOnlySpan<byte>(frame + start, held), frame[DirectionOffset] == Outgoing);
            Volatile.Write(ref status, 0);
            _next = (_next + 1) % _frameCount;
        }
    }

    public void Dispose()
    {
        _ = Libc.Unmap(_ring, RingLength);
        _ = Libc.Close(_descriptor);
    }

    private static uint BitOperationsRoundUp(int length) =>
        Math.Max(System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length), 2048);
}
