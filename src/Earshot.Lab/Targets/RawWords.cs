using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;

namespace Earshot.Lab.Targets;

/// <summary>A number of a raw packet: counted from what would be right, as <c>+5</c>, or as it stands.</summary>
/// <param name="Value">The number.</param>
/// <param name="IsRelative">Whether it counts from what would be right.</param>
internal readonly record struct RawNumber(long Value, bool IsRelative)
{
    /// <summary>What would be right.</summary>
    public static RawNumber Right => new(0, true);

    /// <summary>The number itself.</summary>
    public uint Over(uint right) => IsRelative ? (uint)(right + Value) : (uint)Value;
}

/// <summary>The words that say what a raw packet is; docs/lab/plans.md lists them.</summary>
internal sealed class RawWords
{
    private const string Letters = "FSRPAUEC";
    private const int DefaultWindow = 65535;

    private string _options = "";

    /// <summary>The TCP flags.</summary>
    public int Flags { get; private init; }

    /// <summary>Whether the ACK flag is set.</summary>
    public bool HasAck => (Flags & 0x10) != 0;

    /// <summary>Where it goes; null where the one before went.</summary>
    public IPEndPoint? To { get; private set; }

    /// <summary>The source port, when not the peer's own.</summary>
    public int? SourcePort { get; private set; }

    /// <summary>The sequence number.</summary>
    public RawNumber Seq { get; private set; } = RawNumber.Right;

    /// <summary>The acknowledgement; null: right with the ACK flag and 0 without.</summary>
    public RawNumber? Ack { get; private set; }

    /// <summary>The time stamp.</summary>
    public RawNumber TimeStamp { get; private set; } = RawNumber.Right;

    /// <summary>The echoed time stamp.</summary>
    public RawNumber TimeEcho { get; private set; } = RawNumber.Right;

    /// <summary>Bytes of data.</summary>
    public int Length { get; private set; }

    /// <summary>The window.</summary>
    public int Window { get; private set; } = DefaultWindow;

    /// <summary>TOS or traffic class.</summary>
    public int Service { get; private set; }

    /// <summary>TTL or hop limit.</summary>
    public int TimeToLive { get; private set; } = 64;

    /// <summary>The data offset in words, when it is to be wrong.</summary>
    public int? DataOffset { get; private set; }

    /// <summary>Bytes after which the packet is cut off.</summary>
    public int? Cut { get; private set; }

    /// <summary>Another protocol number in the IP header.</summary>
    public int? Protocol { get; private set; }

    /// <summary>The next hop's MTU in an ICMP error.</summary>
    public int Mtu { get; private set; }

    /// <summary>IPv4 options, a multiple of 4 bytes.</summary>
    public byte[] IpOptions { get; private set; } = [];

    /// <summary>Whether the TCP or ICMP checksum is wrong.</summary>
    public bool IsSumWrong { get; private set; }

    /// <summary>Whether the IP header's checksum is wrong.</summary>
    public bool IsHeaderWrong { get; private set; }

    /// <summary>Whether the packet is the first of several fragments.</summary>
    public bool IsFragment { get; private set; }

    /// <summary>Whether a SYN starts with another number than the one before.</summary>
    public bool IsNew { get; private set; }

    /// <summary>Reads the words of a step.</summary>
    /// <param name="flags">The flags as letters; null in an ICMP message.</param>
    /// <param name="words">The words.</param>
    /// <exception cref="ExperimentFailedException">A word is unknown.</exception>
    public static RawWords Read(string? flags, IEnumerable<string> words)
    {
        int bits = 0;
        foreach (char letter in flags is null or "none" ? "" : flags)
        {
            int bit = Letters.IndexOf(letter, StringComparison.Ordinal);
            bits |= bit >= 0 ? 1 << bit : throw Unknown("TCP flags", flags!);
        }

        var read = new RawWords { Flags = bits };
        foreach (string word in words)
        {
            int equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                read.Mark(word);
            }
            else
            {
                read.Set(word[..equals], word[(equals + 1)..], word);
            }
        }

        return read;
    }

    /// <summary>The options' bytes.</summary>
    /// <param name="isSyn">Whether the segment is a SYN.</param>
    /// <param name="timeStamps">Whether time stamps were agreed on.</param>
    /// <param name="value">The time stamp.</param>
    /// <param name="echo">The echoed time stamp.</param>
    /// <param name="cookie">The Fast Open cookie that the peer was given.</param>
    public byte[] Options(bool isSyn, bool timeStamps, uint value, uint echo, byte[] cookie)
    {
        string text = _options.Length > 0 ? _options
            : isSyn ? "mss:1460,sack,ts,nop,ws:7"
            : timeStamps ? "nop,nop,ts" : "none";
        var bytes = new List<byte>();
        foreach (string option in text.Split(','))
        {
            string[] parts = option.Split(':');
            bytes.AddRange(parts[0] switch
            {
                "none" => [],
                "nop" => [1],
                "eol" => [0],
                "mss" => [2, 4, (byte)(Number(Value(parts, option)) >> 8), (byte)Number(Value(parts, option))],
                "ws" => [3, 3, (byte)Number(Value(parts, option))],
                "sack" => [4, 2],
                "ts" => (byte[])[8, 10, .. Big(value), .. Big(isSyn && (Flags & 0x10) == 0 ? 0 : echo)],
                "cookie" => [34, (byte)(cookie.Length + 2), .. cookie],
                "hex" => Hex(Value(parts, option)),
                _ => throw Unknown("TCP option", option),
            });
        }

        while (bytes.Count % 4 != 0)
        {
            bytes.Add(0);
        }

        return [.. bytes];
    }

    /// <summary>Looks whether the options mean something, which are read when the segment is built.</summary>
    /// <exception cref="ExperimentFailedException">One does not.</exception>
    internal void Check() => Options(false, false, 0, 0, []);

    private static IEnumerable<byte> Big(uint number) => BitConverter.GetBytes(number).Reverse();

    private void Mark(string word)
    {
        switch (word)
        {
            case "badsum":
                IsSumWrong = true;
                break;
            case "badip":
                IsHeaderWrong = true;
                break;
            case "fragment":
                IsFragment = true;
                break;
            case "new":
                IsNew = true;
                break;
            default:
                To = word.Contains(':', StringComparison.Ordinal) && IPEndPoint.TryParse(word, out IPEndPoint? to)
                    ? to
                    : throw Unknown("word of a raw packet", word);
                break;
        }
    }

    private void Set(string key, string value, string word)
    {
        switch (key)
        {
            case "seq":
                Seq = Counted(value);
                break;
            case "ack":
                Ack = Counted(value);
                break;
            case "tsval":
                TimeStamp = Counted(value);
                break;
            case "tsecr":
                TimeEcho = Counted(value);
                break;
            case "len":
                Length = Number(value);
                break;
            case "win":
                Window = Number(value);
                break;
            case "tos":
                Service = Number(value);
                break;
            case "ttl":
                TimeToLive = Number(value);
                break;
            case "port":
                SourcePort = Number(value);
                break;
            case "offset":
                DataOffset = Number(value);
                break;
            case "cut":
                Cut = Number(value);
                break;
            case "protocol":
                Protocol = Number(value);
                break;
            case "mtu":
                Mtu = Number(value);
                break;
            case "ipopt":
                IpOptions = Hex(value.PadRight((value.Length + 7) / 8 * 8, '0'));
                break;
            case "opt":
                _options = value;
                break;
            default:
                throw Unknown("word of a raw packet", word);
        }
    }

    private static string Value(string[] parts, string option) =>
        parts.Length == 2 ? parts[1] : throw Unknown("TCP option with its value", option);

    private static byte[] Hex(string text) => text.Length % 2 == 0 && text.All(char.IsAsciiHexDigit)
        ? Convert.FromHexString(text) : throw Unknown("row of bytes in hexadecimal", text);

    private static RawNumber Counted(string text) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            ? new RawNumber(number, text[0] is '+' or '-')
            : throw Unknown("number", text);

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= 65535
            ? number
            : throw Unknown("number from 0 to 65535", text);

    private static ExperimentFailedException Unknown(string what, string text) =>
        new($"'{text}' is no {what}");
}
