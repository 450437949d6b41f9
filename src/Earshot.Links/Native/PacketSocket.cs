using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Earshot.Links.Native;

/// <summary>AF_PACKET: sockets, rings, many frames a call (Linux: net/packet/af_packet.c).</summary>
internal static unsafe class PacketSocket
{
    private const int Packet = 17;
    private const int Raw = 3;
    private const ushort AllProtocols = 3;
    private const int SolPacket = 263;
    private const int AddMembership = 1;
    private const int RingOption = 5;
    private const int StatisticsOption = 6;
    private const int VersionOption = 10;
    private const int IgnoreOutgoing = 23;
    private const int Version3 = 2;
    private const ushort Promiscuous = 1;
    private const uint GetHardwareAddress = 0x8927;
    private const int FrameBytes = 2048;
    private const int ReadWriteMapping = 3;
    private const int SharedMapping = 1;
    private const int DontWait = 0x40;

    /// <summary>Opens a socket that sees every frame of a device but those that it sends.</summary>
    internal static SafeFileHandle Open(string name, bool promiscuous)
    {
        uint index = LibC.InterfaceIndex(name);
        if (index == 0)
        {
            throw new LinkException(
                LinkFailure.NoSuchDevice, $"There is no device {name}: \"ip link\" shows those there are.");
        }

        SafeFileHandle socket = LibC.Wrap(LibC.Socket(
            Packet, Raw | LibC.CloseOnExec | LibC.NonBlocking, BinaryPrimitives.ReverseEndianness(AllProtocols)))
            ?? throw Failed("Cannot open a packet socket: run as root (CAP_NET_RAW).");
        try
        {
            Set(socket, VersionOption, Version3, $"The kernel has no TPACKET_V3 for {name}.");
            Set(socket, IgnoreOutgoing, 1, $"Cannot leave out the frames that {name} sends.");
            LinkLayerAddress address = new()
            {
                Family = Packet,
                Protocol = BinaryPrimitives.ReverseEndianness(AllProtocols),
                Index = (int)index,
            };
            if (LibC.Bind(socket, &address, (uint)sizeof(LinkLayerAddress)) < 0)
            {
                throw Failed($"Cannot listen on {name}.");
            }

            Membership membership = new() { Index = (int)index, Type = Promiscuous };
            if (promiscuous && LibC.SetOption(
                socket, SolPacket, AddMembership, &membership, (uint)sizeof(Membership)) < 0)
            {
                throw Failed($"Cannot take the frames of other stations on {name}.");
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    internal static PacketRing MapRing(SafeFileHandle socket, PacketSocketOptions options)
    {
        RingRequest request = new()
        {
            BlockBytes = (uint)options.BlockBytes,
            Blocks = (uint)options.Blocks,
            FrameBytes = FrameBytes,
            Frames = (uint)((long)options.BlockBytes * options.Blocks / FrameBytes),
            TimeoutMilliseconds = (uint)options.BlockTimeout.TotalMilliseconds,
        };
        if (LibC.SetOption(socket, SolPacket, RingOption, &request, (uint)sizeof(RingRequest)) < 0)
        {
            throw Failed("Cannot make the ring of received frames; ask for a smaller one.");
        }

        nuint bytes = (nuint)options.BlockBytes * (nuint)options.Blocks;
        void* start = LibC.Map(null, bytes, ReadWriteMapping, SharedMapping, socket, 0);
        return (nint)start == -1
            ? throw Failed("Cannot map the ring of received frames.")
            : new PacketRing((byte*)start, bytes, options.BlockBytes, options.Blocks);
    }

    /// <summary>Frames dropped since the last question, added up by the caller's socket.</summary>
    internal static long Drops(SafeFileHandle socket)
    {
        uint* numbers = stackalloc uint[3];
        uint length = 3 * sizeof(uint);
        return LibC.GetOption(socket, SolPacket, StatisticsOption, numbers, &length) < 0 ? 0 : numbers[1];
    }

    internal static byte[] Address(string name)
    {
        using SafeFileHandle socket = LibC.Wrap(LibC.Socket(
            LibC.InterNetwork, LibC.Datagram | LibC.CloseOnExec, 0)) ?? throw Failed("Cannot open a socket.");
        InterfaceRequest request = new(name);
        if (LibC.IoControl(socket, GetHardwareAddress, &request) < 0)
        {
            throw Failed($"Cannot read the address of {name}.");
        }

        return request.HardwareAddress();
    }

    /// <summary>Sends frames that stand one behind the other.</summary>
    /// <returns>How many the kernel took, or -1.</returns>
    internal static int Send(SafeFileHandle socket, byte[] frames, int at, ReadOnlySpan<int> lengths)
    {
        LibC.IoVector* parts = stackalloc LibC.IoVector[lengths.Length];
        MessageHeader* messages = stackalloc MessageHeader[lengths.Length];
        fixed (byte* start = frames)
        {
            byte* next = start + at;
            for (int i = 0; i < lengths.Length; i++)
            {
                parts[i] = new LibC.IoVector { Start = next, Length = (nuint)lengths[i] };
                messages[i] = new MessageHeader { Parts = parts + i, PartCount = 1 };
                next += lengths[i];
            }

            return LibC.SendMany(socket, messages, (uint)lengths.Length, DontWait);
        }
    }

    private static void Set(SafeFileHandle socket, int option, int value, string failure)
    {
        if (LibC.SetOption(socket, SolPacket, option, &value, sizeof(int)) < 0)
        {
            throw Failed(failure);
        }
    }

    private static LinkException Failed(string message)
    {
        int errno = Marshal.GetLastPInvokeError();
        LinkFailure failure = errno is Errno.NotPermitted or Errno.AccessDenied
            ? LinkFailure.NotPermitted : LinkFailure.Other;
        return new LinkException(failure, $"{message} ({Marshal.GetPInvokeErrorMessage(errno)})", errno);
    }

    /// <summary>struct sockaddr_ll.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct LinkLayerAddress
    {
        internal ushort Family;
        internal ushort Protocol;
        internal int Index;
        internal ushort Hardware;
        internal byte Type;
        internal byte AddressLength;
        internal ulong Address;
    }

    /// <summary>struct packet_mreq.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Membership
    {
        internal int Index;
        internal ushort Type;
        internal ushort AddressLength;
        internal ulong Address;
    }

    /// <summary>struct tpacket_req3.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct RingRequest
    {
        internal uint BlockBytes;
        internal uint Blocks;
        internal uint FrameBytes;
        internal uint Frames;
        internal uint TimeoutMilliseconds;
        internal uint PrivateBytes;
        internal uint Features;
    }

    /// <summary>struct mmsghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct MessageHeader
    {
        internal void* Name;
        internal ulong NameLength;
        internal LibC.IoVector* Parts;
        internal nuint PartCount;
        internal void* Control;
        internal nuint ControlLength;
        internal ulong Flags;
        internal ulong Sent;
    }
}
