using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Earshot.Simulation.Scenarios;

/// <summary>What a simulated world is made of and what happens in it: data, so that it can be printed, repeated and
/// made smaller.</summary>
/// <param name="Seed">Where the chance of its stacks, wires and programs comes from.</param>
/// <param name="Ways">A way for each host, to the other host or to the switch between them.</param>
/// <param name="Talks">The connections.</param>
/// <param name="Events">What changes on the way.</param>
/// <param name="Settings">Sysctls of the hosts.</param>
public sealed record Scenario(
    ulong Seed,
    IReadOnlyList<ScenarioWay> Ways,
    IReadOnlyList<ScenarioTalk> Talks,
    IReadOnlyList<ScenarioEvent> Events,
    IReadOnlyList<ScenarioSetting> Settings)
{
    /// <summary>Whether the hosts speak Ethernet.</summary>
    public bool IsEthernet { get; init; }

    /// <summary>Whether so little may be carried, or so much be lost, that not all is there in time.</summary>
    public bool IsSlow
    {
        get
        {
            bool slow = Events.Count > 0;
            foreach (ScenarioWay way in Ways)
            {
                slow |= way.Loss > 0.1 || way.BurstStart > 0.01 || way.Corrupt > 0.05 || way.IsSilent
                    || way.Rate is > 0 and < 200_000;
            }

            return slow;
        }
    }

    /// <summary>Whether requests may be remembered by cookies.</summary>
    /// <remarks>A cookie is known again by the first segment only; one that overtakes it is reset, or believed with
    /// a wrong beginning when it is up to three numbers off. Linux's cookies are as these.</remarks>
    public bool HasCookies => Sets("net.ipv4.tcp_syncookies");

    /// <summary>Its parts: what a shrinker may take away.</summary>
    public int Size
    {
        get
        {
            int size = Talks.Count + Events.Count + Settings.Count + (IsEthernet ? 1 : 0) + Ways.Count;
            foreach (ScenarioWay way in Ways)
            {
                size += way.Weight;
            }

            foreach (ScenarioTalk talk in Talks)
            {
                size += talk.Weight;
            }

            return size;
        }
    }

    /// <summary>The scenario as a script: a line for each part.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        CultureInfo plain = CultureInfo.InvariantCulture;
        text.AppendLine(plain, $"seed {Seed}{(IsEthernet ? ", Ethernet" : "")}");
        for (int i = 0; i < Ways.Count; i++)
        {
            text.AppendLine(plain, $"host h{i}: {Ways[i]}");
        }

        foreach (ScenarioSetting setting in Settings)
        {
            text.AppendLine(plain, $"sysctl h{setting.Host} {setting.Name} = {setting.Value}");
        }

        foreach (ScenarioTalk talk in Talks)
        {
            text.AppendLine(talk.ToString());
        }

        foreach (ScenarioEvent change in Events)
        {
            text.AppendLine(change.ToString());
        }

        return text.ToString();
    }

    /// <summary>Whether a host may take a window back.</summary>
    /// <remarks>When early data has filled the memory it closes the window, and refuses then what is missing as well:
    /// the connection stands still for ever, on Linux as here.</remarks>
    internal bool TakesWindowsBack(int host) => Sets("net.ipv4.tcp_shrink_window", host);

    private bool Sets(string sysctl, int? host = null)
    {
        foreach (ScenarioSetting setting in Settings)
        {
            if (setting.Name == sysctl && (host is null || setting.Host == host))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>A host's interface and the wire that it is on.</summary>
public sealed record ScenarioWay
{
    /// <summary>The interface's MTU in bytes.</summary>
    public int Mtu { get; init; } = 1500;

    /// <summary>1: the link completes checksums; 3: it also cuts super-packets.</summary>
    public int Offload { get; init; }

    /// <summary>One way's latency in microseconds.</summary>
    public int Latency { get; init; } = 1000;

    /// <summary>The most that is added, drawn for each packet, in microseconds.</summary>
    public int Jitter { get; init; }

    /// <summary>The probability that a packet is lost.</summary>
    public double Loss { get; init; }

    /// <summary>The probability that a burst of losses begins; it is four packets long on average.</summary>
    public double BurstStart { get; init; }

    /// <summary>The probability that a packet comes twice.</summary>
    public double Duplicate { get; init; }

    /// <summary>The probability that a packet is held back by up to five latencies.</summary>
    public double Reorder { get; init; }

    /// <summary>The probability that a bit of a packet is turned over.</summary>
    public double Corrupt { get; init; }

    /// <summary>Bits per second, 0: any number.</summary>
    public int Rate { get; init; }

    /// <summary>Bytes of the queue before the rate.</summary>
    public int Queue { get; init; } = 100_000;

    /// <summary>The MTU in the middle of the way, 0: none.</summary>
    public int Narrow { get; init; }

    /// <summary>Whether nobody is told of it.</summary>
    public bool IsSilent { get; init; }

    /// <summary>Whether the troubles are on the way from the host only.</summary>
    public bool IsOneWay { get; init; }

    internal int Weight => (Jitter > 0 ? 1 : 0) + (Loss > 0 ? 1 : 0) + (BurstStart > 0 ? 1 : 0)
        + (Duplicate > 0 ? 1 : 0) + (Reorder > 0 ? 1 : 0) + (Corrupt > 0 ? 1 : 0) + (Rate > 0 ? 1 : 0)
        + (Narrow > 0 ? 1 : 0) + (IsOneWay ? 1 : 0) + (Offload > 0 ? 1 : 0) + (Mtu != 1500 ? 1 : 0);

    /// <summary>What is not as usual, in words.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        CultureInfo plain = CultureInfo.InvariantCulture;
        text.Append(plain, $"mtu {Mtu} latency {Latency}us");
        Say(Jitter > 0, $" jitter {Jitter}us");
        Say(Loss > 0, string.Create(plain, $" loss {Loss:0.####}"));
        Say(BurstStart > 0, string.Create(plain, $" bursts {BurstStart:0.####}"));
        Say(Duplicate > 0, string.Create(plain, $" duplicate {Duplicate:0.####}"));
        Say(Reorder > 0, string.Create(plain, $" reorder {Reorder:0.####}"));
        Say(Corrupt > 0, string.Create(plain, $" corrupt {Corrupt:0.####}"));
        Say(Rate > 0, $" rate {Rate}bit queue {Queue}");
        Say(Narrow > 0, $" narrow {Narrow}{(IsSilent ? " silent" : "")}");
        Say(Offload > 0, $" offload {Offload}");
        Say(IsOneWay, " one-way");
        return text.ToString();

        void Say(bool holds, string words) => text.Append(holds ? words : "");
    }
}

/// <summary>How a connection of a scenario ends.</summary>
public enum TalkEnd
{
    /// <summary>The client closes once all is there.</summary>
    ClientFirst,

    /// <summary>The server closes once all is there.</summary>
    ServerFirst,

    /// <summary>Both close as soon as they can.</summary>
    BothAtOnce,

    /// <summary>Each shuts its own direction down.</summary>
    HalfClose,

    /// <summary>The client closes with SO_LINGER 0 in the middle.</summary>
    ClientAborts,

    /// <summary>The server does.</summary>
    ServerAborts,

    /// <summary>The client closes in the middle, perhaps with data unread.</summary>
    ClientLeaves,

    /// <summary>The server does.</summary>
    ServerLeaves,
}

/// <summary>One connection.</summary>
public sealed record ScenarioTalk
{
    /// <summary>The host that connects.</summary>
    public int Client { get; init; }

    /// <summary>The host that listens.</summary>
    public int Server { get; init; } = 1;

    /// <summary>Where the server listens.</summary>
    public int Port { get; init; } = 80;

    /// <summary>Whether it goes over IPv6.</summary>
    public bool IsIPv6 { get; init; }

    /// <summary>When it begins, in milliseconds.</summary>
    public int Start { get; init; }

    /// <summary>Bytes to the server.</summary>
    public int ToServer { get; init; }

    /// <summary>Bytes to the client.</summary>
    public int ToClient { get; init; }

    /// <summary>How it ends.</summary>
    public TalkEnd End { get; init; }

    /// <summary>Bytes after which somebody aborts or leaves.</summary>
    public int Middle { get; init; }

    /// <summary>The most bytes of a call.</summary>
    public int Call { get; init; } = 16384;

    /// <summary>The most milliseconds between two calls of a reader, 0: it reads whatever comes at once.</summary>
    public int Pause { get; init; }

    /// <summary>SO_SNDBUF, 0: as it is.</summary>
    public int SendBuffer { get; init; }

    /// <summary>SO_RCVBUF, 0: as it is.</summary>
    public int ReceiveBuffer { get; init; }

    /// <summary>Whether TCP_NODELAY is set.</summary>
    public bool NoDelay { get; init; }

    /// <summary>What its programs do that few do.</summary>
    public TalkHabits Habits { get; init; }

    internal int Weight => int.PopCount((int)Habits)
        + (ToServer > 0 ? 1 : 0) + (ToClient > 0 ? 1 : 0) + (Pause > 0 ? 1 : 0)
        + (SendBuffer > 0 ? 1 : 0) + (ReceiveBuffer > 0 ? 1 : 0) + (NoDelay ? 1 : 0) + (End != 0 ? 1 : 0)
        + (IsIPv6 ? 1 : 0) + (Call != 16384 ? 1 : 0) + ((ToServer + ToClient) / 50_000);

    /// <summary>Whether an end is meant to end the connection before all is there.</summary>
    internal bool EndsEarly => End >= TalkEnd.ClientAborts;

    /// <summary>The connection as a line.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"talk h{Client} -> h{Server}:{Port}{(IsIPv6 ? " ipv6" : "")} at {Start}ms: {ToServer} bytes there, ")
        + string.Create(CultureInfo.InvariantCulture, $"{ToClient} back, {End}")
        + (EndsEarly ? $" after {Middle}" : "") + $", calls of {Call}" + (Pause > 0 ? $", pauses of {Pause}ms" : "")
        + (SendBuffer > 0 ? $", sndbuf {SendBuffer}" : "") + (ReceiveBuffer > 0 ? $", rcvbuf {ReceiveBuffer}" : "")
        + (NoDelay ? ", nodelay" : "") + (Habits != 0 ? $", habits {Habits}" : "");
}

/// <summary>What happens to a way in the middle of a scenario.</summary>
public enum EventKind
{
    /// <summary>It is cut for so many milliseconds.</summary>
    Cut,

    /// <summary>Its MTU in the middle becomes so many bytes.</summary>
    Narrow,
}

/// <summary>A change of a way.</summary>
/// <param name="At">When, in milliseconds.</param>
/// <param name="Way">Which way, by its host.</param>
/// <param name="Kind">What happens.</param>
/// <param name="Value">Milliseconds, or bytes.</param>
public sealed record ScenarioEvent(int At, int Way, EventKind Kind, int Value)
{
    /// <summary>The change as a line.</summary>
    public override string ToString() => $"at {At}ms h{Way}: {(Kind == EventKind.Cut ? "cut for" : "narrow")} {Value}";
}

/// <summary>A sysctl of a host.</summary>
/// <param name="Host">The host.</param>
/// <param name="Name">The sysctl.</param>
/// <param name="Value">Its value.</param>
public sealed record ScenarioSetting(int Host, string Name, string Value);
