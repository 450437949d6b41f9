using System;
using System.Collections.Generic;

namespace Earshot.Lab.Packetdrill;

/// <content>Packets.</content>
internal sealed partial class Parser
{
    private const string FlagCharacters = "SFRPEWAU.-01234567";
    private const string HexCharacters = "0123456789abcdefABCDEF";
    private const int LongestOptions = 40;
    private const int LongestPayload = 65535 - 60;

    private PacketEvent Packet(int line, EventTime time)
    {
        bool inbound = _lexer.TryTake("<");
        if (!inbound)
        {
            _ = _lexer.TryTake(">");
        }

        var packet = new PacketPattern { Ip = Ip() };
        if (_lexer.TryPorts(out long source, out long destination))
        {
            packet = packet with { SourcePort = Port(line, source), DestinationPort = Port(line, destination) };
        }

        packet = _lexer.Peek() is { Kind: TokenKind.Name, Text: "icmp" }
            ? packet with { Icmp = Icmp() }
            : packet with { Tcp = Tcp() };
        if (inbound && packet.Tcp is { Options: null })
        {
            throw _lexer.Error(line, "an inbound packet cannot leave its options open with '<...>'");
        }

        return new PacketEvent(line, time, inbound, packet);
    }

    private ushort Port(int line, long port) => port is > 0 and <= ushort.MaxValue
        ? (ushort)port
        : throw _lexer.Error(line, $"{port} is not a port");

    private IpPattern Ip()
    {
        var ip = new IpPattern();
        char open = _lexer.NextCharacter();
        if (open is not ('[' or '('))
        {
            return ip;
        }

        char close = open == '[' ? ']' : ')';
        _lexer.Expect(open);
        while (!_lexer.TryTake(close))
        {
            int line = _lexer.Line;
            string word = _lexer.Name("one of ect0, ect1, ce, noecn, tos, ttl, flowlabel");
            ip = word switch
            {
                "noecn" => ip with { Ecn = 0 },
                "ect1" => ip with { Ecn = 1 },
                "ect0" => ip with { Ecn = 2 },
                "ce" => ip with { Ecn = 3 },
                "tos" => ip with { TypeOfService = (int)_lexer.Number("a TOS", 255) },
                "ttl" => ip with { TimeToLive = (int)_lexer.Number("a TTL", 255) },
                "flowlabel" => ip with { FlowLabel = (int)_lexer.Number("a flow label", 0xfffff) },
                _ => throw _lexer.Error(
                    line, $"'{word}' is not one of ect0, ect1, ce, noecn, tos, ttl, flowlabel"),
            };
            _ = _lexer.TryTake(',');
        }

        return ip;
    }

    private TcpPattern Tcp()
    {
        int line = _lexer.Line;
        int flags = Flags(line, _lexer.Run(FlagCharacters));
        (uint sequence, int length) = Range(flags);
        var tcp = new TcpPattern { Flags = flags, Sequence = sequence, Length = length };
        while (_lexer.Peek() is { Kind: TokenKind.Name } word)
        {
            _ = _lexer.Next();
            tcp = word.Text switch
            {
                "ack" => tcp with { Acknowledgment = Sequence() },
                "win" => tcp with { Window = (ushort)_lexer.Number("a window", ushort.MaxValue) },
                "urg" => tcp with { Urgent = (ushort)_lexer.Number("an urgent pointer", ushort.MaxValue) },
                _ => throw _lexer.Error(word.Line, $"expected ack, win, urg or options, found {word.Describe()}"),
            };
        }

        if ((tcp.Acknowledgment is not null) != tcp.Has(Flag.Ack))
        {
            throw _lexer.Error(line, "'ack N' and the flag '.' go together");
        }

        return _lexer.StartsWith("<") ? tcp with { Options = Options(line) } : tcp;
    }

    private int Flags(int line, string text)
    {
        if (text.Length == 0)
        {
            Token found = _lexer.Peek();
            throw _lexer.Error(line, $"expected the flags of a segment, found {found.Describe()}");
        }

        int flags = 0;
        foreach (char c in text)
        {
            int flag = c switch
            {
                'S' => Flag.Syn,
                'F' => Flag.Fin,
                'R' => Flag.Rst,
                'P' => Flag.Psh,
                'A' => Flag.Ae,
                'W' => Flag.Cwr,
                'E' => Flag.Ece,
                'U' => Flag.Urg,
                '.' => Flag.Ack,
                '-' => 0,
                _ => (c - '0') * Flag.Ece,
            };
            if ((flags & flag) != 0 || (c == '-' && text.Length > 1))
            {
                throw _lexer.Error(line, $"the flags '{text}' contradict or repeat themselves");
            }

            flags |= flag;
        }

        return flags;
    }

    private uint Sequence() => (uint)_lexer.Number("a sequence number", uint.MaxValue);

    // first:end(length); SYN and FIN take no room in this notation.
    private (uint Sequence, int Length) Range(int flags)
    {
        int line = _lexer.Line;
        uint first = Sequence();
        _lexer.Expect(':');
        uint end = Sequence();
        _lexer.Expect('(');
        int length = (int)_lexer.Number("a length", LongestPayload);
        _lexer.Expect(')');
        return unchecked(first + (uint)length) == end
            ? (first, length)
            : throw _lexer.Error(line, $"{first}:{end} is {unchecked(end - first)} bytes long, not {length}"
                + ((flags & (Flag.Syn | Flag.Fin)) != 0 ? " (SYN and FIN do not count)" : ""));
    }

    private List<OptionPattern>? Options(int line)
    {
        _ = _lexer.TryTake("<");
        if (_lexer.TryTake("..."))
        {
            _lexer.Expect('>');
            return null;
        }

        var options = new List<OptionPattern>();
        while (!_lexer.TryTake('>'))
        {
            if (options.Count > 0)
            {
                _lexer.Expect(',');
            }

            options.Add(Option());
        }

        int length = SegmentBytes.OptionLength(options);
        return length <= LongestOptions
            ? options
            : throw _lexer.Error(line, $"the options are {length} bytes long, more than {LongestOptions}");
    }

    private OptionPattern Option()
    {
        int line = _lexer.Line;
        string word = _lexer.Name("a TCP option");
        switch (word)
        {
            case "mss":
                return new OptionPattern(OptionKind.Mss) { Number = (uint)_lexer.Number("an MSS", ushort.MaxValue) };
            case "wscale":
                return new OptionPattern(OptionKind.WindowScale) { Number = (uint)_lexer.Number("a shift", 255) };
            case "sackOK":
                return new OptionPattern(OptionKind.SackPermitted);
            case "nop":
                return new OptionPattern(OptionKind.Nop);
            case "eol":
                return new OptionPattern(OptionKind.End);
            case "sack":
                return Sack();
            case "TS":
                Word("val");
                uint stamp = (uint)_lexer.Number("a time stamp", uint.MaxValue);
                Word("ecr");
                uint echo = (uint)_lexer.Number("a time stamp", uint.MaxValue);
                return new OptionPattern(OptionKind.Timestamp) { Number = stamp, Echo = echo };
            case "FO":
                return new OptionPattern(OptionKind.FastOpen) { Bytes = Hex(line) };
            case "FOEXP":
                return new OptionPattern(OptionKind.FastOpenExperimental) { Bytes = Hex(line) };
            case "md5":
                return new OptionPattern(OptionKind.Md5) { Bytes = Hex(line) };
            default:
                throw _lexer.Error(line, $"there is no TCP option '{word}'; known are mss, wscale, sackOK, sack, TS, "
                    + "nop, eol, FO, FOEXP, md5");
        }
    }

    private OptionPattern Sack()
    {
        var ranges = new List<(uint, uint)>();
        while (_lexer.Peek().Kind == TokenKind.Number)
        {
            uint left = Sequence();
            _lexer.Expect(':');
            ranges.Add((left, Sequence()));
        }

        return new OptionPattern(OptionKind.Sack) { Ranges = ranges };
    }

    private byte[] Hex(int line)
    {
        string digits = _lexer.Run(HexCharacters);
        return digits.Length % 2 == 0
            ? Convert.FromHexString(digits)
            : throw _lexer.Error(line, $"'{digits}' is not a whole number of bytes in hexadecimal");
    }

    private void Word(string word)
    {
        Token token = _lexer.Next();
        if (token.Kind != TokenKind.Name || token.Text != word)
        {
            throw _lexer.Error(token.Line, $"expected '{word}', found {token.Describe()}");
        }
    }

    private IcmpPattern Icmp()
    {
        _ = _lexer.Next();
        int line = _lexer.Line;
        string type = _lexer.Name("an ICMP type");
        var icmp = new IcmpPattern { Type = type };
        while (_lexer.Peek() is { Kind: TokenKind.Name } word)
        {
            _ = _lexer.Next();
            icmp = word.Text == "mtu"
                ? icmp with { Mtu = (int)_lexer.Number("an MTU", ushort.MaxValue) }
                : icmp with { Code = word.Text };
        }

        if (_lexer.StartsWith("["))
        {
            _lexer.Expect('[');
            string flags = _lexer.Run(FlagCharacters.Replace("01234567", "", StringComparison.Ordinal));
            (uint sequence, int length) = Range(flags.Length > 0 ? Flags(line, flags) : 0);
            _lexer.Expect(']');
            icmp = icmp with { Sequence = sequence, Length = length };
        }

        return IcmpNames.Problem(icmp) is { } problem ? throw _lexer.Error(line, problem) : icmp;
    }
}
