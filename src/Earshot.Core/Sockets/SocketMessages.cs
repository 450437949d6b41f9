using System;
using Earshot.Core.Tcp;

namespace Earshot.Core.Sockets;

/// <summary>What sendmsg() sends: bytes, where to, and control messages. Linux: struct msghdr.</summary>
public ref struct OutgoingMessage
{
    /// <summary>The bytes; several buffers are one after the other.</summary>
    public ReadOnlySpan<byte> Data { get; set; }

    /// <summary>How many bytes more are to be sent that cannot be read: those behind a null pointer. Sending them is
    /// EFAULT at the point where Linux would fault.</summary>
    public long Unreadable { get; set; }

    /// <summary>The destination's sockaddr.</summary>
    public ReadOnlySpan<byte> Name { get; set; }

    /// <summary>Whether a destination is given, be it of no bytes.</summary>
    public bool HasName { get; set; }

    /// <summary>Control messages: cmsghdrs as 64-bit Linux lays them out.</summary>
    public ReadOnlySpan<byte> Control { get; set; }
}

/// <summary>What recvmsg() fills: room for bytes, the sender's name and control messages. Linux: struct
/// msghdr.</summary>
public ref struct IncomingMessage
{
    /// <summary>Room for the bytes; several buffers are one after the other.</summary>
    public Span<byte> Data { get; set; }

    /// <summary>How many bytes more are wanted that cannot be written: those behind a null pointer.</summary>
    public long Unwritable { get; set; }

    /// <summary>Room for the sender's sockaddr.</summary>
    public Span<byte> Name { get; set; }

    /// <summary>The sockaddr's whole length, also where the room was less; 0: there is none.</summary>
    public int NameLength { get; set; }

    /// <summary>Room for control messages.</summary>
    public Span<byte> Control { get; set; }

    /// <summary>Bytes of <see cref="Control"/> that were filled.</summary>
    public int ControlLength { get; set; }

    /// <summary>msg_flags as the call leaves them.</summary>
    public int Flags { get; set; }

    /// <summary>All bytes that are wanted.</summary>
    internal readonly long Wanted => Data.Length + Unwritable;

    /// <summary>Adds a control message; one that does not fit is cut, and MSG_CTRUNC says so. Linux:
    /// put_cmsg.</summary>
    internal void Put(int level, int type, scoped ReadOnlySpan<byte> value)
    {
        const int Header = ControlMessages.HeaderLength;
        Span<byte> room = Control[Math.Min(ControlLength, Control.Length)..];
        if (room.Length < Header)
        {
            Flags |= (int)MessageFlags.ControlCut;
            return;
        }

        int length = Header + value.Length;
        if (room.Length < length)
        {
            Flags |= (int)MessageFlags.ControlCut;
            length = room.Length;
        }

        ControlMessages.WriteHeader(room, length, level, type);
        value[..(length - Header)].CopyTo(room[Header..]);
        ControlLength += Math.Min(ControlMessages.Align(length), room.Length);
    }

    /// <summary>Adds a control message of one int.</summary>
    internal void Put(int level, int type, int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        Put(level, type, bytes);
    }
}
