using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Earshot.Core;
using Earshot.Core.Wire;

namespace Earshot.Host.Tests.Views;

/// <summary>Rows as the answers of the kernel's socket diagnostics: the real ss reads such a file in place of the
/// kernel when its path is in TCPDIAG_FILE.</summary>
internal static class DiagFile
{
    private const int HeaderLength = 16;
    private const int RowLength = 72;
    private const int InfoLength = 248;
    private const ushort ByFamily = 20;
    private const ushort Done = 3;

    /// <summary>Writes rows and the end of the dump.</summary>
    /// <param name="path">The file.</param>
    /// <param name="rows">The sockets.</param>
    /// <param name="memory">Whether memory was asked for (<c>-m</c>): ss prints what it gets.</param>
    /// <param name="info">Whether TCP_INFO was asked for (<c>-i</c>).</param>
    public static void Write(string path, IEnumerable<SocketRow> rows, bool memory, bool info)
    {
        using FileStream file = File.Create(path);
        foreach (SocketRow row in rows)
        {
            file.Write(Message(row, memory, info));
        }

        byte[] end = new byte[HeaderLength + 4];
        BinaryPrimitives.WriteInt32LittleEndian(end, end.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(end.AsSpan(4), Done);
        file.Write(end);
    }

    private static byte[] Message(in SocketRow row, bool memory, bool info)
    {
        var attributes = new MemoryStream();
        if (row.Detail is { } detail)
        {
            if (info)
            {
                Attribute(attributes, 2, Info(row.State, detail.Info));
                Attribute(attributes, 4, Encoding.ASCII.GetBytes(detail.Info.CongestionControl + "\0"));
            }

            if (memory)
            {
                Attribute(attributes, 7, Memory(detail.Memory));
            }

            Attribute(attributes, 8, [(byte)((detail.IsReadShut ? 1 : 0) | (detail.IsWriteShut ? 2 : 0))]);
        }

        if (row.IsIpv6 && row.State is TcpState.Listen or TcpState.Close)
        {
            Attribute(attributes, 11, [(byte)(row.IsIpv6Only ? 1 : 0)]);
        }

        byte[] message = new byte[HeaderLength + RowLength + attributes.Length];
        BinaryPrimitives.WriteInt32LittleEndian(message, message.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(4), ByFamily);
        Fixed(message.AsSpan(HeaderLength), row);
        attributes.ToArray().CopyTo(message, HeaderLength + RowLength);
        return message;
    }

    // struct inet_diag_msg: ports and addresses in network order, all else in the machine's.
    private static void Fixed(Span<byte> bytes, in SocketRow row)
    {
        const byte Inet = 2;
        const byte Inet6 = 10;
        bool isRequest = row is { State: TcpState.SynRecv, Detail: null };
        bytes[0] = row.IsIpv6 ? Inet6 : Inet;
        bytes[1] = (byte)row.State;
        bytes[2] = (byte)row.Timer;
        bytes[3] = (byte)(isRequest ? row.SynAcksResent
            : row.Timer is SocketTimer.Keepalive or SocketTimer.Probe ? row.Probes : row.Retransmits);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[4..], row.Local.Port);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[6..], row.Remote.Port);
        Address(bytes[8..24], row, row.Local.Address);
        Address(bytes[24..40], row, row.Remote.Address);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[44..], row.Number);
        Word(bytes, 52, row.Timer == SocketTimer.Off ? 0 : (long)row.TimerRemaining.TotalMilliseconds);
        Word(bytes, 56, isRequest ? 0 : row.ReceiveQueue);
        Word(bytes, 60, row.State == TcpState.Listen ? row.Backlog : isRequest ? 0 : row.SendQueue);
        Word(bytes, 64, row.Detail is null ? 0 : row.User);
        Word(bytes, 68, row.Detail?.Inode ?? 0);
    }

    private static void Address(Span<byte> bytes, in SocketRow row, InetAddress address)
    {
        if (row.IsIpv6)
        {
            address.WriteIPv6(bytes);
        }
        else
        {
            address.Write(bytes);
        }
    }

    private static byte[] Info(TcpState state, TcpInfo info)
    {
        byte[] bytes = new byte[InfoLength];
        (info.Reordering == 0 ? info with { Reordering = 3 } : info).Write(bytes);
        bytes[0] = (byte)state;
        return bytes;
    }

    private static byte[] Memory(SocketMemory memory)
    {
        long[] words =
        [
            memory.Received, memory.ReceiveBuffer, 0, memory.SendBuffer, memory.Reserved, memory.Queued, 0, 0,
            memory.Drops,
        ];
        byte[] bytes = new byte[4 * words.Length];
        for (int i = 0; i < words.Length; i++)
        {
            Word(bytes, 4 * i, words[i]);
        }

        return bytes;
    }

    private static void Attribute(MemoryStream stream, ushort type, byte[] value)
    {
        const int Header = 4;
        byte[] bytes = new byte[(Header + value.Length + 3) & ~3];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)(Header + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2), type);
        value.CopyTo(bytes, Header);
        stream.Write(bytes);
    }

    private static void Word(Span<byte> bytes, int at, long value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[at..], (uint)value);
}
