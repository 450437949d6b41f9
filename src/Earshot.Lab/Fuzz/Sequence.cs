using System.Collections.Generic;
using System.Linq;
using Earshot.Core;

namespace Earshot.Lab.Fuzz;

/// <summary>A random sequence of calls, segments, sysctl changes and waits, the same for the same seed.</summary>
/// <param name="Seed">The seed that it was made from.</param>
/// <param name="IsIPv6">Whether sockets and packets are of IPv6.</param>
/// <param name="Steps">What is done, in order.</param>
internal sealed record Sequence(ulong Seed, bool IsIPv6, IReadOnlyList<Step> Steps)
{
    /// <summary>Whether it is about a connection, in place <see cref="Connection"/>, whose data and own account are
    /// compared too.</summary>
    public bool IsEstablished { get; init; }

    /// <summary>The place of the connection that a sequence is about.</summary>
    internal const int Connection = 1;

    /// <summary>The steps, one a line.</summary>
    public string Text =>
        $"     over IPv{(IsIPv6 ? 6 : 4)}\n" + string.Join('\n', Steps.Select((step, i) => $"{i,3}  {step.Text}"));
}

/// <summary>Makes sequences. It keeps a rough idea of how far each peer has come, so that most segments mean
/// something.</summary>
internal sealed class SequenceMaker
{
    private const int Flows = 6;
    private const int Places = 8;
    private const int Listener = 0;
    private const int Port = 8080;

    private static readonly NamedOption[] ListenOptions =
    [
        new("TCP_DEFER_ACCEPT", 6, 9), new("TCP_SYNCNT", 6, 7), new("TCP_MAXSEG", 6, 2), new("SO_REUSEADDR", 1, 2),
        new("SO_RCVBUF", 1, 8), new("TCP_WINDOW_CLAMP", 6, 10), new("SO_KEEPALIVE", 1, 9), new("TCP_NODELAY", 6, 1),
    ];

    private static readonly NamedOption[] ReadOptions =
    [
        new("SO_ACCEPTCONN", 1, 30), new("SO_ERROR", 1, 4), new("TCP_DEFER_ACCEPT", 6, 9), new("TCP_MAXSEG", 6, 2),
        new("TCP_SYNCNT", 6, 7), new("SO_RCVBUF", 1, 8), new("SO_REUSEADDR", 1, 2),
    ];

    private static readonly (string Name, string[] Values)[] Sysctls =
    [
        ("net.core.somaxconn", ["0", "1", "2", "4096"]),
        ("net.ipv4.tcp_syncookies", ["0", "1", "1", "2"]),
        ("net.ipv4.tcp_max_syn_backlog", ["1", "4", "8", "2048"]),
        ("net.ipv4.tcp_abort_on_overflow", ["0", "1"]),
        ("net.ipv4.tcp_synack_retries", ["0", "1", "2", "5"]),
        ("net.ipv4.tcp_timestamps", ["0", "1", "1"]),
        ("net.ipv4.tcp_window_scaling", ["0", "1", "1"]),
        ("net.ipv4.tcp_ecn", ["0", "1", "2"]),
        ("net.ipv4.tcp_invalid_ratelimit", ["0", "500"]),
    ];

    private readonly Chance _chance;
    private readonly ulong _seed;
    private readonly List<Step> _steps = [];
    private readonly Peer[] _peers = new Peer[Flows];
    private int _waited;

    private SequenceMaker(ulong seed)
    {
        _seed = seed;
        _chance = new Chance(Chance.Spread(seed), ChanceStream.Program);
    }

    // How far a peer has come, as far as one can know without the answers.
    private enum Progress
    {
        None,
        SynSent,
        Acked,
        Gone,
    }

    /// <summary>Makes the sequence of a seed.</summary>
    internal static Sequence Make(ulong seed) => new SequenceMaker(seed).Make();

    private Sequence Make()
    {
        bool six = One(3);
        Begin();
        for (int left = 8 + (int)_chance.Below(18); left > 0; left--)
        {
            Next();
        }

        return new Sequence(_seed, six, _steps);
    }

    private void Begin()
    {
        for (int i = (int)_chance.Below(4); i > 0; i--)
        {
            AddSysctl();
        }

        Do(Call.Socket, Listener);
        for (int i = (int)_chance.Below(3); i > 0; i--)
        {
            SetOption(Listener);
        }

        Do(Call.Bind, Listener, Port);
        Do(Call.Listen, Listener, Backlog());
    }

    private void Next()
    {
        switch (_chance.Below(20))
        {
            case < 11:
                AddSegment();
                break;
            case < 13:
                Do(Call.Accept, Listener, 1 + (int)_chance.Below(Places - 1));
                break;
            case < 15:
                AddCall();
                break;
            case 15:
                AddSysctl();
                break;
            case 16:
                // Not 4, frag-needed: a path MTU is a connection's here, docs/deviations.md, D35.
                _steps.Add(new UnreachableStep(
                    (int)_chance.Below(Flows), Port, Pick(0, 1, 2, 3, 5), One(4) ? 1 : 0));
                break;
            default:
                AddWait();
                break;
        }
    }

    private void AddWait()
    {
        const int LongestInAll = 9000;
        int milliseconds = Pick(30, 150, 700, 1400, 2500, 4500);
        if (_waited + milliseconds <= LongestInAll)
        {
            _waited += milliseconds;
            _steps.Add(new WaitStep(milliseconds));
        }
    }

    private void AddSysctl()
    {
        (string name, string[] values) = Sysctls[_chance.Below((uint)Sysctls.Length)];
        _steps.Add(new SysctlStep(name, values[_chance.Below((uint)values.Length)]));
    }

    private void AddCall()
    {
        int place = One(2) ? Listener : (int)_chance.Below(Places);
        switch (_chance.Below(12))
        {
            case 0:
                Do(Call.Listen, place, Backlog());
                break;
            case 1:
                Do(Call.Close, place);
                break;
            case 2:
                Do(Call.Shutdown, place, (int)_chance.Below(3));
                break;
            case 3:
                Do(Call.Disconnect, place);
                break;
            case 4:
                SetOption(place);
                break;
            case 5:
                _steps.Add(new CallStep(
                    Call.GetOption, place, 0, ReadOptions[_chance.Below((uint)ReadOptions.Length)]));
                break;
            case 6 or 7:
                Do(Call.Poll, place);
                break;
            case 8:
                Do(Call.Read, place, 2000);
                break;
            case 9:
                Do(Call.Write, place, Pick(1, 100));
                break;
            case 10:
                Do(Call.Bind, place, Port + (int)_chance.Below(2));
                break;
            default:
                Do(Call.Socket, place);
                break;
        }
    }

    private void SetOption(int place)
    {
        NamedOption option = ListenOptions[_chance.Below((uint)ListenOptions.Length)];
        int value = option.Name switch
        {
            "TCP_DEFER_ACCEPT" => Pick(0, 1, 3, 10),
            "TCP_SYNCNT" => Pick(0, 1, 2, 128),
            "TCP_MAXSEG" => Pick(0, 87, 88, 536, 1000),
            "SO_RCVBUF" => Pick(1, 4096, 65536),
            "TCP_WINDOW_CLAMP" => Pick(0, 1000, 5000, 40000),
            _ => Pick(0, 1),
        };
        _steps.Add(new CallStep(Call.SetOption, place, value, option));
    }

    private void AddSegment()
    {
        int flow = (int)_chance.Below(Flows);
        ref Peer peer = ref _peers[flow];
        int port = One(25) ? Port + 1 : Port;
        SegmentStep step = peer.Progress switch
        {
            Progress.None => Syn(ref peer, flow, port),
            Progress.SynSent when !One(4) => ThirdAck(ref peer, flow, port),
            Progress.Acked when !One(4) => Text(ref peer, flow, port),
            _ when One(5) => Syn(ref peer, flow, port),
            _ => Odd(peer, flow, port),
        };
        _steps.Add(step with
        {
            Echo = !peer.Timestamps ? Echo.None
                : One(8) ? (Echo)(1 + _chance.Below(4)) : (step.Flags & 2) != 0 ? Echo.Zero : Echo.Live,
            ClockOffset = One(12) ? -50_000 : _steps.Count,
            Tos = One(10) ? (byte)_chance.Below(256) : (byte)0,
            IsBroken = One(40),
        });
    }

    private SegmentStep Syn(ref Peer peer, int flow, int port)
    {
        peer.Progress = Progress.SynSent;
        peer.Timestamps = One(2);
        peer.Next = 1;
        return new SegmentStep
        {
            Flow = flow,
            Port = port,
            Flags = 2 | (One(6) ? 0xc0 : 0) | (One(20) ? 8 : 0) | (One(20) ? 0x20 : 0),
            Seq = One(8) ? Pick(-1, 5, 100_000) : 0,
            Length = One(8) ? 10 : 0,
            Mss = (ushort)Pick(0, 40, 536, 1000, 1300, 1439, 1440, 1460, 1460, 8960),
            Scale = One(2) ? Pick(0, 7, 14, 15) : -1,
            Sack = One(3),
            Window = (ushort)Pick(0, 1000, 20000, 65535),
        };
    }

    private SegmentStep ThirdAck(ref Peer peer, int flow, int port)
    {
        bool wrong = One(8);
        peer.Progress = wrong ? peer.Progress : Progress.Acked;
        int length = One(4) ? 20 : 0;
        bool fin = One(10);
        var step = new SegmentStep
        {
            Flow = flow,
            Port = port,
            Flags = 0x10 | (length > 0 ? 8 : 0) | (fin ? 1 : 0),
            Seq = wrong && One(2) ? Pick(0, 2, 70_000) : 1,
            Ack = wrong ? Pick(0, 2, -5, 1) : 1,
            Length = length,
            Window = (ushort)Pick(1000, 20000, 20000, 65535),
        };
        peer.Next = 1 + length + (fin ? 1 : 0);
        return step;
    }

    private SegmentStep Text(ref Peer peer, int flow, int port)
    {
        int length = One(3) ? 0 : 30;
        bool fin = One(5);
        bool reset = One(8);
        var step = new SegmentStep
        {
            Flow = flow,
            Port = port,
            Flags = reset ? Pick(4, 0x14) : 0x10 | (length > 0 ? 8 : 0) | (fin ? 1 : 0),
            Seq = peer.Next + (One(8) ? Pick(-1, 1, 10, 100_000) : 0),
            Ack = 1,
            Length = reset ? 0 : length,
        };
        peer.Next += step.Length + (fin && !reset ? 1 : 0);
        peer.Progress = reset ? Progress.Gone : peer.Progress;
        return step;
    }

    private SegmentStep Odd(in Peer peer, int flow, int port) => new()
    {
        Flow = flow,
        Port = port,
        Flags = Pick(0, 1, 2, 4, 0x10, 0x11, 0x12, 0x14, 0x18, 0x20, 0x29, 3, 6, 0x04, 0xd2),
        Seq = Pick(0, 1, peer.Next, peer.Next + 1, 70_000, -1),
        Ack = Pick(0, 1, 1, 2, -100),
        Length = One(4) ? 5 : 0,
    };

    private int Backlog() => Pick(0, 0, 1, 1, 2, 3, 5, -1);

    private void Do(Call call, int place, int value = 0) => _steps.Add(new CallStep(call, place, value));

    private bool One(uint inSoMany) => _chance.Below(inSoMany) == 0;

    private int Pick(params int[] values) => values[_chance.Below((uint)values.Length)];

    private struct Peer
    {
        public Progress Progress;
        public bool Timestamps;
        public int Next;
    }
}
