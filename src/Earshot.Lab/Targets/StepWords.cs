using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using Earshot.Lab.Experiments;

namespace Earshot.Lab.Targets;

/// <summary>What the words of a plan's steps mean. They are asked about when the plan is read, so that no step fails
/// for
/// its words after others were done.</summary>
internal static class StepWords
{
    /// <summary>The most bytes that one step sends or receives.</summary>
    internal const int MostBytes = 1 << 20;

    internal const int Stream = 1;
    internal const int LingerOption = 13;

    private static readonly Dictionary<string, (int Level, int Name)> Options = new(StringComparer.Ordinal)
    {
        ["reuseaddr"] = (1, 2),
        ["error"] = (1, 4),
        ["sndbuf"] = (1, 7),
        ["rcvbuf"] = (1, 8),
        ["keepalive"] = (1, 9),
        ["linger"] = (1, LingerOption),
        ["reuseport"] = (1, 15),
        ["acceptconn"] = (1, 30),
        ["tos"] = (0, 1),
        ["ttl"] = (0, 2),
        ["freebind"] = (0, 15),
        ["minttl"] = (0, 21),
        ["v6only"] = (41, 26),
        ["tclass"] = (41, 67),
        ["nodelay"] = (6, 1),
        ["maxseg"] = (6, 2),
        ["keepidle"] = (6, 4),
        ["syncnt"] = (6, 7),
        ["linger2"] = (6, 8),
        ["defer"] = (6, 9),
        ["clamp"] = (6, 10),
        ["quickack"] = (6, 12),
        ["usertimeout"] = (6, 18),
        ["fastopen"] = (6, 23),
        ["savesyn"] = (6, 27),
        ["fastopennocookie"] = (6, 34),
    };

    /// <summary>Looks whether the words of a step mean something.</summary>
    /// <exception cref="ExperimentFailedException">One does not; the message says which.</exception>
    internal static void Check(PlanStep step)
    {
        IReadOnlyList<string> words = step.Words;
        switch (step.Verb)
        {
            case "server":
                Sockaddr(words[0]);
                Number(words[1]);
                break;
            case "bind" or "connect":
                Sockaddr(words[0]);
                break;
            case "listen":
                Number(words[0]);
                break;
            case "send" or "recv":
                Bytes(words[0]);
                break;
            case "shutdown":
                How(words[0]);
                break;
            case "get" or "set":
                Option(words[0]);
                Each(words.Skip(1), Number);
                break;
            case "socket":
                Each(words.Take(1), Domain);
                Each(words.Skip(1).Take(1), Kind);
                Each(words.Skip(2), Number);
                break;
            case "accept":
                Each(words.Where(IsFlags), Flags);
                break;
            case "syn":
                RawWords.Read("S", words).Check();
                break;
            case "raw":
                RawWords.Read(words[0], words.Skip(1)).Check();
                break;
            case "icmp":
                Icmp(words[0]);
                RawWords.Read(null, words.Skip(1)).Check();
                break;
        }
    }

    private static void Each(IEnumerable<string> words, Func<string, int> meaning)
    {
        foreach (string word in words)
        {
            meaning(word);
        }
    }

    /// <summary>Whether a word of accept gives its flags.</summary>
    internal static bool IsFlags(string word) => word.StartsWith("flags=", StringComparison.Ordinal);

    internal static int Flags(string word) => Number(word["flags=".Length..]);

    /// <summary>A number of bytes to send or receive.</summary>
    internal static int Bytes(string text) => Number(text) is >= 0 and <= MostBytes and var bytes
        ? bytes : throw Unknown($"number of bytes from 0 to {MostBytes}", text);

    /// <summary>Type and code of an ICMP message.</summary>
    internal static (int Type, int Code) Icmp(string text)
    {
        string[] parts = text.Split('/');
        CultureInfo culture = CultureInfo.InvariantCulture;
        return parts.Length == 2 && byte.TryParse(parts[0], NumberStyles.None, culture, out byte type)
            && byte.TryParse(parts[1], NumberStyles.None, culture, out byte code)
            ? (type, code) : throw Unknown("TYPE/CODE, each from 0 to 255", text);
    }

    internal static (int Level, int Name) Option(string text)
    {
        if (Options.TryGetValue(text, out (int Level, int Name) option))
        {
            return option;
        }

        string[] parts = text.Split('.');
        return parts.Length == 2 ? (Number(parts[0]), Number(parts[1])) : throw Unknown("option", text);
    }

    internal static int Domain(string word) => word switch
    {
        "inet" => SocketAddressBytes.Inet,
        "inet6" => SocketAddressBytes.Inet6,
        _ => Number(word),
    };

    internal static int Kind(string word) => word switch
    {
        "stream" => Stream,
        "dgram" => 2,
        "raw" => 3,
        _ => Number(word),
    };

    internal static int How(string word) => word switch
    {
        "rd" => 0,
        "wr" => 1,
        "rdwr" => 2,
        _ => Number(word),
    };

    internal static int Family(string end) =>
        IPEndPoint.TryParse(end, out IPEndPoint? parsed)
        && parsed.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6
            ? SocketAddressBytes.Inet6
            : SocketAddressBytes.Inet;

    internal static byte[] Sockaddr(string text) => IPEndPoint.TryParse(text, out IPEndPoint? end)
        ? SocketAddressBytes.Make(end.Address, end.Port)
        : throw Unknown("address and port", text);

    internal static int Number(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw Unknown("number", text);

    private static ExperimentFailedException Unknown(string what, string text) =>
        new($"'{text}' is no {what}");
}
