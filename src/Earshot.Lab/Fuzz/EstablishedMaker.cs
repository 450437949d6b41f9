using System.Collections.Generic;
using Earshot.Core;

namespace Earshot.Lab.Fuzz;

/// <summary>Makes sequences that begin with a connection, of either side's making, and go on with its data.</summary>
internal sealed class EstablishedMaker
{
    private const int Place = Sequence.Connection;
    private const int Listener = 0;
    private const int Port = 8080;
    private const int Peer = 0;

    private static readonly NamedOption[] BeforeOptions =
    [
        new("SO_RCVBUF", 1, 8), new("SO_SNDBUF", 1, 7), new("TCP_MAXSEG", 6, 2), new("TCP_WINDOW_CLAMP", 6, 10),
        new("TCP_NODELAY", 6, 1), new("SO_KEEPALIVE", 1, 9), new("TCP_QUICKACK", 6, 12),
    ];

    private static readonly NamedOption[] LaterOptions =
    [
        new("SO_RCVBUF", 1, 8), new("SO_SNDBUF", 1, 7), new("SO_RCVLOWAT", 1, 18), new("SO_KEEPALIVE", 1, 9),
        new("SO_OOBINLINE", 1, 10), new("SO_LINGER", 1, 13), new("TCP_NODELAY", 6, 1), new("TCP_NODELAY", 6, 1),
        new("TCP_CORK", 6, 3), new("TCP_CORK", 6, 3), new("TCP_KEEPIDLE", 6, 4), new("TCP_KEEPINTVL", 6, 5),
        new("TCP_KEEPCNT", 6, 6), new("TCP_LINGER2", 6, 8), new("TCP_WINDOW_CLAMP", 6, 10), new("TCP_QUICKACK", 6, 12),
        new("TCP_USER_TIMEOUT", 6, 18), new("TCP_NOTSENT_LOWAT", 6, 25), new("TCP_MAXSEG", 6, 2),
    ];

    private static readonly (string Name, string[] Values)[] Sysctls =
    [
        ("net.ipv4.tcp_timestamps", ["0"]),
        ("net.ipv4.tcp_sack", ["0"]),
        ("net.ipv4.tcp_dsack", ["0"]),
        ("net.ipv4.tcp_window_scaling", ["0"]),
        ("net.ipv4.tcp_ecn", ["0", "1"]),
        ("net.ipv4.tcp_recovery", ["0", "2", "4"]),
        ("net.ipv4.tcp_early_retrans", ["0"]),
        ("net.ipv4.tcp_frto", ["0"]),
        ("net.ipv4.tcp_reordering", ["2", "10"]),
        ("net.ipv4.tcp_slow_start_after_idle", ["0"]),
        ("net.ipv4.tcp_shrink_window", ["1"]),
        ("net.ipv4.tcp_moderate_rcvbuf", ["0"]),
        ("net.ipv4.tcp_invalid_ratelimit", ["0", "100"]),
        ("net.ipv4.tcp_retries2", ["1", "3"]),
        ("net.ipv4.tcp_orphan_retries", ["1"]),
        ("net.ipv4.tcp_thin_linear_timeouts", ["1"]),
        ("net.ipv4.tcp_comp_sack_nr", ["0"]),
        ("net.ipv4.tcp_stdurg", ["1"]),
        ("net.ipv4.tcp_fin_timeout", ["1", "3"]),
        ("net.ipv4.tcp_retrans_collapse", ["0"]),
        ("net.ipv4.tcp_notsent_lowat", ["5000"]),
        ("net.ipv4.tcp_rfc1337", ["1"]),
    ];

    private readonly Chance _chance;
    private readonly ulong _seed;
    private readonly List<Step> _steps = [];
    private readonly int _longest;
    private int _waited;
    private bool _hasTimestamps;
    private bool _hasSack;
    private int _next = 1;
    private bool _isFinished;
    private ushort _window;

    private EstablishedMaker(ulong seed)
    {
        _seed = seed;
        _chance = new Chance(Chance.Spread(seed), ChanceStream.Program);
        _longest = One(8) ? 7000 : 2200;
    }

    /// <summary>Makes the sequence of a seed.</summary>
    internal static Sequence Make(ulong seed) => new EstablishedMaker(seed).Make();

    private Sequence Make()
    {
        bool six = One(3);
        for (int i = One(2) ? 0 : 1 + (int)_chance.Below(2); i > 0; i--)
        {
            (string name, string[] values) = Sysctls[_chance.Below((uint)Sysctls.Length)];
            _steps.Add(new SysctlStep(name, values[_chance.Below((uint)values.Length)]));
        }

        if (One(3))
        {
            OpenToPeer();
        }
        else
        {
            OpenFromPeer();
        }

        for (int left = 12 + (int)_chance.Below(28); left > 0; left--)
        {
            Next();
        }

        return new Sequence(_seed, six, _steps) { IsEstablished = true };
    }

    private void OpenFromPeer()
    {
        Do(Call.Socket, Listener);
        SetBefore(Listener);
        Do(Call.Bind, Listener, Port);
        Do(Call.Listen, Listener, 5);
        _steps.Add(Opening(2));
        Wait(Pick(0, 1, 10, 40, 100));
        _steps.Add(Segment(1, 0) with { AckFrom = AckBase.Sent });
        Do(Call.Accept, Listener, Place);
    }

    private void OpenToPeer()
    {
        Do(Call.Socket, Place);
        SetBefore(Place);
        Do(Call.Bind, Place, Port);
        Do(Call.Connect, Place, Peer);
        Wait(Pick(0, 1, 10, 40, 100));
        _steps.Add(Opening(0x12) with { Ack = 1 });
    }

    private void SetBefore(int place)
    {
        if (One(2))
        {
            // A namespace may not have CUBIC by its sysctl.
            _steps.Add(new CallStep(Call.SetOption, place, 1, new NamedOption("TCP_CONGESTION", 6, 13)));
        }

        for (int i = (int)_chance.Below(3) - 1; i > 0; i--)
        {
            NamedOption option = BeforeOptions[_chance.Below((uint)BeforeOptions.Length)];
            _steps.Add(new CallStep(Call.SetOption, place, ValueOf(option), option));
        }
    }

    private SegmentStep Opening(int flags)
    {
        _hasTimestamps = One(2);
        _hasSack = !One(3);
        _window = (ushort)Pick(1000, 20000, 20000, 65535, 65535);
        return new SegmentStep
        {
            Flow = Peer,
            Port = Port,
            Flags = flags | (One(4) ? flags == 2 ? 0xc0 : 0x40 : 0),
            Mss = (ushort)Pick(0, 100, 536, 1000, 1300, 1440, 1460, 1460, 1460, 8960),
            Scale = One(3) ? -1 : Pick(0, 2, 7, 7, 10),
            Sack = _hasSack,
            Window = _window,
            Echo = !_hasTimestamps ? Echo.None : flags == 2 ? Echo.Zero : Echo.Live,
        };
    }

    private void Next()
    {
        switch (_chance.Below(40))
        {
            case < 9:
                AddAck();
                break;
            case < 16:
                AddData();
                break;
            case < 23:
                AddWrite();
                break;
            case < 26:
                AddRead();
                break;
            case < 28:
                NamedOption option = LaterOptions[_chance.Below((uint)LaterOptions.Length)];
                _steps.Add(new CallStep(Call.SetOption, Place, ValueOf(option), option));
                break;
            case 28:
                AddEnd();
                break;
            case 29:
                AddOdd();
                break;
            case 30:
                AddError();
                break;
            default:
                Wait(Pick(0, 5, 20, 20, 50, 50, 120, 230, 500, 1100));
                break;
        }
    }

    private int ValueOf(NamedOption option) => option.Name switch
    {
        "SO_RCVBUF" => Pick(1, 4096, 20000, 65536, 300_000),
        "SO_SNDBUF" => Pick(1, 10000, 65536, 500_000),
        "SO_RCVLOWAT" => Pick(1, 100, 5000),
        "TCP_MAXSEG" => Pick(87, 88, 536, 1000),
        "TCP_WINDOW_CLAMP" => Pick(0, 1000, 5000, 40000),
        "TCP_KEEPIDLE" or "TCP_KEEPINTVL" or "TCP_KEEPCNT" => Pick(1, 1, 2),
        "TCP_LINGER2" => Pick(-1, 1, 3),
        "TCP_USER_TIMEOUT" => Pick(0, 300, 1000),
        "TCP_NOTSENT_LOWAT" => Pick(1, 5000, 100_000),
        "SO_LINGER" => 0,
        _ => Pick(0, 1),
    };

    private void Wait(int milliseconds)
    {
        if (milliseconds > 0 && _waited + milliseconds <= _longest)
        {
            _waited += milliseconds;
            _steps.Add(new WaitStep(milliseconds));
        }
    }

    /// <summary>A segment of the peer as it would be when nothing is odd.</summary>
    private SegmentStep Segment(int seq, int length) => new()
    {
        Flow = Peer,
        Port = Port,
        Flags = 0x10 | (length > 0 && !One(4) ? 8 : 0),
        Seq = seq,
        Length = length,
        AckFrom = AckBase.Sent,
        Window = _window,
        Echo = !_hasTimestamps || One(40) ? Echo.None : One(10) ? (Echo)(1 + _chance.Below(5)) : Echo.Live,
        ClockOffset = One(20) ? -Pick(1, 3, 100, 50_000) : 1 + _steps.Count,
        Tos = (byte)(One(8) ? Pick(1, 2, 3, 0x10) : 0),
        IsBroken = One(60),
    };

    private void AddAck()
    {
        if (One(5))
        {
            _window = (ushort)Pick(0, 0, 1, 500, 1000, 3000, 20000, 65535);
        }

        SegmentStep step = Segment(_next, 0);
        step = _chance.Below(12) switch
        {
            < 4 => step,
            < 6 => step with { AckFrom = AckBase.Segment, AckIndex = (int)_chance.Below(4) },
            6 => step with { AckFrom = AckBase.Segment, AckIndex = (int)_chance.Below(4), Ack = -Pick(1, 50, 500) },
            7 => step with { AckFrom = AckBase.Acknowledged, Ack = Pick(0, 0, -1, -1000, -100_000) },
            8 when One(3) => step with { Ack = Pick(1, 1000, 100_000) },
            _ => step with { AckFrom = AckBase.Acknowledged },
        };
        if (_hasSack && step.AckFrom != AckBase.Sent && !One(3))
        {
            step = step with { Sacks = Ranges(), IsDuplicate = One(5) };
        }
        else if (_hasSack && One(8))
        {
            step = step with { IsDuplicate = true };
        }

        _steps.Add(step with { Flags = step.Flags | (One(12) ? 0x40 : 0) });
    }

    private List<(int First, int Last)> Ranges()
    {
        var ranges = new List<(int, int)>();
        for (int i = 1 + (int)_chance.Below(2); i > 0; i--)
        {
            int first = 1 + (int)_chance.Below(8);
            ranges.Add((first, first + (int)_chance.Below(4)));
        }

        return ranges;
    }

    private void AddData()
    {
        int length = Pick(1, 10, 100, 100, 536, 1000, 1000, 1400);
        int from = _chance.Below(12) switch
        {
            0 => Pick(1, 100, 1000, 1400),
            1 => Pick(1000, 2000, 5000),
            2 => -Pick(1, 50, 1000),
            3 => -length,
            _ => 0,
        };
        SegmentStep step = Segment(_next + from, length);
        bool fin = One(25);
        step = step with
        {
            Flags = step.Flags | (fin ? 1 : 0) | (One(15) ? 0x20 : 0) | (One(20) ? 0x80 : 0),
            Urgent = (ushort)(One(12) ? Pick(1, length, length + 1, 3000) : 0),
            AckFrom = One(3) ? AckBase.Acknowledged : One(4) ? AckBase.Segment : AckBase.Sent,
        };
        if (One(40))
        {
            step = step with { SeqFrom = SeqBase.WindowEdge, Seq = Pick(-100, -1, 0, 1, 1000, -1400) };
        }
        else if (from <= 0)
        {
            _next = System.Math.Max(_next, step.Seq + length + (fin ? 1 : 0));
            _isFinished |= fin;
        }

        _steps.Add(step);
    }

    private void AddWrite()
    {
        int flags = One(6) ? 0x8000 : One(15) ? 1 : One(15) ? 0x80 : 0;
        int length = Pick(1, 10, 100, 100, 536, 1000, 1460, 3000, 10000, 40000);
        _steps.Add(new CallStep(Call.Write, Place, length, default, flags));
    }

    private void AddRead()
    {
        int flags = One(6) ? 2 : One(12) ? 1 : One(15) ? 0x20 : 0;
        _steps.Add(new CallStep(Call.Receive, Place, Pick(1, 100, 1000, 5000, 100_000), default, flags));
    }

    private void AddEnd()
    {
        switch (_chance.Below(6))
        {
            case 0:
                Do(Call.Close, Place);
                break;
            case 1:
                Do(Call.Shutdown, Place, (int)_chance.Below(3));
                break;
            case 2:
                Do(Call.Shutdown, Place, 1);
                break;
            case 3 when One(3):
                Do(Call.Disconnect, Place);
                break;
            case 4 when One(2):
                _steps.Add(new CallStep(Call.GetOption, Place, 0, new NamedOption("SO_ERROR", 1, 4)));
                break;
            default:
                if (!_isFinished)
                {
                    _isFinished = true;
                    _steps.Add(Segment(_next++, 0) with { Flags = 0x11 });
                }

                break;
        }
    }

    private void AddOdd()
    {
        SegmentStep step = Segment(_next, 0) with { SeqFrom = SeqBase.Acknowledged };
        _steps.Add(_chance.Below(8) switch
        {
            0 => step with { Flags = Pick(4, 0x14) },
            1 or 2 => step with { Flags = Pick(4, 0x14), Seq = Pick(1, -1, 1000, 100_000, 1_000_000) },
            3 => step with { Flags = Pick(4, 0x14), SeqFrom = SeqBase.WindowEdge, Seq = Pick(-1, 0, 1) },
            4 => step with { Flags = Pick(2, 0x12), Seq = Pick(0, -1, 5, 100_000, -100_000) },
            5 => step with { Flags = Pick(0, 1, 8, 0x20, 0x29) },
            6 => step with { Flags = 0x10, Seq = Pick(-1, -1, -5, 1_000_000) },
            _ => step with { Flags = 0x11, Seq = Pick(-1, 5, 100) },
        });
    }

    private void AddError()
    {
        (int type, int code, int mtu) = Pick(0, 1, 2, 3, 4, 5, 6) switch
        {
            0 => (3, 0, 0),
            1 => (3, 1, 0),
            2 => (3, 3, 0),
            3 => (3, 13, 0),
            4 => (11, 0, 0),
            _ => (3, 4, Pick(300, 552, 1000, 1280, 1400, 1400, 1500)),
        };
        _steps.Add(new ErrorStep(Peer, Port, type, code, mtu, One(4) ? Pick(-1, 1, 1_000_000) : 0));
    }

    private void Do(Call call, int place, int value = 0) => _steps.Add(new CallStep(call, place, value));

    private bool One(uint inSoMany) => _chance.Below(inSoMany) == 0;

    private int Pick(params int[] values) => values[_chance.Below((uint)values.Length)];
}
