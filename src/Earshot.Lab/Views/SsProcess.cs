using System;
using System.Globalization;
using System.Text;
using Earshot.Core;

namespace Earshot.Lab.Views;

/// <summary>The last column of <c>ss</c>: timer, user, memory, and the words of <c>-i</c>.</summary>
internal static class SsProcess
{
    /// <summary>The cell of a socket, beginning with a blank or a line's end when it is not empty.</summary>
    internal static string Cell(in SocketRow row, SsOptions options)
    {
        var text = new StringBuilder();
        bool extended = options.HasFlag(SsOptions.Extended);
        if ((extended || options.HasFlag(SsOptions.Timers)) && row.Timer != SocketTimer.Off)
        {
            text.Append(Timer(row));
        }

        if (extended)
        {
            AppendExtended(text, row);
        }

        if ((options & (SsOptions.Memory | SsOptions.Info)) == 0)
        {
            return text.ToString();
        }

        text.Append(options.HasFlag(SsOptions.OneLine) ? "" : "\n\t");
        if (row.Detail is { } detail)
        {
            if (options.HasFlag(SsOptions.Memory))
            {
                text.Append(Memory(detail.Memory));
            }

            if (options.HasFlag(SsOptions.Info) && !row.IsDatagram)
            {
                AppendInfo(text, row, detail.Info, extended || options.HasFlag(SsOptions.Timers));
            }
        }

        return text.ToString();
    }

    /// <summary>A time as ss writes it: of 1.956 s it makes <c>1.956ms</c>.</summary>
    internal static string Time(TimeSpan time)
    {
        const int SecondsShownBelow = 10;
        long milliseconds = Math.Max(0, time.Ticks / TimeSpan.TicksPerMillisecond);
        long rest = milliseconds % 1000;
        long seconds = milliseconds / 1000 % 60;
        long minutes = milliseconds / 60_000;
        string text = "";
        if (minutes > 0)
        {
            rest = 0;
            text = $"{minutes}min";
            seconds = minutes >= SecondsShownBelow ? 0 : seconds;
        }

        if (seconds > 0)
        {
            rest = seconds >= SecondsShownBelow ? 0 : rest;
            text += $"{seconds}{(rest > 0 ? "." : "sec")}";
        }

        return rest > 0 ? $"{text}{rest:000}ms" : text;
    }

    /// <summary>A number as C's <c>%g</c> writes it: six digits that count, no zeros at the end.</summary>
    internal static string General(double value)
    {
        const int Digits = 6;
        string scientific = value.ToString("e5", CultureInfo.InvariantCulture);
        int at = scientific.IndexOf('e', StringComparison.Ordinal);
        int exponent = int.Parse(scientific[(at + 1)..], CultureInfo.InvariantCulture);
        if (exponent is >= -4 and < Digits)
        {
            return Trim(value.ToString($"f{Digits - 1 - exponent}", CultureInfo.InvariantCulture));
        }

        return $"{Trim(scientific[..at])}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }

    private static string Trim(string number) =>
        number.Contains('.', StringComparison.Ordinal) ? number.TrimEnd('0').TrimEnd('.') : number;

    private static string Timer(in SocketRow row)
    {
        string name = row.Timer switch
        {
            SocketTimer.On => "on",
            SocketTimer.Keepalive => "keepalive",
            SocketTimer.TimeWait => "timewait",
            _ => "persist",
        };
        int retransmits = row switch
        {
            { Detail: null, State: TcpState.SynRecv } => row.SynAcksResent,
            { Timer: SocketTimer.Keepalive or SocketTimer.Probe } => row.Probes,
            _ => row.Retransmits,
        };
        return $" timer:({name},{Time(row.TimerRemaining)},{retransmits})";
    }

    private static void AppendExtended(StringBuilder text, in SocketRow row)
    {
        if (row.User != 0 && row.Detail is not null)
        {
            text.Append($" uid:{row.User}");
        }

        text.Append($" ino:{row.Detail?.Inode ?? 0} sk:{row.Number:x}");
        if (row.IsIpv6 && row.State is TcpState.Listen or TcpState.Close)
        {
            text.Append($" v6only:{(row.IsIpv6Only ? 1 : 0)}");
        }

        if (row.Detail is { } detail)
        {
            text.Append($" {(detail.IsReadShut ? '-' : '<')}-{(detail.IsWriteShut ? '-' : '>')}");
        }
    }

    private static string Memory(SocketMemory memory) =>
        $" skmem:(r{memory.Received},rb{memory.ReceiveBuffer},t0,tb{memory.SendBuffer},f{memory.Reserved},"
        + $"w{memory.Queued},o0,bl0,d{memory.Drops})";

    private static void AppendInfo(StringBuilder text, in SocketRow row, TcpInfo info, bool options)
    {
        const int ScaledThresholdLimit = 0xffff;
        const int OrdinaryReordering = 3;
        const int UnknownRto = 3000;
        if (options)
        {
            Word(text, info.Options, TcpInfoOptions.Timestamps, "ts");
            Word(text, info.Options, TcpInfoOptions.Sack, "sack");
            Word(text, info.Options, TcpInfoOptions.Ecn, "ecn");
            Word(text, info.Options, TcpInfoOptions.EcnSeen, "ecnseen");
            Word(text, info.Options, TcpInfoOptions.SynData, "fastopen");
        }

        text.Append($" {info.CongestionControl}");
        if (info.Options.HasFlag(TcpInfoOptions.WindowScale))
        {
            text.Append($" wscale:{info.SendScale},{info.ReceiveScale}");
        }

        double rto = info.Rto.TotalMilliseconds;
        Add(text, "rto", rto is 0 or UnknownRto ? "" : General(rto));
        Add(text, "backoff", info.Backoff);
        Add(text, "rtt", info.Rtt == TimeSpan.Zero ? ""
            : $"{General(info.Rtt.TotalMilliseconds)}/{General(info.RttVariation.TotalMilliseconds)}");
        Add(text, "ato", info.Ato == TimeSpan.Zero ? "" : General(info.Ato.TotalMilliseconds));
        Add(text, "mss", info.SendMss);
        Add(text, "pmtu", info.PathMtu);
        Add(text, "rcvmss", info.ReceiveMss);
        Add(text, "advmss", info.AdvertisedMss);
        Add(text, "cwnd", info.CongestionWindow);
        Add(text, "ssthresh", info.SlowStartThreshold < ScaledThresholdLimit ? info.SlowStartThreshold : 0);
        Add(text, "bytes_sent", info.BytesSent);
        Add(text, "bytes_retrans", info.BytesRetransmitted);
        Add(text, "bytes_acked", info.BytesAcked);
        Add(text, "bytes_received", info.BytesReceived);
        Add(text, "segs_out", info.SegmentsOut);
        Add(text, "segs_in", info.SegmentsIn);
        Add(text, "data_segs_out", info.DataSegmentsOut);
        Add(text, "data_segs_in", info.DataSegmentsIn);
        if (info.Rtt > TimeSpan.Zero && info.SendMss > 0 && info.CongestionWindow > 0)
        {
            double rate = (double)info.CongestionWindow * info.SendMss * 8_000_000 / (info.Rtt.Ticks / 10);
            text.Append(CultureInfo.InvariantCulture, $" send {rate:f0}bps");
        }

        Add(text, "lastsnd", (long)info.SinceDataSent.TotalMilliseconds);
        Add(text, "lastrcv", (long)info.SinceDataReceived.TotalMilliseconds);
        Add(text, "lastack", (long)info.SinceAckReceived.TotalMilliseconds);
        if (info.PacingRate > 0)
        {
            text.Append($" pacing_rate {info.PacingRate * 8}bps");
        }

        Add(text, "delivered", info.Delivered);
        text.Append(info.IsAppLimited ? " app_limited" : "");
        Add(text, "unacked", info.Unacknowledged);
        Add(text, "retrans", info.Retransmitting == 0 && info.TotalRetransmissions == 0
            ? "" : $"{info.Retransmitting}/{info.TotalRetransmissions}");
        Add(text, "lost", info.Lost);
        Add(text, "sacked", row.State == TcpState.Listen ? 0 : info.Sacked);
        Add(text, "reordering", info.Reordering == OrdinaryReordering ? 0 : info.Reordering);
        Add(text, "rcv_space", info.ReceiveSpace);
        Add(text, "rcv_ssthresh", info.ReceiveThreshold);
        Add(text, "notsent", info.NotSentBytes);
        Add(text, "minrtt", info.MinimumRtt == TimeSpan.Zero ? "" : General(info.MinimumRtt.TotalMilliseconds));
        Add(text, "rcv_ooopack", info.OutOfOrderPackets);
        Add(text, "snd_wnd", info.SendWindow);
    }

    private static void Word(StringBuilder text, TcpInfoOptions all, TcpInfoOptions one, string word) =>
        text.Append(all.HasFlag(one) ? " " + word : "");

    private static void Add(StringBuilder text, string name, long value)
    {
        if (value != 0)
        {
            text.Append($" {name}:{value}");
        }
    }

    private static void Add(StringBuilder text, string name, string value)
    {
        if (value.Length > 0)
        {
            text.Append($" {name}:{value}");
        }
    }
}
