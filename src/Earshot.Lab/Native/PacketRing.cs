using System;
using System.Buffers.Binary;
using System.Threading;

namespace Earshot.Lab.Native;

/// <summary>A packet socket that sees every IPv4 packet received in the calling thread's network namespace, with the
/// kernel's time for each.</summary>
/// <remarks>
/// On the loopback device a packet is received once and sent once; a socket bound to the protocol IPv4 sees only
/// the first, so no packet comes twice. The ring stamps a frame while the packet is being delivered, always: a
/// socket with SO_TIMESTAMPNS may get the time of the read instead, until the kernel has switched time stamps on.
/// </remarks>
internal sealed unsafe class PacketRing : IDisposable
{
    // A frame holds the ring's header and the packet's headers; the payload may be cut.
    private const int FrameLength = 512;
    private const int FrameCount = 8192;
    private const int BlockLength = 64 * 1024;
    private const int RingLength = FrameLength * FrameCount;
    private const int EthernetTypeIpv4 = 0x0800;
    private const int Version2 = 1;
    private const uint OwnedByUser = 1;

    // struct tpacket2_hdr: status, len, snaplen u32; mac, net u16; sec, nsec u32.
    private const int StatusOffset = 0;
    private const int LengthOffset = 4;
    private const int SnapLengthOffset = 8;
    private const int NetOffset = 14;
    private const int SecondsOffset = 16;
    private const int NanosecondsOffset = 20;

    private readonly int _descriptor;
    private readonly nint _ring;
    private int _next;

    private PacketRing(int descriptor, nint ring) => (_descriptor, _ring) = (descriptor, ring);

    /// <summary>Told one captured packet.</summary>
    /// <param name="time">The kernel's time, in nanoseconds since 1970.</param>
    /// <param name="packet">The packet from the IP header on, perhaps without the end of its payload.</param>
    /// <param name="length">The packet's whole length.</param>
    public delegate void PacketHandler(long time, ReadOnlySpan<byte> packet, int length);

    /// <summary>The descriptor, readable when a packet has come.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Opens the ring in the calling thread's network namespace.</summary>
    /// <param name="ring">The ring.</param>
    /// <param name="problem">The call and errno that failed.</param>
    /// <returns>Whether it is open.</returns>
    public static bool TryOpen(
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PacketRing? ring, out string problem)
    {
        ring = null;
        int protocol = BinaryPrimitives.ReverseEndianness((ushort)EthernetTypeIpv4);
        int descriptor = Libc.Socket(Libc.AfPacket, Libc.SockDgram | Libc.SockCloexec, protocol);
        if (descriptor < 0)
        {
            problem = $"socket(AF_PACKET): {LastError.Name}";
            return false;
        }

        int version = Version2;
        uint* request = stackalloc uint[4] { BlockLength, RingLength / BlockLength, FrameLength, FrameCount };
        if (Libc.SetOption(descriptor, Libc.SolPacket, Libc.PacketVersion, (byte*)&version, sizeof(int)) < 0
            || Libc.SetOption(descriptor, Libc.SolPacket, Libc.PacketRxRing, (byte*)request, 16) < 0)
        {
            problem = $"setsockopt(PACKET_RX_RING): {LastError.Name}";
            _ = Libc.Close(descriptor);
            return false;
        }

        nint memory = Libc.Map(0, RingLength, Libc.ProtRead | Libc.ProtWrite, Libc.MapShared, descriptor, 0);
        if (memory == -1)
        {
            problem = $"mmap of a packet ring: {LastError.Name}";
            _ = Libc.Close(descriptor);
            return false;
        }

        problem = "";
        ring = new PacketRing(descriptor, memory);
        return true;
    }

    /// <summary>Hands over every packet that has come and gives the frames back.</summary>
    /// <param name="handler">Told each packet, oldest first.</param>
    public void Drain(PacketHandler handler)
    {
        while (true)
        {
            byte* frame = (byte*)_ring + ((long)_next * FrameLength);
            ref uint status = ref *(uint*)(frame + StatusOffset);
            if ((Volatile.Read(ref status) & OwnedByUser) == 0)
            {
                return;
            }

            int length = *(int*)(frame + LengthOffset);
            int held = *(int*)(frame + SnapLengthOffset);
            int start = *(ushort*)(frame + NetOffset);
            long time = (*(uint*)(frame + SecondsOffset) * 1_000_000_000L) + *(uint*)(frame + NanosecondsOffset);
            handler(time, new ReadOnlySpan<byte>(frame + start, Math.Min(held, FrameLength - start)), length);
            Volatile.Write(ref status, 0);
            _next = (_next + 1) % FrameCount;
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
        _ = Libc.Unmap(_ring, RingLength);
        _ = Libc.Close(_descriptor);
    }
}
