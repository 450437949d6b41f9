using System;
using System.Buffers.Binary;
using System.Net;

namespace Earshot.Monitor.Reading;

/// <summary>A TCP socket as the kernel's sock_diag tells of it. What it did not tell is null.</summary>
/// <remarks>
/// <code>
/// inet_diag_msg, 72 bytes (attributes follow)
///  0 family  1 state  2 timer  3 retrans
///  4 sport be16   6 dport be16   8 source[16]   24 destination[16]   40 interface   44 cookie low, high
/// 52 expires ms   56 rqueue      60 wqueue      64 uid               68 inode
/// </code>
/// </remarks>
internal readonly struct DiagRow
{
    public const int Length = 72;

    private const int TimerOffset = 2;
    private const int RetransOffset = 3;
    private const int PortOffset = 4;
    private const int PeerPortOffset = 6;
    private const int SourceOffset = 8;
    private const int DestinationOffset = 24;
    private const int InterfaceOffset = 40;
    private const int CookieOffset = 44;
    private const int ExpiresOffset = 52;
    private const int ReceiveQueueOffset = 56;
    private const int SendQueueOffset = 60;
    private const int UidOffset = 64;
    private const int InodeOffset = 68;

    private const int AttributeSkMemInfo = 7;
    private const int AttributeV6Only = 11;
    private const int AttributeUlp = 19;
    private const int AttributeCgroup = 21;
    private const int AttributeTypeMask = 0x3fff;

    // Word 8 of SKMEMINFO; kernels before 4.9 end before it.
    private const int DropsOffset = 32;

    private DiagRow(ReadOnlySpan<byte> message)
    {
        Family = message[0];
        State = (TcpState)message[1];
        Timer = message[TimerOffset];
        Retrans = message[RetransOffset];
        Port = BinaryPrimitives.ReadUInt16BigEndian(message[PortOffset..]);
        PeerPort = BinaryPrimitives.ReadUInt16BigEndian(message[PeerPortOffset..]);
        Source = BinaryPrimitives.ReadUInt128BigEndian(message[SourceOffset..]);
        Destination = BinaryPrimitives.ReadUInt128BigEndian(message[DestinationOffset..]);
        Interface = BinaryPrimitives.ReadUInt32LittleEndian(message[InterfaceOffset..]);
        Cookie = BinaryPrimitives.ReadUInt64LittleEndian(message[CookieOffset..]);
        Expires = BinaryPrimitives.ReadUInt32LittleEndian(message[ExpiresOffset..]);
        ReceiveQueue = BinaryPrimitives.ReadUInt32LittleEndian(message[ReceiveQueueOffset..]);
        SendQueue = BinaryPrimitives.ReadUInt32LittleEndian(message[SendQueueOffset..]);
        Uid = BinaryPrimitives.ReadUInt32LittleEndian(message[UidOffset..]);
        Inode = BinaryPrimitives.ReadUInt32LittleEndian(message[InodeOffset..]);
        for (ReadOnlySpan<byte> rest = message[Length..]; rest.Length >= 4;)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(rest);
            if (length < 4 || length > rest.Length)
            {
                break;
            }

            ReadOnlySpan<byte> value = rest[4..length];
            switch (BinaryPrimitives.ReadUInt16LittleEndian(rest[2..]) & AttributeTypeMask)
            {
                case AttributeSkMemInfo when value.Length >= DropsOffset + 4:
                    Drops = BinaryPrimitives.ReadUInt32LittleEndian(value[DropsOffset..]);
                    break;
                case AttributeV6Only when value.Length >= 1:
                    V6Only = value[0] != 0;
                    break;
                case AttributeCgroup when value.Length >= 8:
                    Cgroup = BinaryPrimitives.ReadUInt64LittleEndian(value);
                    break;
                case AttributeUlp:
                    IsMptcp = value.IndexOf("mptcp"u8) >= 0;
                    break;
            }

            rest = rest[Math.Min((length + 3) & ~3, rest.Length)..];
        }
    }

    /// <summary>2 or 10: AF_INET or AF_INET6.</summary>
    public byte Family { get; }

    public TcpState State { get; }

    /// <summary>0 none, 1 retransmission, 2 keepalive, 3 TIME_WAIT, 4 probe.</summary>
    public byte Timer { get; }

    /// <summary>How often the SYN-ACK of a half-open connection was sent again.</summary>
    public byte Retrans { get; }

    public ushort Port { get; }

    public ushort PeerPort { get; }

    /// <summary>The 16 bytes of the local address; IPv4 is in the first four.</summary>
    public UInt128 Source { get; }

    /// <summary>The 16 bytes of the peer's address.</summary>
    public UInt128 Destination { get; }

    public uint Interface { get; }

    /// <summary>The socket's number, never used again until the next boot.</summary>
    public ulong Cookie { get; }

    /// <summary>Milliseconds to the timer's end.</summary>
    public uint Expires { get; }

    /// <summary>Of a listener the length of the accept queue; of a connection the unread bytes.</summary>
    public uint ReceiveQueue { get; }

    /// <summary>Of a listener the limit of the accept queue.</summary>
    public uint SendQueue { get; }

    public uint Uid { get; }

    /// <summary>0 for a connection that nobody has accepted, or that its owner has closed.</summary>
    public uint Inode { get; }

    /// <summary>sk_drops, a 32-bit count that wraps; null when the kernel does not tell (before Linux 4.9).</summary>
    public uint? Drops { get; }

    public bool? V6Only { get; }

    /// <summary>The inode of the cgroup in which the socket was made.</summary>
    public ulong? Cgroup { get; }

    public bool IsMptcp { get; }

    /// <summary>Reads a row; false when the message is too short to be one.</summary>
    public static bool TryParse(ReadOnlySpan<byte> message, out DiagRow row)
    {
        row = message.Length >= Length ? new DiagRow(message) : default;
        return message.Length >= Length;
    }

    /// <summary>The fields that change while a listener lives, read without the rest.</summary>
    public static (ulong Cookie, uint Queue, uint Limit) Hot(ReadOnlySpan<byte> message) => (
        BinaryPrimitives.ReadUInt64LittleEndian(message[CookieOffset..]),
        BinaryPrimitives.ReadUInt32LittleEndian(message[ReceiveQueueOffset..]),
        BinaryPrimitives.ReadUInt32LittleEndian(message[SendQueueOffset..]));

    /// <summary>sk_drops alone; null when the row has none.</summary>
    public static uint? HotDrops(ReadOnlySpan<byte> message)
    {
        for (ReadOnlySpan<byte> rest = message[Length..]; rest.Length >= 4;)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(rest);
            if (length < 4 || length > rest.Length)
            {
                return null;
            }

            if ((BinaryPrimitives.ReadUInt16LittleEndian(rest[2..]) & AttributeTypeMask) == AttributeSkMemInfo)
            {
                return length >= 4 + DropsOffset + 4
                    ? BinaryPrimitives.ReadUInt32LittleEndian(rest[(4 + DropsOffset)..])
                    : null;
            }

            rest = rest[Math.Min((length + 3) & ~3, rest.Length)..];
        }

        return null;
    }

    /// <summary>An address of 16 bytes as people write it.</summary>
    public static string AddressText(byte family, UInt128 bytes)
    {
        Span<byte> raw = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(raw, bytes);
        return new IPAddress(family == DiagProtocol.Inet ? raw[..4] : raw).ToString();
    }
}
