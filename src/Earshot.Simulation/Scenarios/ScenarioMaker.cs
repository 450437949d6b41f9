using System;
using System.Collections.Generic;
using Earshot.Core;

namespace Earshot.Simulation.Scenarios;

/// <summary>Makes a scenario from a seed: mostly mild, sometimes hostile, never the same.</summary>
public static class ScenarioMaker
{
    private static readonly int[] Sizes = [0, 1, 100, 1460, 5000, 20_000, 60_000, 150_000, 400_000];
    private static readonly int[] Mtus = [1500, 1500, 1500, 1500, 1280, 9000, 576, 65535];
    private static readonly (string Name, string[] Values)[] Settings =
    [
        ("net.ipv4.tcp_sack", ["0", "1"]),
        ("net.ipv4.tcp_dsack", ["0"]),
        ("net.ipv4.tcp_timestamps", ["0"]),
        ("net.ipv4.tcp_window_scaling", ["0"]),
        ("net.ipv4.tcp_ecn", ["0", "1", "2"]),
        ("net.ipv4.tcp_rmem", ["4096\t8192\t16384", "4096\t131072\t262144"]),
        ("net.ipv4.tcp_wmem", ["4096\t4096\t8192", "4096\t16384\t65536"]),
        ("net.ipv4.tcp_congestion_control", ["reno", "cubic", "bbr"]),
        ("net.ipv4.tcp_slow_start_after_idle", ["0"]),
        ("net.ipv4.tcp_recovery", ["0"]),
        ("net.ipv4.tcp_frto", ["0"]),
        ("net.ipv4.tcp_early_retrans", ["0"]),
        ("net.ipv4.tcp_mtu_probing", ["1", "2"]),
        ("net.ipv4.tcp_moderate_rcvbuf", ["0"]),
        ("net.ipv4.tcp_shrink_window", ["1"]),
        ("net.ipv4.tcp_autocorking", ["0"]),
        ("net.ipv4.tcp_no_metrics_save", ["1"]),
        ("net.ipv4.tcp_tw_reuse", ["1"]),
        ("net.ipv4.tcp_thin_linear_timeouts", ["1"]),
    ];

    private static readonly (string Name, string[] Values)[] HarshSettings =
    [
        ("net.ipv4.tcp_congestion_control", ["dctcp"]),
        ("net.ipv4.tcp_ecn", ["1"]),
        ("net.ipv4.tcp_notsent_lowat", ["1", "16384"]),
        ("net.ipv4.tcp_mem", ["20\t40\t100000"]),
        ("net.ipv4.tcp_retrans_collapse", ["0"]),
        ("net.ipv4.tcp_pingpong_thresh", ["3"]),
        ("net.ipv4.tcp_comp_sack_nr", ["0"]),
        ("net.ipv4.tcp_tso_win_divisor", ["0", "1"]),
        ("net.ipv4.tcp_reordering", ["1", "20"]),
        ("net.ipv4.tcp_max_reordering", ["3"]),
        ("net.ipv4.tcp_app_win", ["0", "2"]),
        ("net.ipv4.tcp_stdurg", ["1"]),
        ("net.ipv4.tcp_workaround_signed_windows", ["1"]),
        ("net.ipv4.tcp_recovery", ["2", "4", "6"]),
        ("net.ipv4.tcp_rto_min_us", ["5000", "50000"]),
        ("net.ipv4.tcp_min_tso_segs", ["1", "8"]),
        ("net.ipv4.tcp_no_ssthresh_metrics_save", ["0"]),
        ("net.ipv4.tcp_shrink_window", ["1"]),
        ("net.ipv4.tcp_mtu_probing", ["1", "2"]),
        ("net.ipv4.tcp_base_mss", ["512"]),
        ("net.ipv4.tcp_adv_win_scale", ["-2", "2"]),
        ("net.ipv4.tcp_syn_linear_timeouts", ["0"]),
    ];

    /// <summary>Makes the scenario of a seed that asks for more: programs with habits that few have, settings that
    /// few change, a path whose MTU changes again and again.</summary>
    public static Scenario MakeHarsh(ulong seed)
    {
        Scenario plain = Make(seed);
        var chance = new Chance(Chance.Spread(seed ^ 0x4a45_0001), ChanceStream.Program);
        List<ScenarioTalk> talks = [];
        foreach (ScenarioTalk talk in plain.Talks)
        {
            talks.Add(talk with { Habits = Habits(chance, talk) });
        }

        List<ScenarioEvent> events = [.. plain.Events];
        for (int i = (int)chance.Below(4); i > 0; i--)
        {
            events.Add(Event(chance, plain.Ways.Count));
        }

        List<ScenarioSetting> settings = [.. plain.Settings];
        for (int i = (int)chance.Below(4); i > 0; i--)
        {
            (string name, string[] values) = HarshSettings[chance.Below((uint)HarshSettings.Length)];
            settings.Add(new ScenarioSetting(
                (int)chance.Below((uint)plain.Ways.Count), name, values[chance.Below((uint)values.Length)]));
        }

        for (int host = 0; host < plain.Ways.Count; host++)
        {
            // Client and server, data without a cookie, every listener.
            settings.Add(new ScenarioSetting(host, "net.ipv4.tcp_fastopen", "519"));
        }

        return plain with { Talks = talks, Events = events, Settings = settings };
    }

    private static TalkHabits Habits(Chance chance, ScenarioTalk talk)
    {
        TalkHabits habits = TalkHabits.None;
        for (int i = (int)chance.Below(4); i > 0; i--)
        {
            habits |= (TalkHabits)(1 << (int)chance.Below(9));
        }

        // Where both ends take back a window over data in flight, each refuses the other's ACKs for ever, since they
        // begin beyond what it takes: so say the rules of Linux 6.18. A closed window is given up after
        // TCP_USER_TIMEOUT, and a SYN with data that is closed before its answer comes
        // is forgotten.
        bool mayTimeOut = talk.Pause == 0;
        bool mayOpenFast = talk is { ToServer: > 0, ToClient: > 0, End: TalkEnd.ClientFirst or TalkEnd.ServerFirst };
        bool mayResize = talk.ToServer == 0 || talk.ToClient == 0;
        habits &= ~(mayResize ? 0 : TalkHabits.Resizes);
        return habits & ~((mayTimeOut ? 0 : TalkHabits.UserTimeout) | (mayOpenFast ? 0 : TalkHabits.FastOpen));
    }

    /// <summary>Makes the scenario of a seed.</summary>
    public static Scenario Make(ulong seed)
    {
        var chance = new Chance(Chance.Spread(seed ^ 0x5ce0a210), ChanceStream.Program);
        int hosts = chance.Below(4) == 0 ? 3 : 2;
        bool ethernet = chance.Below(6) == 0;
        List<ScenarioWay> ways = [];
        for (int i = 0; i < hosts; i++)
        {
            ways.Add(Way(chance, ethernet));
        }

        List<ScenarioTalk> talks = [];
        for (int i = 1 + (int)chance.Below(4); i > 0; i--)
        {
            talks.Add(Talk(chance, hosts, talks.Count, ways));
        }

        List<ScenarioEvent> events = [];
        if (chance.Below(4) == 0)
        {
            events.Add(Event(chance, hosts));
        }

        List<ScenarioSetting> settings = [];
        for (int i = (int)chance.Below(3); i > 0; i--)
        {
            (string name, string[] values) = Settings[chance.Below((uint)Settings.Length)];
            settings.Add(new ScenarioSetting(
                (int)chance.Below((uint)hosts), name, values[chance.Below((uint)values.Length)]));
        }

        return new Scenario(seed, ways, talks, events, settings) { IsEthernet = ethernet };
    }

    private static ScenarioWay Way(Chance chance, bool ethernet)
    {
        bool mild = chance.Below(3) != 0;
        int latency = One(chance, 10, 100, 1000, 5000, 20_000, 100_000);
        var way = new ScenarioWay
        {
            Mtu = Math.Min(Mtus[chance.Below((uint)Mtus.Length)], ethernet ? 9000 : 65535),
            Latency = latency,
            Offload = ethernet ? 0 : One(chance, 0, 0, 1, 3),
            Jitter = chance.Below(3) == 0 ? latency / One(chance, 1, 2, 10) : 0,
            Loss = chance.Below(3) == 0 ? (mild ? 0.01 : 0.2) * chance.Below(100) / 100 : 0,
            BurstStart = chance.Below(6) == 0 ? (mild ? 0.005 : 0.05) : 0,
            Duplicate = chance.Below(4) == 0 ? 0.02 : 0,
            Reorder = chance.Below(4) == 0 ? 0.05 : 0,
            Corrupt = chance.Below(5) == 0 ? 0.01 : 0,
            Rate = chance.Below(4) == 0 ? One(chance, 128_000, 1_000_000, 10_000_000, 100_000_000) : 0,
            Queue = One(chance, 5000, 30_000, 200_000),
            IsOneWay = chance.Below(4) == 0,
        };
        bool narrow = chance.Below(6) == 0 && !ethernet;
        return narrow ? way with { Narrow = One(chance, 1300, 1280, 1400, 600), IsSilent = chance.Below(4) == 0 } : way;
    }

    private static ScenarioTalk Talk(Chance chance, int hosts, int number, List<ScenarioWay> ways)
    {
        int client = (int)chance.Below((uint)hosts);
        int server = (client + 1 + (int)chance.Below((uint)hosts - 1)) % hosts;
        bool small = ways[client].Mtu < 1280 || ways[server].Mtu < 1280
            || ways[client].Narrow is > 0 and < 1280 || ways[server].Narrow is > 0 and < 1280;
        int there = Size(chance);
        int back = Size(chance);
        int call = One(chance, 16384, 16384, 1000, 100, 60_000);
        int pause = chance.Below(4) == 0 ? One(chance, 1, 50, 1000, 20_000) : 0;

        // A reader that pauses is through within ten minutes.
        const long Patience = 600_000;
        int receiveBuffer = chance.Below(5) == 0 ? One(chance, 1, 3000, 20_000, 1_000_000) : 0;
        int atOnce = receiveBuffer == 0 ? call : Math.Min(call, Math.Max(500, receiveBuffer));
        pause = (int)Math.Min(pause, Patience * atOnce / Math.Max(1, there + back));
        var end = (TalkEnd)chance.Below(chance.Below(3) == 0 ? 8u : 4u);
        return new ScenarioTalk
        {
            Client = client,
            Server = server,
            Port = 1000 + number,
            IsIPv6 = !small && chance.Below(3) == 0,
            Start = (int)chance.Below(3000),
            ToServer = there,
            ToClient = back,
            End = end,
            Middle = (int)chance.Below((uint)(there + back + 1)),
            Call = call,
            Pause = pause,
            SendBuffer = chance.Below(5) == 0 ? One(chance, 1, 5000, 100_000, 4_000_000) : 0,
            ReceiveBuffer = receiveBuffer,
            NoDelay = chance.Below(4) == 0,
        };
    }

    private static ScenarioEvent Event(Chance chance, int hosts)
    {
        bool cut = chance.Below(2) == 0;
        return new ScenarioEvent(
            (int)chance.Below(5000), (int)chance.Below((uint)hosts), cut ? EventKind.Cut : EventKind.Narrow,
            cut ? One(chance, 100, 1000, 5000, 60_000, 2_000_000) : One(chance, 1280, 1300, 1400));
    }

    private static int Size(Chance chance)
    {
        int size = Sizes[chance.Below((uint)Sizes.Length)];
        return size == 0 ? 0 : 1 + (int)chance.Below((uint)(2 * size));
    }

    private static int One(Chance chance, params ReadOnlySpan<int> values) =>
        values[(int)chance.Below((uint)values.Length)];
}
