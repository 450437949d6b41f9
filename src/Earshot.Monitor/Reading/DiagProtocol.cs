using System;
using System.Buffers.Binary;

namespace Earshot.Monitor.Reading;

/// <summary>The requests of NETLINK_SOCK_DIAG and the framing of its answers.</summary>
internal static class DiagProtocol
{
    public const byte Unix = 1;
    public const byte Inet = 2;
    public const byte Inet6 = 10;
    public const int Tcp = 6;
    public const int Mptcp = 262;
    public const int HeaderLength = 16;
    public const int RequestLength = HeaderLength + 56;
    public const int UnixRequestLength = HeaderLength + 24;

    /// <summary>Asks for SKMEMINFO, whose last word is sk_drops. Queue and limit come without asking.</summary>
    public const byte WithDrops = 1 << 6;

    public const ulong NoCookie = ulong.MaxValue;

    /// <summary>What to show of a unix socket: its name, the file it is bound to, queue and limit, user.</summary>
    public const uint UnixShow = 1 | 2 | 0x10 | 0x40;

    /// <summary>How many ports one dump can be limited to.</summary>
    public const int MostPorts = 64;

    /// <summary>The room that the longest request needs.</summary>
    public const int LongestRequest = RequestLength + AttributeLength + 4 + (MostPorts * PortBlockLength);

    private const ushort SockDiagByFamily = 20;
    private const ushort MessageError = 2;
    private const ushort MessageDone = 3;
    private const ushort FlagRequest = 1;
    private const ushort FlagDump = 0x300;
    private const ushort FlagInterrupted = 0x10;
    private const int AttributeBytecode = 1;
    private const int AttributeProtocol = 3;
    private const int AttributeLength = 8;

    // The filter's commands: source port at least, at most (8 bytes each), and a jump (4) over what follows.
    private const byte SourceAtLeast = 2;
    private const byte SourceAtMost = 3;
    private const byte Jump = 1;
    private const int CommandLength = 8;
    private const int JumpLength = 4;
    private const int PortBlockLength = (2 * CommandLength) + JumpLength;

    /// <summary>The mask of a state in a dump.</summary>
    public static uint Mask(params ReadOnlySpan<TcpState> states)
    {
        uint mask = 0;
        foreach (TcpState state in states)
        {
            mask |= 1u << (int)state;
        }

        return mask;
    }

    /// <summary>Writes the request of a dump.</summary>
    /// <param name="at">Where to; <see cref="LongestRequest"/> bytes are enough.</param>
    /// <param name="family">AF_INET or AF_INET6.</param>
    /// <param name="protocol">IPPROTO_TCP or IPPROTO_MPTCP.</param>
    /// <param name="states">A mask of states.</param>
    /// <param name="extensions">What to tell beside the fixed part.</param>
    /// <param name="ports">The local ports to tell of, at most <see cref="MostPorts"/>; none for all.</param>
    /// <returns>Its length.</returns>
    public static int WriteDump(
        Span<byte> at, byte family, int protocol, uint states, byte extensions, ReadOnlySpan<ushort> ports)
    {
        int length = protocol > byte.MaxValue ? RequestLength + AttributeLength : RequestLength;
        at[..length].Clear();
        WriteHeader(at, length, FlagRequest | FlagDump);
        at[HeaderLength] = family;
        at[HeaderLength + 1] = (byte)(protocol > byte.MaxValue ? 0 : protocol);
        at[HeaderLength + 2] = extensions;
        BinaryPrimitives.WriteUInt32LittleEndian(at[(HeaderLength + 4)..], states);
        BinaryPrimitives.WriteUInt64LittleEndian(at[(HeaderLength + 48)..], NoCookie);
        if (protocol > byte.MaxValue)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(at[RequestLength..], AttributeLength);
            BinaryPrimitives.WriteUInt16LittleEndian(at[(RequestLength + 2)..], AttributeProtocol);
            BinaryPrimitives.WriteUInt32LittleEndian(at[(RequestLength + 4)..], (uint)protocol);
        }

        if (ports.Length > 0)
        {
            length += WritePorts(at[length..], ports);
            BinaryPrimitives.WriteInt32LittleEndian(at, length);
        }

        return length;
    }

    // One of several ports: a block for each, from which a match jumps to the very end, which accepts. The last block
    // needs no jump: its end is the end, and a miss goes four bytes beyond it, which refuses.
    private static int WritePorts(Span<byte> at, ReadOnlySpan<ushort> ports)
    {
        int code = (ports.Length * PortBlockLength) - JumpLength;
        BinaryPrimitives.WriteUInt16LittleEndian(at, (ushort)(4 + code));
        BinaryPrimitives.WriteUInt16LittleEndian(at[2..], AttributeBytecode);
        Span<byte> rest = at.Slice(4, code);
        rest.Clear();
        for (int i = 0; i < ports.Length; i++)
        {
            WriteCommand(rest, SourceAtLeast, PortBlockLength, ports[i]);
            WriteCommand(rest[CommandLength..], SourceAtMost, PortBlockLength - CommandLength, ports[i]);
            rest = rest[(2 * CommandLength)..];
            if (rest.Length > 0)
            {
                rest[0] = Jump;
                rest[1] = JumpLength;
                BinaryPrimitives.WriteUInt16LittleEndian(rest[2..], (ushort)rest.Length);
                rest = rest[JumpLength..];
            }
        }

        return 4 + code;
    }

    private static void WriteCommand(Span<byte> at, byte command, int otherwise, ushort port)
    {
        at[0] = command;
        at[1] = CommandLength;
        BinaryPrimitives.WriteUInt16LittleEndian(at[2..], (ushort)otherwise);
        BinaryPrimitives.WriteUInt16LittleEndian(at[6..], port);
    }

    /// <summary>Writes the request for one listener, which the kernel finds as it would for a packet from port
    /// <paramref name="peerPort"/>.</summary>
    /// <returns>Its length.</returns>
    public static int WriteGet(
        Span<byte> at, byte family, UInt128 address, ushort port, ushort peerPort, uint device, ulong cookie,
        byte extensions = WithDrops)
    {
        at[..RequestLength].Clear();
        WriteHeader(at, RequestLength, FlagRequest);
        at[HeaderLength] = family;
        at[HeaderLength + 1] = Tcp;
        at[HeaderLength + 2] = extensions;
        BinaryPrimitives.WriteUInt32LittleEndian(at[(HeaderLength + 4)..], Mask(TcpState.Listen));
        BinaryPrimitives.WriteUInt16BigEndian(at[(HeaderLength + 8)..], port);
        BinaryPrimitives.WriteUInt16BigEndian(at[(HeaderLength + 10)..], peerPort);
        BinaryPrimitives.WriteUInt128BigEndian(at[(HeaderLength + 12)..], address);
        BinaryPrimitives.WriteUInt32LittleEndian(at[(HeaderLength + 44)..], device);
        BinaryPrimitives.WriteUInt64LittleEndian(at[(HeaderLength + 48)..], cookie);
        return RequestLength;
    }

    /// <summary>Writes the request for all unix listeners, or for one by inode and cookie.</summary>
    /// <returns>Its length.</returns>
    public static int WriteUnix(Span<byte> at, uint inode, ulong cookie)
    {
        at[..UnixRequestLength].Clear();
        WriteHeader(at, UnixRequestLength, (ushort)(inode == 0 ? FlagRequest | FlagDump : FlagRequest));
        at[HeaderLength] = Unix;
        BinaryPrimitives.WriteUInt32LittleEndian(at[(HeaderLength + 4)..], Mask(TcpState.Listen));
        BinaryPrimitives.WriteUInt32LittleEndian(at[(HeaderLength + 8)..], inode);
        BinaryPrimitives.WriteUInt32LittleEndian(at[(HeaderLength + 12)..], UnixShow);
        BinaryPrimitives.WriteUInt64LittleEndian(at[(HeaderLength + 16)..], inode == 0 ? NoCookie : cookie);
        return UnixRequestLength;
    }

    /// <summary>Takes the next message from a datagram.</summary>
    /// <param name="rest">The datagram; what follows the message afterwards.</param>
    /// <param name="kind">What the message is.</param>
    /// <param name="payload">Its payload, for a row.</param>
    /// <param name="error">The errno it carries, 0 for none.</param>
    /// <returns>False at the end, also at a message that cannot be read.</returns>
    public static bool TryNext(
        ref ReadOnlySpan<byte> rest, out DiagMessage kind, out ReadOnlySpan<byte> payload, out int error)
    {
        kind = DiagMessage.Other;
        payload = default;
        error = 0;
        if (rest.Length < HeaderLength)
        {
            return false;
        }

        int length = BinaryPrimitives.ReadInt32LittleEndian(rest);
        if (length < HeaderLength || length > rest.Length)
        {
            kind = DiagMessage.Malformed;
            rest = default;
            return true;
        }

        ushort type = BinaryPrimitives.ReadUInt16LittleEndian(rest[4..]);
        bool interrupted = (BinaryPrimitives.ReadUInt16LittleEndian(rest[6..]) & FlagInterrupted) != 0;
        payload = rest[HeaderLength..length];
        kind = type switch
        {
            SockDiagByFamily => interrupted ? DiagMessage.InterruptedRow : DiagMessage.Row,
            MessageDone => DiagMessage.Done,
            MessageError => DiagMessage.Error,
            _ => DiagMessage.Other,
        };
        if (kind is DiagMessage.Done or DiagMessage.Error && payload.Length >= 4)
        {
            error = -Math.Min(BinaryPrimitives.ReadInt32LittleEndian(payload), 0);
        }

        rest = rest[Math.Min((length + 3) & ~3, rest.Length)..];
        return true;
    }

    /// <summary>Whether a datagram ends a dump.</summary>
    public static bool EndsDump(ReadOnlySpan<byte> datagram)
    {
        while (TryNext(ref datagram, out DiagMessage kind, out _, out _))
        {
            if (kind is DiagMessage.Done or DiagMessage.Error or DiagMessage.Malformed)
            {
                return true;
            }
        }

        return false;
    }

    private static void WriteHeader(Span<byte> at, int length, ushort flags)
    {
        BinaryPrimitives.WriteInt32LittleEndian(at, length);
        BinaryPrimitives.WriteUInt16LittleEndian(at[4..], SockDiagByFamily);
        BinaryPrimitives.WriteUInt16LittleEndian(at[6..], flags);
    }
}

/// <summary>What a message of sock_diag is.</summary>
internal enum DiagMessage
{
    /// <summary>Nothing that was asked for.</summary>
    Other,

    /// <summary>A socket.</summary>
    Row,

    /// <summary>A socket of a dump that the kernel says changed meanwhile.</summary>
    InterruptedRow,

    /// <summary>The end of a dump.</summary>
    Done,

    /// <summary>A refusal.</summary>
    Error,

    /// <summary>Bytes that are no message.</summary>
    Malformed,
}
