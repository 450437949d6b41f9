using System;
using System.Buffers.Binary;
using System.Text;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp;

namespace Earshot.Core.Sockets;

/// <content>SOL_TCP. Linux: do_tcp_setsockopt, do_tcp_getsockopt.</content>
public sealed partial class SocketCalls
{
    private const int LeastMss = 88;
    private const int MostMss = 32767;
    private const int MaximumLinger2 = 120;
    private const int LeastWindowClamp = 1152;
    private const int InfoLength = 280;
    private const int CongestionNameLength = 16;
    private const int FastOpenKeyLength = 16;
    private const int MostTimeouts = 255;

    private int SetTcpLevel(Socket socket, int name, ReadOnlySpan<byte> bytes)
    {
        switch (name)
        {
            case 13:
                return SetCongestion(socket, bytes);
            case 14 or 32:
                return SetKey(socket, bytes, extended: name == 32);
            case 31:
                return bytes.IsEmpty ? -Errno.EINVAL : -Errno.ENOENT;
            case 33:
                return SetFastOpenKey(socket, bytes);
        }

        if (bytes.Length < IntLength)
        {
            return -Errno.EINVAL;
        }

        int value = Read(bytes);
        ref SocketOptions options = ref socket.ChangeOptions();
        bool early = socket.Connection is null or { State: TcpState.Close };
        switch (name)
        {
            case 30:
                return SetFastOpenConnect(socket, value);
            case 1 or 3 or 25:
                SetSending(socket, name, value);
                return 0;
            case 2 when value is 0 or (>= LeastMss and <= MostMss):
                options.MaximumSegment = (ushort)value;
                return 0;
            case 7 when value is >= 1 and <= 127:
                options.SynCount = (byte)value;
                return 0;
            case 8:
                options.Linger2 = value < 0 ? -1 : Math.Min(value, MaximumLinger2);
                return 0;
            case 9:
                options.DeferAccept = (byte)TimeoutsOf(value);
                return 0;
            case 10 when value != 0 || (early && socket.Listener is null):
                options.WindowClamp = value == 0 ? 0 : Math.Max(value, LeastWindowClamp);
                if (!early)
                {
                    socket.Connection!.SetWindowClamp(value);
                }

                return 0;
            case 12 when socket.Connection is { } quick:
                quick.SetQuickAck(value);
                return 0;
            case 12:
                return Keep(socket, OptionKey.LevelTcp, 12, value == 0 ? 1 : 0, 0, 1);
            case >= 4 and <= 6 or 18 or 44:
                return SetTimer(socket, name, value);
            case 23 when value >= 0 && early:
                options.FastOpenLimit = Math.Min((uint)value, (uint)_context.Sysctls.Somaxconn);
                _tcp.EnsureFastOpenKey();
                return 0;
            case 27 when value is >= 0 and <= 2:
                options.SaveSyn = (byte)value;
                return 0;
            case 34 when value is 0 or 1 && early:
                options.FastOpenNoCookie = value != 0;
                return 0;
            case 2 or 7 or 10 or 23 or 27 or 34:
                return -Errno.EINVAL;
            default:
                return SetByRule(socket, OptionKey.LevelTcp, name, value);
        }
    }

    private int GetTcpLevel(Socket socket, int name, ref int length, Span<byte> result)
    {
        ref readonly SocketOptions options = ref socket.Options;
        bool early = socket.Connection is null or { State: TcpState.Close or TcpState.SynSent };
        switch (name)
        {
            case 1:
                return Int(result, options.NoDelay ? 1 : 0);
            case 2:
                return Int(result, SegmentSize(socket));
            case 3:
                return Int(result, options.Cork ? 1 : 0);
            case 25:
                return Int(result, (int)options.UnsentLimit);
            case 30:
                return Int(result, options.FastOpenConnect ? 1 : 0);
            case 4:
                return Int(result, options.KeepIdle != 0 ? options.KeepIdle : _context.Sysctls.TcpKeepaliveTime);
            case 5:
                return Int(
                    result, options.KeepInterval != 0 ? options.KeepInterval : _context.Sysctls.TcpKeepaliveIntvl);
            case 6:
                return Int(result, options.KeepCount != 0 ? options.KeepCount : _context.Sysctls.TcpKeepaliveProbes);
            case 7:
                return Int(result, options.SynCount != 0 ? options.SynCount : _context.Sysctls.TcpSynRetries);
            case 8:
                return Int(result, options.Linger2 == 0 ? _context.Sysctls.TcpFinTimeout : options.Linger2);
            case 9:
                return Int(result, SecondsOf(options.DeferAccept));
            case 10:
                return Int(result, early ? options.WindowClamp : socket.Connection!.WindowLimit);
            case 12:
                return Int(
                    result, socket.Connection?.IsQuickAckSet ?? socket.Kept(OptionKey.LevelTcp, 12) == 0 ? 1 : 0);
            case 11:
                FillInfo(socket, result[..InfoLength]);
                return InfoLength;
            case 13:
                string congestion = _context.CongestionControls[options.Congestion].Name;
                Encoding.ASCII.GetBytes(congestion, result);
                return CongestionNameLength;
            case 18:
                return Int(result, options.UserTimeout);
            case 26:
                return socket.Connection?.AlgorithmInfo(result)
                    ?? _context.CongestionControls[options.Congestion].InfoLength;
            case 44:
                return Int(
                    result,
                    options.MaximumRto > 0
                        ? options.MaximumRto : (int)_context.Profile.MaximumRto.TotalMilliseconds);
            case 23:
                return Int(result, (int)options.FastOpenLimit);
            case 27:
                return Int(result, options.SaveSyn);
            case 28:
                return GetSavedSyn(socket, ref length, result);
            case 33:
                options.FastOpenKeys.AsSpan().CopyTo(result);
                return options.FastOpenKeys?.Length ?? 0;
            case 34:
                return Int(result, options.FastOpenNoCookie ? 1 : 0);
            case 31:
                return 0;
            default:
                return GetByRule(socket, OptionKey.LevelTcp, name, result);
        }
    }

    /// <summary>TCP_FASTOPEN_CONNECT: of a closed socket, where the client's side is on.</summary>
    private int SetFastOpenConnect(Socket socket, int value)
    {
        const int ClientBit = 1;
        if (value is not (0 or 1))
        {
            return -Errno.EINVAL;
        }

        if ((_context.Sysctls.TcpFastopen & ClientBit) == 0)
        {
            return -Errno.EOPNOTSUPP;
        }

        if (socket.Listener is not null || socket.Connection is { State: not TcpState.Close })
        {
            return -Errno.EINVAL;
        }

        socket.ChangeOptions().FastOpenConnect = value != 0;
        return 0;
    }

    /// <summary>TCP_NODELAY, TCP_CORK and TCP_NOTSENT_LOWAT: what waits may leave now.</summary>
    private void SetSending(Socket socket, int name, int value)
    {
        ref SocketOptions options = ref socket.ChangeOptions();
        Tcp.Established.Connection? connection = socket.Connection;
        switch (name)
        {
            case 1:
                options.NoDelay = value != 0;
                if (value != 0)
                {
                    connection?.StopDelaying();
                }

                break;
            case 3:
                options.Cork = value != 0;
                if (value == 0)
                {
                    connection?.Uncork();
                }

                break;
            default:
                options.UnsentLimit = (uint)value;
                connection?.TellSpace();
                break;
        }

        _stack.Drain(connection);
    }

    private int SetTimer(Socket socket, int name, int value)
    {
        ref SocketOptions options = ref socket.ChangeOptions();
        switch (name)
        {
            case 4 when value is >= 1 and <= short.MaxValue:
                options.KeepIdle = (short)value;
                socket.Connection?.RestartKeepalive();
                return 0;
            case 5 when value is >= 1 and <= short.MaxValue:
                options.KeepInterval = (short)value;
                return 0;
            case 6 when value is >= 1 and <= 127:
                options.KeepCount = (byte)value;
                return 0;
            case 18 when value >= 0:
                options.UserTimeout = value;
                return 0;
            case 44 when value is >= 1000 and <= 120_000:
                options.MaximumRto = ToTicks(value * 1000) / 1000;
                return 0;
            default:
                return -Errno.EINVAL;
        }
    }

    private int SetCongestion(Socket socket, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 1)
        {
            return -Errno.EINVAL;
        }

        ReadOnlySpan<byte> text = bytes[..Math.Min(bytes.Length, CongestionNameLength - 1)];
        int end = text.IndexOf((byte)0);
        CongestionControls all = _context.CongestionControls;
        int place = all.Find(Encoding.ASCII.GetString(end < 0 ? text : text[..end]));
        if (place < 0)
        {
            return -Errno.ENOENT;
        }

        if ((all[place].Traits & CongestionTraits.Unrestricted) == 0
            && !Credentials.Has(SocketCapabilities.NetAdmin))
        {
            return -Errno.EPERM;
        }

        socket.ChangeOptions().CongestionChosen = true;
        if (socket.Connection is { State: not TcpState.Close } connection)
        {
            connection.ChangeAlgorithm((byte)place);
        }
        else
        {
            socket.ChangeOptions().Congestion = (byte)place;
        }

        return 0;
    }

    private static int SetFastOpenKey(Socket socket, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is not (FastOpenKeyLength or 2 * FastOpenKeyLength))
        {
            return -Errno.EINVAL;
        }

        socket.ChangeOptions().FastOpenKeys = bytes.ToArray();
        return 0;
    }

    /// <summary>Seconds as a number of SYN-ACK timeouts. Linux: secs_to_retrans.</summary>
    private int TimeoutsOf(int seconds)
    {
        int timeouts = seconds > 0 ? 1 : 0;
        while (timeouts is > 0 and < MostTimeouts && seconds > SecondsOf(timeouts))
        {
            timeouts++;
        }

        return timeouts;
    }

    /// <summary>How long so many timeouts last. Linux: retrans_to_secs.</summary>
    private int SecondsOf(int timeouts)
    {
        int most = (int)_context.Profile.MaximumRto.TotalSeconds;
        int timeout = (int)_context.Profile.InitialRto.TotalSeconds;
        int seconds = 0;
        for (int i = 0; i < timeouts; i++)
        {
            seconds += timeout;
            timeout = Math.Min(2 * timeout, most);
        }

        return seconds;
    }

    private static int SegmentSize(Socket socket)
    {
        const int DefaultMss = 536;
        int asked = socket.Options.MaximumSegment;
        return socket.Connection is { State: not TcpState.Close } connection
            ? connection.ToldSegmentSize : asked != 0 ? asked : DefaultMss;
    }

    private static int GetSavedSyn(Socket socket, ref int length, Span<byte> result)
    {
        if (socket.Connection?.SavedSyn is not { } saved)
        {
            return 0;
        }

        if (length < saved.Length)
        {
            length = saved.Length;
            return -Errno.EINVAL;
        }

        saved.CopyTo(result);
        socket.Connection.SavedSyn = null;
        return saved.Length;
    }

    private void FillInfo(Socket socket, Span<byte> info)
    {
        const int UnackedOffset = 24;
        const int SackedOffset = 28;
        const int WindowOffset = 80;
        const int ReorderingOffset = 88;
        const int PacingOffset = 104;
        const int InitialWindow = 10;
        BinaryPrimitives.WriteInt32LittleEndian(info[WindowOffset..], InitialWindow);
        BinaryPrimitives.WriteInt32LittleEndian(info[ReorderingOffset..], _context.Sysctls.TcpReordering);
        info.Slice(PacingOffset, 2 * sizeof(ulong)).Fill(byte.MaxValue);
        if (socket.Listener is { } listener)
        {
            // Of a listener these two are the accept queue and its limit.
            info[0] = (byte)TcpState.Listen;
            BinaryPrimitives.WriteInt32LittleEndian(info[UnackedOffset..], listener.AcceptQueue.Count);
            BinaryPrimitives.WriteUInt32LittleEndian(info[SackedOffset..], listener.Backlog);
        }
        else if (socket.Connection is { } connection)
        {
            connection.FillInfo(info);
        }
        else
        {
            FillClosedInfo(socket, info);
        }
    }

    /// <summary>What a socket tells that was never connected: what it would begin with. Linux: tcp_init_sock.</summary>
    private void FillClosedInfo(Socket socket, Span<byte> info)
    {
        const int LimitedOffset = 7;
        const int RtoOffset = 8;
        const int MssOffset = 16;
        const int SinceDataSent = 44;
        const int SinceDataReceived = 52;
        const int SinceAckReceived = 56;
        const int VariationOffset = 72;
        const int ThresholdOffset = 76;
        const int MinimumRttOffset = 148;
        const int QuarterSecond = 250_000;
        const int DefaultMss = 536;
        int since = (int)((uint)_context.Jiffies * 1000L / _context.Profile.Hz);
        info[0] = (byte)TcpState.Close;
        info[LimitedOffset] = 1;
        Int(info[RtoOffset..], (int)_context.Profile.InitialRto.TotalMicroseconds);
        Int(info[MssOffset..], DefaultMss);
        Int(info[SinceDataSent..], since);
        Int(info[SinceDataReceived..], since);
        Int(info[SinceAckReceived..], since);
        Int(info[VariationOffset..], QuarterSecond);
        Int(info[ThresholdOffset..], int.MaxValue);
        Int(info[MinimumRttOffset..], -1);
    }
}
