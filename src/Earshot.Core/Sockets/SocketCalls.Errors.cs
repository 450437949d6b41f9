using System;
using System.Buffers.Binary;
using Earshot.Core.Tcp;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <content>The error queue, and times of packets. Linux: ip_recv_error, ipv6_recv_error,
/// __sock_recv_timestamp.</content>
public sealed partial class SocketCalls
{
    private const uint TimeOfSending = 0;
    private const uint TimeOfQueueing = 1;

    /// <summary>recvmsg(MSG_ERRQUEUE): the oldest entry of the error queue.</summary>
    private static int ReceiveError(Socket socket, ref IncomingMessage message)
    {
        if (socket.Errors is not { } queue || !queue.TryTake(out ErrorEntry entry, out int next))
        {
            return -Errno.EAGAIN;
        }

        if (next >= 0)
        {
            socket.PendingError = next;
        }

        ReadOnlySpan<byte> payload = entry.Payload;
        int count = (int)Math.Min(message.Wanted, payload.Length);
        if (count > message.Data.Length)
        {
            return -Errno.EFAULT;
        }

        payload[..count].CopyTo(message.Data);
        message.Flags |= count < payload.Length ? (int)MessageFlags.Cut : 0;
        if (entry.Time != 0)
        {
            PutTimes(socket, entry.Time, ref message, ofSending: true);
        }

        bool isIPv6 = socket.Options.IsIPv6;
        if (entry.HasName)
        {
            int length = SocketName.Length6;
            SocketName.Give(message.Name, ref length, entry.Name, isIPv6, socket.Options.Device);
            message.NameLength = length;
        }

        PutExtendedError(isIPv6, entry, ref message);
        message.Flags |= (int)MessageFlags.ErrorQueue;
        return count;
    }

    /// <summary>struct sock_extended_err and the offender's sockaddr.</summary>
    private static void PutExtendedError(bool isIPv6, in ErrorEntry entry, ref IncomingMessage message)
    {
        const int ErrorLength = 16;
        Span<byte> value = stackalloc byte[ErrorLength + SocketName.Length6];
        value.Clear();
        Int(value, entry.Number);
        value[4] = (byte)entry.Origin;
        value[5] = entry.Type;
        value[6] = entry.Code;
        BinaryPrimitives.WriteUInt32LittleEndian(value[8..], entry.Info);
        BinaryPrimitives.WriteUInt32LittleEndian(value[12..], entry.Data);
        if (entry.IsIcmp)
        {
            Span<byte> name = stackalloc byte[SocketName.Length6];
            int length = SocketName.Write(name, new InetEndpoint(entry.Offender, 0), isIPv6);
            name[..length].CopyTo(value[ErrorLength..]);
        }

        value = value[..(ErrorLength + (isIPv6 ? SocketName.Length6 : SocketName.Length))];
        message.Put(isIPv6 ? OptionKey.LevelIPv6 : OptionKey.LevelIp, isIPv6 ? 25 : 11, value);
    }

    /// <summary>SO_TIMESTAMP, SO_TIMESTAMPNS and SO_TIMESTAMPING: when a packet came, or went.</summary>
    private static void PutTimes(Socket socket, long nanoseconds, ref IncomingMessage message, bool ofSending = false)
    {
        const int PairLength = 16;
        const int Pairs = 3;
        int form = socket.Kept(OptionKey.LevelSocket, TimestampName);
        long seconds = nanoseconds / Instant.NanosecondsPerSecond;
        long rest = nanoseconds % Instant.NanosecondsPerSecond;
        Span<byte> value = stackalloc byte[Pairs * PairLength];
        value.Clear();
        if (form != 0)
        {
            bool isMicroseconds = form is 1 or 3;
            BinaryPrimitives.WriteInt64LittleEndian(value, seconds);
            BinaryPrimitives.WriteInt64LittleEndian(value[8..], isMicroseconds ? rest / 1000 : rest);
            int type = form switch
            {
                1 => 29,
                2 => 35,
                3 => 63,
                _ => 64,
            };
            message.Put(OptionKey.LevelSocket, type, value[..PairLength]);
        }

        TimestampingFlags flags = socket.Timestamping;
        TimestampingFlags wanted = TimestampingFlags.Told | (ofSending ? TimestampingFlags.None
            : TimestampingFlags.Received);
        if ((flags & TimestampingFlags.Told) != 0 && (flags & wanted) == wanted)
        {
            BinaryPrimitives.WriteInt64LittleEndian(value, seconds);
            BinaryPrimitives.WriteInt64LittleEndian(value[8..], rest);
            message.Put(OptionKey.LevelSocket, TimestampingName, value);
        }
    }

    /// <summary>A datagram left: its times and its completion are told. Linux: __skb_tstamp_tx,
    /// skb_zcopy_clear.</summary>
    private void OnDatagramSent(
        Socket socket, ReadOnlySpan<byte> data, MessageFlags flags, TimestampingFlags ofMessage)
    {
        TimestampingFlags all = socket.Timestamping;
        TimestampingFlags wanted = ofMessage != TimestampingFlags.None ? ofMessage : all;
        if ((wanted & TimestampingFlags.Transmit) != 0)
        {
            uint key = (all & TimestampingFlags.Id) != 0 ? socket.Extras.TimestampKey++ : 0;
            ReadOnlySpan<byte> payload = (all & TimestampingFlags.TimeOnly) != 0 ? default : data;
            AddTime(socket, wanted & TimestampingFlags.Queued, TimeOfQueueing, key, payload);
            AddTime(socket, wanted & TimestampingFlags.Sent, TimeOfSending, key, payload);
        }

        if ((flags & MessageFlags.ZeroCopy) != 0 && socket.Kept(OptionKey.LevelSocket, 60) != 0)
        {
            socket.CompleteZeroCopy(socket.Extras.ZeroCopyKey++);
        }
    }

    private void AddTime(
        Socket socket, TimestampingFlags wanted, uint kind, uint key, ReadOnlySpan<byte> payload)
    {
        if (wanted != TimestampingFlags.None)
        {
            socket.AddTime(kind, key, _context.Now.Nanoseconds, payload.IsEmpty ? null : payload.ToArray());
        }
    }
}
