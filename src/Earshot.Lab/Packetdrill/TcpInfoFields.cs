using System;
using System.Collections.Generic;

namespace Earshot.Lab.Packetdrill;

/// <summary>The fields of struct tcp_info and of SO_MEMINFO, by the names that code in scripts uses.</summary>
internal static class TcpInfoFields
{
    // Name, offset and bytes.
    private const string Text = """
        tcpi_state 0 1 tcpi_ca_state 1 1 tcpi_retransmits 2 1 tcpi_probes 3 1 tcpi_backoff 4 1 tcpi_options 5 1
        tcpi_rto 8 4 tcpi_ato 12 4 tcpi_snd_mss 16 4 tcpi_rcv_mss 20 4 tcpi_unacked 24 4 tcpi_sacked 28 4
        tcpi_lost 32 4 tcpi_retrans 36 4 tcpi_fackets 40 4 tcpi_last_data_sent 44 4 tcpi_last_ack_sent 48 4
        tcpi_last_data_recv 52 4 tcpi_last_ack_recv 56 4 tcpi_pmtu 60 4 tcpi_rcv_ssthresh 64 4 tcpi_rtt 68 4
        tcpi_rttvar 72 4 tcpi_snd_ssthresh 76 4 tcpi_snd_cwnd 80 4 tcpi_advmss 84 4 tcpi_reordering 88 4
        tcpi_rcv_rtt 92 4 tcpi_rcv_space 96 4 tcpi_total_retrans 100 4 tcpi_pacing_rate 104 8
        tcpi_max_pacing_rate 112 8 tcpi_bytes_acked 120 8 tcpi_bytes_received 128 8 tcpi_segs_out 136 4
        tcpi_segs_in 140 4 tcpi_notsent_bytes 144 4 tcpi_min_rtt 148 4 tcpi_data_segs_in 152 4
        tcpi_data_segs_out 156 4 tcpi_delivery_rate 160 8 tcpi_busy_time 168 8 tcpi_rwnd_limited 176 8
        tcpi_sndbuf_limited 184 8 tcpi_delivered 192 4 tcpi_delivered_ce 196 4 tcpi_bytes_sent 200 8
        tcpi_bytes_retrans 208 8 tcpi_dsack_dups 216 4 tcpi_reord_seen 220 4 tcpi_rcv_ooopack 224 4
        tcpi_snd_wnd 228 4 tcpi_rcv_wnd 232 4 tcpi_rehash 236 4 tcpi_total_rto 240 2
        tcpi_total_rto_recoveries 242 2 tcpi_total_rto_time 244 4 tcpi_received_ce 248 4
        """;

    private const string MemoryText =
        "sk_rmem_alloc sk_rcvbuf sk_wmem_alloc sk_sndbuf sk_fwd_alloc sk_wmem_queued sk_optmem sk_backlog sk_drops";

    private static readonly Dictionary<string, (int Offset, int Length)> Info = ReadInfo();
    private static readonly string[] Memory = MemoryText.Split(' ');

    // Fields that are a part of a byte.
    private static readonly Dictionary<string, (int Offset, int Shift, int Mask)> Bits = new()
    {
        ["tcpi_snd_wscale"] = (6, 0, 15),
        ["tcpi_rcv_wscale"] = (6, 4, 15),
        ["tcpi_delivery_rate_app_limited"] = (7, 0, 1),
        ["tcpi_fastopen_client_fail"] = (7, 1, 3),
    };

    /// <summary>Whether a name is a field of TCP_INFO or SO_MEMINFO.</summary>
    public static bool Has(string name) =>
        Info.ContainsKey(name) || Bits.ContainsKey(name) || Array.IndexOf(Memory, name) >= 0;

    /// <summary>The value of a field.</summary>
    /// <param name="name">The field's name.</param>
    /// <param name="info">The bytes of TCP_INFO, as many as the target gave.</param>
    /// <param name="memory">The bytes of SO_MEMINFO, as many as the target gave.</param>
    /// <returns>null when the target did not give it.</returns>
    public static long? Find(string name, ReadOnlySpan<byte> info, ReadOnlySpan<byte> memory)
    {
        if (Bits.TryGetValue(name, out (int Offset, int Shift, int Mask) bits))
        {
            return info.Length <= bits.Offset ? null : (info[bits.Offset] >> bits.Shift) & bits.Mask;
        }

        int index = Array.IndexOf(Memory, name);
        if (index >= 0)
        {
            return memory.Length < (index + 1) * 4 ? null : BitConverter.ToUInt32(memory[(index * 4)..]);
        }

        (int offset, int length) = Info[name];
        if (info.Length < offset + length)
        {
            return null;
        }

        ReadOnlySpan<byte> field = info[offset..];
        return length switch
        {
            1 => field[0],
            2 => BitConverter.ToUInt16(field),
            4 => BitConverter.ToUInt32(field),
            _ => BitConverter.ToInt64(field),
        };
    }

    private static Dictionary<string, (int Offset, int Length)> ReadInfo()
    {
        var table = new Dictionary<string, (int, int)>(StringComparer.Ordinal);
        string[] words = Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i + 2 < words.Length; i += 3)
        {
            table.Add(words[i], (int.Parse(words[i + 1]), int.Parse(words[i + 2])));
        }

        return table;
    }
}
