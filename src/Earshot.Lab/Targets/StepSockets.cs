using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Lab.Experiments;

namespace Earshot.Lab.Targets;

/// <summary>Makes the socket calls of a plan's steps: none ever blocks, each is told with what it returned.</summary>
/// <param name="target">The host whose calls are made.</param>
/// <param name="zero">The moment from which the plan counts.</param>
/// <param name="calls">Gets what each returned.</param>
/// <param name="after">Told after each call: packets have to be taken before there are too many.</param>
internal sealed class StepSockets(IPacketTarget target, Instant zero, List<CallResult> calls, Action after)
{
    private const int NonBlocking = 0x800;
    private const int Stream = 1;
    private const int SockaddrRoom = 128;
    private const int OptionRoom = 8;
    private const int FirstChosenPort = 32768;
    private const int LingerOption = 13;

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

    // In the order of the bits, as poll() names them without POLL.
    private static readonly (int Bit, string Name)[] PollBits =
    [
        (0x1, "IN"), (0x2, "PRI"), (0x4, "OUT"), (0x8, "ERR"), (0x10, "HUP"), (0x20, "NVAL"), (0x40, "RDNORM"),
        (0x100, "WRNORM"), (0x2000, "RDHUP"),
    ];

    private const short EveryEvent = 0x1 | 0x2 | 0x4 | 0x40 | 0x100 | 0x2000;

    private readonly Dictionary<string, int> _descriptors = new(StringComparer.Ordinal);
    private readonly byte[] _buffer = new byte[1 << 20];

    /// <summary>Does one step.</summary>
    public void Do(PlanStep step)
    {
        if (step.Verb == "accept")
        {
            Accept(step);
            return;
        }

        foreach (string name in step.Names)
        {
            if (step.Verb == "server")
            {
                Tell($"socket {name}", () => Text(Open(name, Family(step.Words[0]), Stream, 0)));
                Tell($"bind {name} {step.Words[0]}", () => Text(Bind(name, step.Words[0])));
                Tell($"listen {name} {step.Words[1]}", () =>
                    Text(Calls.Listen(Descriptor(name), Number(step.Words[1]))));
            }
            else
            {
                string words = step.Words.Count == 0 ? "" : " " + string.Join(' ', step.Words);
                Tell($"{step.Verb} {name}{words}", () => One(step, name));
            }
        }
    }

    /// <summary>Closes every socket that is still open, the oldest first.</summary>
    public void CloseAll()
    {
        foreach (int descriptor in _descriptors.Values.Where(d => d >= 0).Order())
        {
            Calls.Close(descriptor);
        }
    }

    private ISocketCalls Calls => target.Calls;

    // The moment is the one before the call: what the call sends comes after it.
    private void Tell(string call, Func<string> make)
    {
        TimeSpan at = target.Now - zero;
        calls.Add(new CallResult(at, call, make()));
        after();
    }

    private static string Text(long result) => result switch
    {
        < 0 => Errno.Name((int)-result),
        0 => "ok",
        _ => Say.Number(result),
    };

    private string One(PlanStep step, string name)
    {
        IReadOnlyList<string> words = step.Words;
        int descriptor = Descriptor(name);
        return step.Verb switch
        {
            "socket" => Text(Open(
                name,
                words.Count > 0 ? Domain(words[0]) : SocketAddressBytes.Inet,
                words.Count > 1 ? Kind(words[1]) : Stream,
                words.Count > 2 ? Number(words[2]) : 0)),
            "bind" => Text(Bind(name, words[0])),
            "listen" => Text(Calls.Listen(descriptor, Number(words[0]))),
            "connect" => Text(Connect(name, words[0])),
            "disconnect" => Text(Calls.Connect(descriptor, new byte[SocketAddressBytes.InetLength])),
            "send" => Text(Calls.Send(descriptor, _buffer.AsSpan(0, Number(words[0])), 0x4000, default)),
            "recv" => Received(Calls.Receive(descriptor, _buffer.AsSpan(0, Number(words[0])), 0, default, out _)),
            "shutdown" => Text(Calls.Shutdown(descriptor, How(words[0]))),
            "close" => Text(Close(name)),
            "poll" => Poll(descriptor),
            "getname" => Name(descriptor, own: true),
            "getpeer" => Name(descriptor, own: false),
            "set" => Text(Set(descriptor, words[0], Number(words[1]))),
            "get" => Get(descriptor, words[0]),
            "sysctl" => words.Count == 0
                ? target.TryGetSysctl(name, out string value) ? value : "ENOENT"
                : Text(target.SetSysctl(name, string.Join(' ', words))),
            _ => throw new ExperimentFailedException($"no target knows the verb {step.Verb}"),
        };
    }

    private void Accept(PlanStep step)
    {
        int flags = NonBlocking;
        List<string> names = [];
        foreach (string word in step.Words)
        {
            if (word.StartsWith("flags=", StringComparison.Ordinal))
            {
                flags = Number(word["flags=".Length..]);
            }
            else
            {
                names.AddRange(StepReader.Names("accept", 0, word));
            }
        }

        if (names.Count == 0)
        {
            names.Add("");
        }

        var address = new byte[SockaddrRoom];
        foreach (string name in names)
        {
            Tell($"accept {step.Names[0]} {name}".TrimEnd(), () =>
            {
                int result = Calls.Accept(Descriptor(step.Names[0]), address, out int length, flags);
                if (result >= 0)
                {
                    _descriptors[name.Length > 0 ? name : $"accepted-{result}"] = result;
                }

                return result < 0 ? Text(result) : Ends(address, length);
            });
        }
    }

    private int Open(string name, int domain, int type, int protocol)
    {
        int descriptor = Calls.Socket(domain, type | NonBlocking, protocol);
        _descriptors[name] = descriptor < 0 ? -1 : descriptor;
        return Math.Min(descriptor, 0);
    }

    private int Bind(string name, string text) => Calls.Bind(Descriptor(name), Sockaddr(text));

    private int Connect(string name, string text)
    {
        if (!_descriptors.ContainsKey(name))
        {
            int opened = Open(name, Family(text), Stream, 0);
            if (opened < 0)
            {
                return opened;
            }
        }

        return Calls.Connect(Descriptor(name), Sockaddr(text));
    }

    private int Close(string name)
    {
        int result = Calls.Close(Descriptor(name));
        _descriptors[name] = -1;
        return result;
    }

    private string Poll(int descriptor)
    {
        PollEntry[] one = [new PollEntry(descriptor, EveryEvent)];
        Calls.Poll(one, 0);
        string text = string.Join('|', PollBits.Where(b => (one[0].Returned & b.Bit) != 0).Select(b => b.Name));
        return text.Length == 0 ? "nothing" : text;
    }

    private string Name(int descriptor, bool own)
    {
        var address = new byte[SockaddrRoom];
        int result = own
            ? Calls.GetSocketName(descriptor, address, out int length)
            : Calls.GetPeerName(descriptor, address, out length);
        return result < 0 ? Text(result) : Ends(address, length);
    }

    // A port that the host chose is not the plan's, and two hosts choose differently.
    private static string Ends(byte[] address, int length) =>
        !SocketAddressBytes.TryRead(address.AsSpan(0, Math.Min(length, address.Length)), out IPEndPoint end) ? "no name"
            : end.Port >= FirstChosenPort ? $"{end.Address} port chosen" : end.ToString();

    private int Set(int descriptor, string option, int value)
    {
        (int level, int name) = Option(option);
        byte[] bytes = BitConverter.GetBytes(value);
        if ((level, name) == (1, LingerOption))
        {
            bytes = [.. BitConverter.GetBytes(value < 0 ? 0 : 1), .. BitConverter.GetBytes(Math.Max(value, 0))];
        }

        return Calls.SetOption(descriptor, level, name, bytes);
    }

    private string Get(int descriptor, string option)
    {
        (int level, int name) = Option(option);
        var bytes = new byte[OptionRoom];
        int room = (level, name) == (1, LingerOption) ? OptionRoom : sizeof(int);
        int result = Calls.GetOption(descriptor, level, name, bytes.AsSpan(0, room), out _);
        int value = BitConverter.ToInt32(bytes, room - sizeof(int));
        return result < 0 ? Text(result) : option == "error" && value != 0 ? Errno.Name(value) : Say.Number(value);
    }

    private static (int Level, int Name) Option(string text)
    {
        if (Options.TryGetValue(text, out (int Level, int Name) option))
        {
            return option;
        }

        string[] parts = text.Split('.');
        return parts.Length == 2 ? (Number(parts[0]), Number(parts[1])) : throw Unknown("option", text);
    }

    private int Descriptor(string name) => _descriptors.TryGetValue(name, out int descriptor) ? descriptor : -1;

    private static string Received(long result) => result == 0 ? "end" : Text(result);

    private static int Domain(string word) => word switch
    {
        "inet" => SocketAddressBytes.Inet,
        "inet6" => SocketAddressBytes.Inet6,
        _ => Number(word),
    };

    private static int Kind(string word) => word switch
    {
        "stream" => Stream,
        "dgram" => 2,
        "raw" => 3,
        _ => Number(word),
    };

    private static int How(string word) => word switch
    {
        "rd" => 0,
        "wr" => 1,
        "rdwr" => 2,
        _ => Number(word),
    };

    private static int Family(string end) =>
        IPEndPoint.TryParse(end, out IPEndPoint? parsed)
        && parsed.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6
            ? SocketAddressBytes.Inet6
            : SocketAddressBytes.Inet;

    private static byte[] Sockaddr(string text) => IPEndPoint.TryParse(text, out IPEndPoint? end)
        ? SocketAddressBytes.Make(end.Address, end.Port)
        : throw Unknown("address and port", text);

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw Unknown("number", text);

    private static ExperimentFailedException Unknown(string what, string text) =>
        new($"the plan's step: '{text}' is no {what}");
}
