using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace Earshot.Lab.Packetdrill;

/// <summary>Writes packets as scripts do.</summary>
internal static class PacketText
{
    private static readonly (int Flag, char Letter)[] Letters =
    [
        (Flag.Syn, 'S'), (Flag.Fin, 'F'), (Flag.Rst, 'R'), (Flag.Psh, 'P'), (Flag.Ae, 'A'), (Flag.Cwr, 'W'),
        (Flag.Ece, 'E'), (Flag.Urg, 'U'), (Flag.Ack, '.'),
    ];

    private static readonly string[] EcnWords = ["noecn", "ect1", "ect0", "ce"];

    /// <summary>An expected packet.</summary>
    public static string Write(PacketPattern packet)
    {
        var text = new StringBuilder("> ");
        AppendIp(text, packet.Ip);
        if (packet.SourcePort is { } source)
        {
            text.Append($"{source} > {packet.DestinationPort} ");
        }

        if (packet.Icmp is { } icmp)
        {
            text.Append($"icmp {icmp.Type}{(icmp.Code is null ? "" : " " + icmp.Code)}");
            text.Append(icmp.Mtu is { } mtu ? $" mtu {mtu}" : "");
            return text.ToString();
        }

        TcpPattern tcp = packet.Tcp!; // A packet is one or the other.
        AppendTcp(text, tcp.Flags, tcp.Sequence, tcp.Length, tcp.Acknowledgment, tcp.Window, tcp.Urgent);
        AppendOptions(text, tcp.Options);
        return text.ToString();
    }

    /// <summary>A packet that was seen, in the numbers of the script.</summary>
    public static string Write(SeenSegment seen, PacketPattern? expected, Flow? flow)
    {
        var text = new StringBuilder("> ");
        IpPattern asked = expected?.Ip ?? new IpPattern();
        AppendIp(text, new IpPattern
        {
            Ecn = asked.Ecn is null ? null : seen.Envelope.TypeOfService & 3,
            TypeOfService = asked.TypeOfService is null ? null : seen.Envelope.TypeOfService,
            TimeToLive = asked.TimeToLive is null ? null : seen.Envelope.TimeToLive,
            FlowLabel = asked.FlowLabel is null ? null : seen.Envelope.FlowLabel,
        });
        if (seen.IsTcp && (expected?.SourcePort is not null || flow is null))
        {
            text.Append($"{seen.SourcePort} > {seen.DestinationPort} ");
        }

        if (!seen.IsTcp)
        {
            text.Append(seen.IsIcmp
                ? IcmpNames.Describe(seen.IcmpType, seen.IcmpCode, seen.IsSix)
                    + (seen.IcmpMtu != 0 ? $" mtu {seen.IcmpMtu}" : "")
                : $"protocol {seen.Protocol}");
            return text.ToString();
        }

        AppendTcp(
            text,
            seen.Flags,
            flow?.ScriptSequence(seen) ?? seen.Sequence,
            seen.Payload.Length,
            seen.Has(Flag.Ack) ? seen.Acknowledgment : null,
            seen.Window,
            seen.Urgent);
        AppendOptions(text, flow is null ? seen.Options : [.. seen.Options.Select(flow.ToScript)]);
        return text.ToString();
    }

    /// <summary>Options, as between the angle brackets.</summary>
    public static string Options(IReadOnlyList<OptionPattern> options) =>
        string.Join(",", options.Select(Option));

    private static void AppendIp(StringBuilder text, IpPattern ip)
    {
        List<string> words = [];
        words.AddRange(ip.Ecn is { } ecn ? [EcnWords[ecn]] : []);
        words.AddRange(ip.TypeOfService is { } tos ? [$"tos 0x{tos:x2}"] : []);
        words.AddRange(ip.TimeToLive is { } ttl ? [$"ttl {ttl}"] : []);
        words.AddRange(ip.FlowLabel is { } label ? [$"flowlabel 0x{label:x}"] : []);
        if (words.Count > 0)
        {
            text.Append($"[{string.Join(",", words)}] ");
        }
    }

    private static void AppendTcp(
        StringBuilder text, int flags, uint sequence, int length, uint? acknowledgment, ushort? window, ushort urgent)
    {
        string letters = new([.. Letters.Where(l => (flags & l.Flag) != 0).Select(l => l.Letter)]);
        text.Append($"{(letters.Length == 0 ? "-" : letters)} ");
        text.Append($"{sequence}:{unchecked(sequence + (uint)length)}({length})");
        text.Append(acknowledgment is { } ack ? $" ack {ack}" : "");
        text.Append(window is { } win ? $" win {win}" : "");
        text.Append(urgent != 0 ? $" urg {urgent}" : "");
    }

    private static void AppendOptions(StringBuilder text, IReadOnlyList<OptionPattern>? options)
    {
        if (options is null)
        {
            text.Append(" <...>");
        }
        else if (options.Count > 0)
        {
            text.Append($" <{Options(options)}>");
        }
    }

    private static string Option(OptionPattern option) => option.Kind switch
    {
        OptionKind.End => "eol",
        OptionKind.Nop => "nop",
        OptionKind.Mss => $"mss {option.Number}",
        OptionKind.WindowScale => $"wscale {option.Number}",
        OptionKind.SackPermitted => "sackOK",
        OptionKind.Sack => "sack" + string.Concat(option.Ranges.Select(r => $" {r.Left}:{r.Right}")),
        OptionKind.Timestamp => $"TS val {option.Number} ecr {option.Echo}",
        OptionKind.FastOpen => $"FO {Convert.ToHexStringLower(option.Bytes)}".TrimEnd(),
        OptionKind.FastOpenExperimental => $"FOEXP {Convert.ToHexStringLower(option.Bytes)}".TrimEnd(),
        OptionKind.Md5 => $"md5 {Convert.ToHexStringLower(option.Bytes)}",
        _ => $"kind {(int)option.Kind} {Convert.ToHexStringLower(option.Bytes)}".TrimEnd(),
    };
}
