using System;
using System.Buffers.Binary;
using Earshot.Core.Tcp;
using Earshot.Core.Wire;

namespace Earshot.Core.Sockets;

/// <content>Options of SOL_SOCKET and SOL_TCP whose value is more than an int, and what their rules ask.</content>
public sealed partial class SocketCalls
{
    private const int TimestampName = 29;
    private const int TimestampingName = 37;
    private const int PacingName = 47;
    private const int TransmitTimeName = 61;

    /// <summary>SO_RCVLOWAT as it is kept. Linux: tcp_set_rcvlowat.</summary>
    internal int LowWaterMark(Socket socket, int value)
    {
        ref readonly SocketOptions options = ref socket.Options;
        int wanted = value < 0 ? int.MaxValue : value;
        int most = socket.IsDatagram ? int.MaxValue
            : (options.ReceiveBufferLocked ? options.ReceiveBuffer : _context.Sysctls.TcpRmem[2]) / 2;
        return Math.Max(Math.Min(wanted, most), 1);
    }

    /// <summary>TCP_TIMESTAMP: the clock that timestamps are read from.</summary>
    internal int TimestampClock(Socket socket)
    {
        _ = socket;
        return (int)_context.TimestampClock;
    }

    /// <summary>Whether TCP_FASTOPEN_CONNECT may be set: the errno, 0 if so.</summary>
    internal int MayFastOpenConnect(Socket socket)
    {
        bool isClosed = socket.Listener is null && socket.Connection is null or { State: TcpState.Close };
        return (_context.Sysctls.TcpFastopen & 1) == 0 ? Errno.EOPNOTSUPP : isClosed ? 0 : Errno.EINVAL;
    }

    /// <summary>Whether microseconds are from two ticks to a fifth of a second. Linux: TCP_TIMEOUT_MIN,
    /// TCP_RTO_MIN.</summary>
    internal bool IsTicks(int microseconds) => microseconds > 0 && Ticks(microseconds) is >= 2 and var ticks
        && ticks <= Ticks(200_000) && microseconds <= 200_000;

    /// <summary>Microseconds rounded up to whole ticks.</summary>
    internal int ToTicks(int microseconds) => (int)(Ticks(microseconds) * (Microseconds / _context.Profile.Hz));

    private long Ticks(int microseconds)
    {
        long tick = Microseconds / _context.Profile.Hz;
        return (microseconds + tick - 1) / tick;
    }

    // SO_TIMESTAMP and SO_TIMESTAMPNS replace one another; the numbers of old and new layouts differ.
    private static int TimestampForm(int name) => name switch
    {
        29 => 1,
        35 => 2,
        63 => 3,
        _ => 4,
    };

    private static int SetTimestamp(Socket socket, int name, int value) => Keep(
        socket, OptionKey.LevelSocket, TimestampName, value != 0 ? TimestampForm(name) : 0, 0, 4);

    /// <summary>Linux: sock_set_timestamping.</summary>
    private static int SetTimestamping(Socket socket, ReadOnlySpan<byte> bytes)
    {
        const int Known = (1 << 19) - 1;
        var flags = (TimestampingFlags)Read(bytes);
        TimestampingFlags before = socket.Timestamping;
        bool begins = (flags & ~before & TimestampingFlags.Id) != 0;
        bool isConnected = socket.Connection is { State: not TcpState.Close };
        if (((int)flags & ~Known) != 0
            || ((flags & TimestampingFlags.IdOfStream) != 0 && (flags & TimestampingFlags.Id) == 0)
            || (begins && !socket.IsDatagram && !isConnected)
            || ((flags & TimestampingFlags.Statistics) != 0 && (flags & TimestampingFlags.TimeOnly) == 0))
        {
            return -Errno.EINVAL;
        }

        if ((flags & TimestampingFlags.BindClock) != 0)
        {
            return -Errno.EOPNOTSUPP;
        }

        socket.SetTimestamping(flags, begins);
        return Keep(socket, OptionKey.LevelSocket, TimestampingName, (int)flags, 0, int.MaxValue);
    }

    private static int SetPacing(Socket socket, ReadOnlySpan<byte> bytes)
    {
        long rate = bytes.Length >= sizeof(long) ? BinaryPrimitives.ReadInt64LittleEndian(bytes)
            : Read(bytes) == -1 ? -1 : (uint)Read(bytes);
        return Keep(socket, OptionKey.LevelSocket, PacingName, rate, long.MinValue, long.MaxValue, -1);
    }

    private int SetTransmitTime(Socket socket, ReadOnlySpan<byte> bytes)
    {
        const int Monotonic = 1;
        const int KnownFlags = 3;
        if (bytes.Length != 2 * IntLength || (Read(bytes[IntLength..]) & ~KnownFlags) != 0)
        {
            return -Errno.EINVAL;
        }

        return Read(bytes) != Monotonic && !IsAdmin
            ? -Errno.EPERM
            : Keep(
                socket, OptionKey.LevelSocket, TransmitTimeName, BinaryPrimitives.ReadInt64LittleEndian(bytes),
                long.MinValue, long.MaxValue);
    }

    private int GetLongSocketLevel(Socket socket, int name, int length, Span<byte> result)
    {
        switch (name)
        {
            case 17:
                // Whoever is at the other end is no process of this host: pid 0, uid and gid -1.
                Int(result, 0);
                Int(result[IntLength..], -1);
                return Int(result[(2 * IntLength)..], -1) * 3;
            case 26:
                return 0;
            case 28:
                return PeerName(socket, length, result);
            case TimestampingName or 65:
                Int(result, socket.Kept(OptionKey.LevelSocket, TimestampingName));
                return 2 * IntLength;
            case PacingName:
                long rate = OptionValues.Get(socket.Options.Others, OptionKey.Of(1, PacingName), -1);
                BinaryPrimitives.WriteInt64LittleEndian(result, rate);
                return length >= sizeof(long) ? sizeof(long) : Int(result, rate is < 0 or > uint.MaxValue
                    ? -1 : (int)(uint)rate);
            case 55:
                return MemoryInformation(socket, result);
            case 57:
                BinaryPrimitives.WriteInt64LittleEndian(result, socket.Inode);
                return length < sizeof(long) ? -Errno.EINVAL : sizeof(long);
            case TransmitTimeName:
                long time = OptionValues.Get(socket.Options.Others, OptionKey.Of(1, TransmitTimeName));
                BinaryPrimitives.WriteInt64LittleEndian(result, time);
                return sizeof(long);
            case 71:
                BinaryPrimitives.WriteInt64LittleEndian(result, 1);
                return length != sizeof(long) ? -Errno.EINVAL : sizeof(long);
            default:
                return GetByRule(socket, OptionKey.LevelSocket, name, result);
        }
    }

    private int PeerName(Socket socket, int length, Span<byte> result)
    {
        int error = PeerOf(socket, out InetEndpoint remote);
        if (error != 0)
        {
            return error;
        }

        int full = SocketName.Write(result, remote, socket.Options.IsIPv6, socket.Options.Device);
        return length > full ? -Errno.EINVAL : full;
    }

    /// <summary>SO_MEMINFO: nine numbers. Linux: sk_get_meminfo.</summary>
    private static int MemoryInformation(Socket socket, Span<byte> result)
    {
        const int Numbers = 9;
        SocketMemory memory = socket.Memory;
        ReadOnlySpan<long> numbers =
        [
            memory.Received, memory.ReceiveBuffer, 0, memory.SendBuffer, memory.Reserved, memory.Queued, 0, 0,
            memory.Drops,
        ];
        for (int i = 0; i < Numbers; i++)
        {
            Int(result[(i * IntLength)..], (int)numbers[i]);
        }

        return Numbers * IntLength;
    }
}
