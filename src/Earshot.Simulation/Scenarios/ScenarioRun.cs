using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Earshot.Simulation.Programs;
using Earshot.Simulation.Rules;

namespace Earshot.Simulation.Scenarios;

/// <summary>What came of a scenario.</summary>
/// <param name="Failure">Which rule was broken; null: none.</param>
/// <param name="Steps">Steps of the world.</param>
/// <param name="Segments">TCP segments sent.</param>
/// <param name="Bytes">Bytes that programs received.</param>
/// <param name="Finished">Connections that moved all their bytes.</param>
/// <param name="Trace">The fingerprint of every packet.</param>
public sealed record ScenarioResult(
    string? Failure, long Steps, long Segments, long Bytes, int Finished, ulong Trace);

/// <summary>Runs a scenario and checks, after every step, what must always hold.</summary>
public sealed class ScenarioRun : IDisposable
{
    /// <summary>Steps after which a world is held to run in circles.</summary>
    public const long StepLimit = 1_000_000;

    /// <summary>The most that the buffers of one host may hold, in bytes.</summary>
    public const long BufferLimit = 256L << 20;

    private const int StepsBetweenCounters = 64;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(40);

    // Orphans, FIN_WAIT2, TIME_WAIT and probes of a window that stays shut are over by then.
    private static readonly TimeSpan Aftermath = TimeSpan.FromMinutes(45);

    private readonly Scenario _scenario;
    private readonly World _world;
    private readonly FlowWatch _flows;
    private readonly SilenceWatch _silences;
    private readonly List<TalkEndpoint> _ends = [];
    private readonly List<(int Host, int Socket)> _listeners = [];
    private readonly List<Wire> _wires = [];
    private readonly List<long[]> _counters = [];
    private readonly Action<string>? _lines;

    private ScenarioRun(Scenario scenario, Action<string>? lines)
    {
        _scenario = scenario;
        _lines = lines;
        _silences = new SilenceWatch(scenario.Ways.Any(way => way.Rate > 0));
        _flows = new FlowWatch(scenario.IsEthernet);
        _world = new World(scenario.Seed) { CheckEveryStep = true };
    }

    /// <summary>Runs a scenario.</summary>
    /// <param name="scenario">The scenario.</param>
    /// <param name="lines">Is told every packet that a host sends or a wire loses, as a line. Null: nobody.</param>
    public static ScenarioResult Run(Scenario scenario, Action<string>? lines = null)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        using var run = new ScenarioRun(scenario, lines);
        string? failure = null;
        try
        {
            run.Build();
            run.Live();
        }
        catch (Exception error) when (error is SimulationException or InvariantException)
        {
            failure = $"{error.GetType().Name}: {error.Message}";
        }
        catch (Exception error)
        {
            // A stack must not throw anything else, whatever comes.
            failure = $"{error.GetType().Name}: {error.Message} {FirstFrame(error)}";
        }

        return run.Result(failure);
    }

    /// <inheritdoc/>
    public void Dispose() => _world.Dispose();

    private static string FirstFrame(Exception error)
    {
        string trace = error.StackTrace ?? "";
        int end = trace.IndexOf('\n', StringComparison.Ordinal);
        return (end < 0 ? trace : trace[..end]).Trim();
    }

    private static InetEndpoint Address(int host, bool isIPv6, int port) => new(
        InetAddress.Parse(isIPv6 ? $"2001:db8::{host + 1}" : $"10.0.0.{host + 1}"), (ushort)port);

    private ScenarioResult Result(string? failure)
    {
        long bytes = 0;
        int finished = 0;
        foreach (TalkEndpoint end in _ends)
        {
            bytes += end.Received;
            finished += end.IsClosed && end.Error == 0 ? 1 : 0;
        }

        return new ScenarioResult(failure, _world.Steps, _flows.Segments, bytes, finished / 2, _world.Trace);
    }

    private void Build()
    {
        Switch? center = _scenario.Ways.Count > 2 ? _world.AddSwitch("switch", _scenario.IsEthernet) : null;
        for (int i = 0; i < _scenario.Ways.Count; i++)
        {
            AddHost(i);
        }

        if (center is null)
        {
            Wire wire = _world.Connect(_world.Hosts[0], _world.Hosts[1], new WireOptions
            {
                Latency = Micro(_scenario.Ways[0].Latency),
                Rules = [.. Rules(0), .. Rules(1)],
            });
            _wires.AddRange([wire, wire]);
            Watch(wire);
        }

        for (int i = 0; center is not null && i < _scenario.Ways.Count; i++)
        {
            Wire wire = _world.Connect(_world.Hosts[i], center, new WireOptions
            {
                Latency = Micro(_scenario.Ways[i].Latency),
                Rules = Rules(i),
            });
            _wires.Add(wire);
            Watch(wire);
        }

        foreach (ScenarioSetting setting in _scenario.Settings)
        {
            // Not every profile has every sysctl; one that is there takes the value.
            Sysctls sysctls = _world.Hosts[setting.Host].Stack.Sysctls;
            bool set = !sysctls.TryGet(setting.Name, out _)
                || sysctls.Set(setting.Name, setting.Value) is 0 or -Errno.ENOENT;
            Demand(set, $"sysctl {setting.Name} = {setting.Value} is refused");
        }

        for (int i = 0; i < _scenario.Talks.Count; i++)
        {
            Begin(_scenario.Talks[i], i);
        }

        foreach (ScenarioEvent change in _scenario.Events)
        {
            _world.Schedule(At(change.At), () => Change(change));
        }

        _world.AfterStep = _ => Check();
    }

    private void AddHost(int number)
    {
        ScenarioWay way = _scenario.Ways[number];
        var options = new InterfaceOptions
        {
            Name = "eth0",
            Mtu = way.Mtu,
            Offload = (InterfaceOffload)way.Offload,
            Addresses = way.Mtu >= 1280
                ? [
                    new InterfaceAddress(Address(number, false, 0).Address, 24),
                    new InterfaceAddress(Address(number, true, 0).Address, 64),
                ]
                : [new InterfaceAddress(Address(number, false, 0).Address, 24)],
            Ethernet = _scenario.IsEthernet
                ? new EthernetOptions
                {
                    Address = new MacAddress(SilenceWatch.Station(number)),
                    DetectsDuplicates = false,
                    AcceptsRouters = false,
                }
                : null,
        };

        // In every other world nothing is kept at hand of a connection on which nothing moves: nobody may notice.
        int busy = _scenario.Seed % 2 == 0 ? 0 : StackOptions.DefaultBusyConnections;
        Host host = _world.AddHost(
            $"h{number}", new StackOptions { Interfaces = [options], BusyConnections = busy });
        host.Arriving = Arrive;
        _counters.Add(host.Stack.Mib.Snapshot());
    }

    private IReadOnlyList<IRule> Rules(int number)
    {
        ScenarioWay way = _scenario.Ways[number];
        List<IRule> rules = [];
        Add(way.Loss > 0, () => new Loss(way.Loss));
        Add(way.BurstStart > 0, () => new GilbertLoss(way.BurstStart, 0.25));
        Add(way.Corrupt > 0, () => new Corrupt(way.Corrupt));
        Add(way.Duplicate > 0, () => new Duplicate(way.Duplicate));
        if (way.Narrow > 0)
        {
            rules.Add(new Narrow(way.Narrow, way.IsSilent));
        }

        Add(way.Reorder > 0, () => new Reorder(way.Reorder, Micro(5 * way.Latency)));
        Add(way.Jitter > 0 && way.Rate == 0, () => new Delay(TimeSpan.Zero, Micro(way.Jitter)));
        Add(way.Rate > 0, () => new Bottleneck(way.Rate, way.Queue));
        return rules;

        void Add(bool wanted, Func<IRule> make)
        {
            if (wanted)
            {
                rules.Add(way.IsOneWay ? new OneWay(_world.Hosts[number], make()) : make());
            }
        }
    }

    private void Begin(ScenarioTalk talk, int number)
    {
        Chance chance = _world.ProgramChance((ulong)number);
        ulong there = chance.Next();
        ulong back = chance.Next();
        Host server = _world.Hosts[talk.Server];
        int listener = server.Calls.Socket(talk.IsIPv6 ? 10 : 2, 1, 0);
        Demand(server.Calls.Bind(listener, Address(talk.Server, talk.IsIPv6, talk.Port)) == 0, "bind() failed");
        var accepting = new TalkEndpoint(_world, server, talk, isClient: false, chance, Script(
            talk, talk.ToClient, talk.ToServer, back, there, TalkEnd.ServerFirst));
        accepting.Prepare(listener, Address(talk.Client, talk.IsIPv6, 0), isListener: true);
        Demand(server.Calls.Listen(listener, 5) == 0, "listen() failed");
        _listeners.Add((talk.Server, listener));
        _ends.Add(accepting);
        long token = 0;
        token = server.Subscribe(_ => Accept(server, listener, accepting, token));
        server.Calls.Wait(listener, PollMask.In, token);
        var client = new TalkEndpoint(_world, _world.Hosts[talk.Client], talk, isClient: true, chance, Script(
            talk, talk.ToServer, talk.ToClient, there, back, TalkEnd.ClientFirst));
        _ends.Add(client);
        _world.Schedule(At(talk.Start), () => client.Connect(Address(talk.Server, talk.IsIPv6, talk.Port)));
    }

    private static TransferScript Script(
        ScenarioTalk talk, long send, long receive, ulong sendKey, ulong receiveKey, TalkEnd mine) => new(
            send, receive, sendKey, receiveKey,
            ClosesFirst: talk.End == mine || talk.End == TalkEnd.BothAtOnce,
            ShutsDown: talk.End == TalkEnd.HalfClose);

    private static void Accept(Host server, int listener, TalkEndpoint end, long token)
    {
        int accepted = server.Calls.Accept(listener, out _);
        if (accepted >= 0)
        {
            end.Adopt(accepted);
        }
        else if (accepted == -Errno.EAGAIN)
        {
            server.Calls.Wait(listener, PollMask.In, token);
        }
    }

    private void Change(ScenarioEvent change)
    {
        Wire wire = _wires[change.Way];
        if (change.Kind == EventKind.Cut)
        {
            IDisposable cut = wire.AddFirst(new Partition());
            _world.Schedule(_world.Now + TimeSpan.FromMilliseconds(change.Value), cut.Dispose);
        }
        else
        {
            wire.AddFirst(new Narrow(change.Value));
        }
    }

    private void Live()
    {
        _world.RunUntil(Instant.Zero + Patience, StepLimit);
        foreach (TalkEndpoint end in _ends)
        {
            Demand(
                end.IsClosed || MayFail(end) || MayBeLate(end),
                $"{end} stands still after {Patience.TotalMinutes} minutes with {end.Sent} bytes sent and "
                + $"{end.Received} received; {Sockets()}");
            Demand(end.Error == 0 || MayFail(end), $"{end} met {Errno.Name(end.Error)} without a cause");
            end.GiveUp();
        }

        foreach ((int host, int socket) in _listeners)
        {
            Demand(_world.Hosts[host].Calls.Close(socket) == 0, "close() of a listener failed");
        }

        _world.RunUntil(Instant.Zero + Patience + Aftermath, StepLimit);
        foreach (Host host in _world.Hosts)
        {
            CheckLeaks(host);
        }
    }

    // What the sockets of all hosts are at, for a message.
    private string Sockets()
    {
        List<SocketRow> rows = [];
        foreach (Host host in _world.Hosts)
        {
            host.Stack.CopySockets(rows);
        }

        rows.RemoveAll(row => row.State == TcpState.Listen);
        return string.Join("; ", rows);
    }

    // Where an end leaves early the other may be reset; where all that an end asks is lost it gives up; and what a
    // program has closed asks a closed window for a time only.
    private bool MayFail(TalkEndpoint end)
    {
        int index = _ends.IndexOf(end);
        ScenarioTalk talk = _scenario.Talks[index / 2];
        if (end.Error == Errno.ECONNRESET && _ends[index ^ 1] is { IsClosed: true, Error: 0 }
            && _silences.AsksSlowly(talk.Port))
        {
            return true;
        }

        return talk.EndsEarly || _scenario.HasCookies
            || _scenario.TakesWindowsBack(talk.Client) || _scenario.TakesWindowsBack(talk.Server)
            || _silences.IsExcused(talk.Port) || _silences.IsAlone(talk.Client) || _silences.IsAlone(talk.Server);
    }

    // On a way that carries little, not all is there in time.
    private bool MayBeLate(TalkEndpoint end) => end.Error == 0 && _scenario.IsSlow;

    private void CheckLeaks(Host host)
    {
        List<SocketRow> rows = [];
        host.Stack.CopySockets(rows);
        StackUsage usage = host.Stack.Usage;
        Demand(host.Stack.DescriptorCount == 0, $"{host} still has {host.Stack.DescriptorCount} descriptors");
        Demand(rows.Count == 0, rows.Count == 0 ? "" : $"{host} still has a socket in {rows[0].State}");
        Demand(usage.BufferBytes == 0, $"{host} still holds {usage.BufferBytes} bytes of buffers");
        Demand(usage.Connections == 0, $"{host} still has {usage.Connections} connections");
        Demand(usage.Requests + usage.TimeWaits == 0, $"{host} still has requests or TIME_WAIT entries");
        Demand(usage.Timers == 0, $"{host} still has {usage.Timers} timers armed");
        Demand(host.Stack.TransmitQueueLength == 0, $"{host} still has packets to send");
    }

    private void Watch(Wire wire)
    {
        if (_lines is { } lines)
        {
            wire.Watch((in WirePacket packet) => lines(PacketLine.Of(packet, _scenario.IsEthernet, "")));
            wire.WatchLoss((in WirePacket packet) => lines(PacketLine.Of(packet, _scenario.IsEthernet, " lost")));
        }

        wire.Watch(Look);
        wire.WatchLoss(Lose);
    }

    private void Look(in WirePacket packet)
    {
        if (packet.From is not Host host)
        {
            return;
        }

        bool isIp = TryFindIp(packet.Bytes, out ReadOnlySpan<byte> bytes);
        if (isIp)
        {
            _flows.Look(bytes, packet.Info, _scenario.Ways[host.Number].Mtu);
        }

        if (isIp && FlowWatch.TryFind(bytes, packet.Info, isChecked: true, out SeenSegment segment))
        {
            _silences.OnSent(segment, packet.Time);
        }
        else if (_scenario.IsEthernet && EthernetFrame.TryParse(packet.Bytes, out EthernetFrame frame))
        {
            _silences.OnNeighbourAsked(frame);
        }
    }

    private void Lose(in WirePacket packet)
    {
        if (TryFindIp(packet.Bytes, out ReadOnlySpan<byte> bytes)
            && FlowWatch.TryFind(bytes, packet.Info, isChecked: true, out SeenSegment segment))
        {
            _silences.OnLost(segment, packet.Time);
        }
        else if (_scenario.IsEthernet && EthernetFrame.TryParse(packet.Bytes, out EthernetFrame frame))
        {
            _silences.OnNeighbourLost(frame, packet.Time);
            if (packet.IsDamaged)
            {
                _silences.OnNeighbourMisheard(frame);
            }
        }
    }

    private void Arrive(in WirePacket packet)
    {
        bool isIp = TryFindIp(packet.Bytes, out ReadOnlySpan<byte> bytes);
        if (isIp && FlowWatch.TryFind(bytes, packet.Info, isChecked: false, out SeenSegment segment))
        {
            _silences.OnHeard(segment);
        }
        else if (_scenario.IsEthernet && !packet.IsDamaged
            && EthernetFrame.TryParse(packet.Bytes, out EthernetFrame frame))
        {
            _silences.OnNeighbourHeard(frame);
        }
    }

    private bool TryFindIp(ReadOnlySpan<byte> packet, out ReadOnlySpan<byte> bytes)
    {
        bytes = packet;
        if (!_scenario.IsEthernet)
        {
            return true;
        }

        bool found = EthernetFrame.TryParse(packet, out EthernetFrame frame)
            && frame.Type is EthernetFrame.TypeIPv4 or EthernetFrame.TypeIPv6;
        bytes = found ? frame.Payload : default;
        return found;
    }

    private void Check()
    {
        if (_world.Steps % StepsBetweenCounters != 0)
        {
            return;
        }

        for (int i = 0; i < _world.Hosts.Count; i++)
        {
            NetworkStack stack = _world.Hosts[i].Stack;
            long[] now = stack.Mib.Snapshot();
            long[] before = _counters[i];
            for (int c = 0; c < now.Length; c++)
            {
                // The one that is a gauge goes both ways.
                bool isGauge = (Counter)c == Counter.TcpCurrEstab;
                Demand(isGauge || now[c] >= before[c], $"counter {(Counter)c} went back from {before[c]} to {now[c]}");
            }

            _counters[i] = now;
            Demand(
                now[(int)Counter.IpInDelivers] <= now[(int)Counter.IpInReceives]
                    && now[(int)Counter.Ip6InDelivers] <= now[(int)Counter.Ip6InReceives],
                "more packets were delivered than received");
            Demand(
                now[(int)Counter.TcpRetransSegs] <= now[(int)Counter.TcpOutSegs] + now[(int)Counter.TcpRetransSegs],
                "more segments were sent again than sent");
            Demand(stack.Usage.BufferBytes <= BufferLimit, $"buffers hold {stack.Usage.BufferBytes} bytes");
        }
    }

    private static Instant At(int milliseconds) => Instant.Zero + TimeSpan.FromMilliseconds(milliseconds);

    private static TimeSpan Micro(int microseconds) => TimeSpan.FromMicroseconds(microseconds);

    private static void Demand(bool holds, string what)
    {
        if (!holds)
        {
            throw new SimulationException(string.Create(CultureInfo.InvariantCulture, $"{what}"));
        }
    }
}
