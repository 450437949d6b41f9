using System;
using System.Collections.Generic;
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
    private const int SockaddrRoom = 128;
    private const int OptionRoom = 8;
    private const int FirstChosenPort = 32768;

    // In the order of the bits, as poll() names them without POLL.
    private static readonly (int Bit, string Name)[] PollBits =
    [
        (0x1, "IN"), (0x2, "PRI"), (0x4, "OUT"), (0x8, "ERR"), (0x10, "HUP"), (0x20, "NVAL"), (0x40, "RDNORM"),
        (0x100, "WRNORM"), (0x2000, "RDHUP"),
    ];

    private const short EveryEvent = 0x1 | 0x2 | 0x4 | 0x40 | 0x100 | 0x2000;

    private readonly Dictionary<string, int> _descriptors = new(StringComparer.Ordinal);
    private readonly byte[] _buffer = new byte[StepWords.MostBytes];

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
                Tell($"socket {name}", () => Text(Open(name, StepWords.Family(step.Words[0]), StepWords.Stream, 0)));
                Tell($"bind {name} {step.Words[0]}", () => Text(Bind(name, step.Words[0])));
                Tell($"listen {name} {step.Words[1]}", () =>
                    Text(Calls.Listen(Descriptor(name), StepWords.Number(step.Words[1]))));
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
                words.Count > 0 ? StepWords.Domain(words[0]) : SocketAddressBytes.Inet,
                words.Count > 1 ? StepWords.Kind(words[1]) : StepWords.Stream,
                words.Count > 2 ? StepWords.Number(words[2]) : 0)),
            "bind" => Text(Bind(name, words[0])),
            "listen" => Text(Calls.Listen(descriptor, StepWords.Number(words[0]))),
            "connect" => Text(Connect(name, words[0])),
            "disconnect" => Text(Calls.Connect(descriptor, new byte[SocketAddressBytes.InetLength])),
            "send" => Text(Calls.Send(descriptor, _buffer.AsSpan(0, StepWords.Bytes(words[0])), 0x4000, default)),
            "recv" => Received(
                Calls.Receive(descriptor, _buffer.AsSpan(0, StepWords.Bytes(words[0])), 0, default, out _)),
            "shutdown" => Text(Calls.Shutdown(descriptor, StepWords.How(words[0]))),
            "close" => Text(Close(name)),
            "poll" => Poll(descriptor),
            "getname" => Name(descriptor, own: true),
            "getpeer" => Name(descriptor, own: false),
            "set" => Text(Set(descriptor, words[0], StepWords.Number(words[1]))),
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
            if (StepWords.IsFlags(word))
            {
                flags = StepWords.Flags(word);
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

    private int Bind(string name, string text) => Calls.Bind(Descriptor(name), StepWords.Sockaddr(text));

    private int Connect(string name, string text)
    {
        if (!_descriptors.ContainsKey(name))
        {
            int opened = Open(name, StepWords.Family(text), StepWords.Stream, 0);
            if (opened < 0)
            {
                return opened;
            }
        }

        return Calls.Connect(Descriptor(name), StepWords.Sockaddr(text));
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
        (int level, int name) = StepWords.Option(option);
        byte[] bytes = BitConverter.GetBytes(value);
        if ((level, name) == (1, StepWords.LingerOption))
        {
            bytes = [.. BitConverter.GetBytes(value < 0 ? 0 : 1), .. BitConverter.GetBytes(Math.Max(value, 0))];
        }

        return Calls.SetOption(descriptor, level, name, bytes);
    }

    private string Get(int descriptor, string option)
    {
        (int level, int name) = StepWords.Option(option);
        var bytes = new byte[OptionRoom];
        int room = (level, name) == (1, StepWords.LingerOption) ? OptionRoom : sizeof(int);
        int result = Calls.GetOption(descriptor, level, name, bytes.AsSpan(0, room), out _);
        int value = BitConverter.ToInt32(bytes, room - sizeof(int));
        return result < 0 ? Text(result) : option == "error" && value != 0 ? Errno.Name(value) : Say.Number(value);
    }

    private int Descriptor(string name) => _descriptors.TryGetValue(name, out int descriptor) ? descriptor : -1;

    private static string Received(long result) => result == 0 ? "end" : Text(result);
}
