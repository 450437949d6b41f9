using System;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Time;

namespace Earshot.Simulation;

/// <summary>Hosts, wires and virtual time from one seed. One thread; a minute of silence costs nothing.</summary>
/// <remarks>
/// Same seed and same calls give the same packets at the same moments, and so the same <see cref="Trace"/>. Each step
/// jumps to the next moment at which something happens: a timer of a stack, a packet's arrival, or a scheduled action.
/// </remarks>
public sealed class World : IDisposable
{
    /// <summary>The steps that one call of RunUntil may take unless told otherwise.</summary>
    public const long DefaultStepLimit = 50_000_000;

    /// <summary>Rounds of packets and events at one moment beyond which the world is held to run in circles.</summary>
    private const int SettleLimit = 100_000;

    // Hosts and switches are numbered apart, so that adding one changes nothing for the others.
    private const int FirstSwitch = 1 << 20;

    private readonly List<Host> _hosts = [];
    private readonly List<Wire> _wires = [];
    private readonly List<Switch> _switches = [];
    private readonly PriorityQueue<Flight, Due> _flights = new();
    private readonly PriorityQueue<Action, Due> _actions = new();
    private readonly PacketPool _pool = new();
    private long _sequence;
    private TraceHash _trace;

    /// <summary>Makes an empty world whose clock stands at zero.</summary>
    /// <param name="seed">Where all its chance comes from, the stacks' included.</param>
    public World(ulong seed)
        : this(Chance.Spread(seed))
    {
    }

    /// <summary>Makes an empty world whose clock stands at zero.</summary>
    /// <param name="seed">Where all its chance comes from, the stacks' included.</param>
    public World(in Seed256 seed) => Seed = seed;

    internal enum Purpose : ulong
    {
        Host = 1,
        Wire = 2,
        Program = 3,
    }

    /// <summary>Where all chance comes from.</summary>
    public Seed256 Seed { get; }

    /// <summary>The moment.</summary>
    public Instant Now { get; private set; }

    /// <summary>The hosts, in the order in which they were added.</summary>
    public IReadOnlyList<Host> Hosts => _hosts;

    /// <summary>The wires, in the order in which they were made.</summary>
    public IReadOnlyList<Wire> Wires => _wires;

    /// <summary>Steps taken so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Packets under way on the wires.</summary>
    public int InFlight => _flights.Count;

    /// <summary>Whether every stack's invariants are checked after every step.</summary>
    public bool CheckEveryStep { get; set; }

    /// <summary>
    /// Called after every step, after the stacks' own checks: a place for a test's own rules. Null: nobody.
    /// </summary>
    public Action<World>? AfterStep { get; set; }

    /// <summary>
    /// The fingerprint of every packet that was put on a wire: its bytes, when it was sent and when it arrives.
    /// </summary>
    public ulong Trace => _trace.Value;

    /// <summary>Adds a host.</summary>
    /// <param name="name">Its name, for messages.</param>
    /// <param name="options">What its stack is made from; the seed in it is replaced by one drawn from the
    /// world's.</param>
    public Host AddHost(string name, StackOptions options)
    {
        int number = _hosts.Count;
        var stack = new NetworkStack(options with { Seed = Derive(Purpose.Host, (ulong)number) }, Now);
        var host = new Host(this, number, name, stack);
        _hosts.Add(host);
        return host;
    }

    /// <summary>Adds a switch.</summary>
    /// <param name="name">Its name, for messages.</param>
    /// <param name="isEthernet">Whether its wires carry Ethernet frames; else raw IP packets.</param>
    public Switch AddSwitch(string name, bool isEthernet = false)
    {
        var added = new Switch(this, FirstSwitch + _switches.Count, name, isEthernet);
        _switches.Add(added);
        return added;
    }

    /// <summary>Joins an interface of one host and one of another, or a port of a switch, by a wire.</summary>
    /// <exception cref="ArgumentException">
    /// Both ends are one and the same, an interface does not exist or has a wire already, or the latency is less than
    /// 0.
    /// </exception>
    public Wire Connect(Node first, Node second, WireOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        options ??= new WireOptions();
        if (second is Switch { FreePort: int port } && (options.SecondInterface < 0 || second is Switch))
        {
            options = options with { SecondInterface = port };
        }

        if (first is Switch { FreePort: int own })
        {
            options = options with { FirstInterface = own };
        }

        if (ReferenceEquals(first, second) || !first.HasFreeInterface(options.FirstInterface)
            || !second.HasFreeInterface(options.SecondInterface) || options.Latency < TimeSpan.Zero)
        {
            throw new ArgumentException(
                $"no wire from interface {options.FirstInterface} of {first} to interface " +
                $"{options.SecondInterface} of {second}: both must exist and be free, the hosts be two, and the " +
                "latency not be negative");
        }

        var wire = new Wire(this, _wires.Count, first, second, options);
        first.Plug(options.FirstInterface, wire);
        second.Plug(options.SecondInterface, wire);
        _wires.Add(wire);
        return wire;
    }

    /// <summary>Does something at a moment, before the packets and after the timers of that moment.</summary>
    /// <param name="at">The moment; one in the past counts as now.</param>
    /// <param name="action">What to do.</param>
    public void Schedule(Instant at, Action action) => _actions.Enqueue(action, new Due(at, _sequence++));

    /// <summary>A stream of chance for a program of the world, derived from the world's seed.</summary>
    /// <param name="number">Which program: equal numbers give equal streams.</param>
    public Chance ProgramChance(ulong number) => new(Derive(Purpose.Program, number), ChanceStream.Program);

    /// <summary>The next moment at which something happens; null: nothing will, unless a call is made.</summary>
    public Instant? NextMoment
    {
        get
        {
            Settle();
            Instant next = Instant.Never;
            foreach (Host host in _hosts)
            {
                if (host.Stack.NextTimer is { } timer && timer < next)
                {
                    next = timer;
                }
            }

            if (_flights.TryPeek(out _, out Due flight) && flight.At < next)
            {
                next = flight.At;
            }

            if (_actions.TryPeek(out _, out Due action) && action.At < next)
            {
                next = action.At;
            }

            return next == Instant.Never ? null : next < Now ? Now : next;
        }
    }

    /// <summary>Jumps to the next moment and does what is due then.</summary>
    /// <returns>False when nothing is left to happen; the clock stays.</returns>
    /// <exception cref="InvariantException">A stack broke a rule of its own.</exception>
    /// <exception cref="SimulationException">Packets and events at one moment do not come to an end.</exception>
    public bool Step()
    {
        if (NextMoment is not { } next)
        {
            return false;
        }

        Now = next;
        Steps++;
        TellTime();
        while (_actions.TryPeek(out _, out Due action) && action.At <= Now)
        {
            _actions.Dequeue()();
        }

        Settle();
        Deliver();
        Settle();
        Check();
        return true;
    }

    /// <summary>
    /// Runs until a moment; everything that is due by then has happened, and every stack has been told the time.
    /// </summary>
    /// <param name="moment">The moment; one before <see cref="Now"/> is no moment to wait for.</param>
    /// <param name="stepLimit">Steps after which to give up.</param>
    /// <exception cref="SimulationException">The limit was reached.</exception>
    public void RunUntil(Instant moment, long stepLimit = DefaultStepLimit)
    {
        for (long steps = 0; NextMoment is { } next && next <= moment; steps++)
        {
            Limit(steps, stepLimit);
            Step();
        }

        if (moment > Now)
        {
            Now = moment;
            TellTime();
            Settle();
        }
    }

    /// <summary>Runs until a condition holds; it is asked before the first step and after each.</summary>
    /// <param name="done">The condition.</param>
    /// <param name="stepLimit">Steps after which to give up.</param>
    /// <returns>Whether it holds; false: nothing is left to happen.</returns>
    /// <exception cref="SimulationException">The limit was reached.</exception>
    public bool RunUntil(Func<bool> done, long stepLimit = DefaultStepLimit)
    {
        Settle();
        for (long steps = 0; !done(); steps++)
        {
            Limit(steps, stepLimit);
            if (!Step())
            {
                return done();
            }
        }

        return true;
    }

    /// <summary>Frees the stacks.</summary>
    public void Dispose()
    {
        foreach (Host host in _hosts)
        {
            host.Stack.Dispose();
        }
    }

    internal Seed256 Derive(Purpose purpose, ulong number) => new(
        SipHash.Hash(Seed.A, Seed.B, (ulong)purpose, number),
        SipHash.Hash(Seed.B, Seed.C, (ulong)purpose, number),
        SipHash.Hash(Seed.C, Seed.D, (ulong)purpose, number),
        SipHash.Hash(Seed.D, Seed.A, (ulong)purpose, number));

    internal void Launch(in WirePacket packet, Node to, int @interface, Instant arrival)
    {
        byte[] buffer = _pool.Rent(packet.Bytes.Length);
        packet.Bytes.CopyTo(buffer);
        _trace.Add((ulong)Now.Nanoseconds);
        _trace.Add((ulong)arrival.Nanoseconds);
        _trace.Add(((ulong)to.Number << 32) | (uint)@interface);
        _trace.Add(packet.Bytes);
        var flight = new Flight(
            buffer, packet.Bytes.Length, to, @interface, AsReceived(packet.Info), packet.IsDamaged);
        _flights.Enqueue(flight, new Due(arrival, _sequence++));
    }

    // What the sender left to the link, the wire vouches for: there is no device that could damage it.
    private static PacketInfo AsReceived(PacketInfo sent) => new(
        (sent.Flags & (PacketFlags.ChecksumPartial | PacketFlags.ChecksumGood)) != 0
            ? PacketFlags.ChecksumGood : PacketFlags.None,
        sent.SegmentSize);

    private static void Limit(long steps, long stepLimit)
    {
        if (steps >= stepLimit)
        {
            throw new SimulationException($"the world did not come to an end within {stepLimit} steps");
        }
    }

    private void TellTime()
    {
        foreach (Host host in _hosts)
        {
            host.Stack.OnTimer(Now);
        }
    }

    private void Settle()
    {
        bool moved = true;
        for (int round = 0; moved; round++)
        {
            if (round == SettleLimit)
            {
                throw new SimulationException($"at {Now} packets and events did not end within {SettleLimit} rounds");
            }

            moved = false;
            foreach (Host host in _hosts)
            {
                moved |= host.Settle();
            }
        }
    }

    // Packets that arrive at the same moment reach a host as one batch, in the order in which they were sent.
    private void Deliver()
    {
        while (_flights.TryPeek(out _, out Due due) && due.At <= Now)
        {
            Flight flight = _flights.Dequeue();
            flight.To.Receive(
                flight.Buffer.AsSpan(0, flight.Length), flight.Interface, flight.Info, flight.IsDamaged);
            _pool.Return(flight.Buffer);
        }

        foreach (Host host in _hosts)
        {
            host.TakeBatch();
        }
    }

    private void Check()
    {
        if (CheckEveryStep)
        {
            foreach (Host host in _hosts)
            {
                host.Stack.CheckInvariants();
            }
        }

        AfterStep?.Invoke(this);
    }

    private readonly record struct Flight(
        byte[] Buffer, int Length, Node To, int Interface, PacketInfo Info, bool IsDamaged);

    private readonly record struct Due(Instant At, long Sequence) : IComparable<Due>
    {
        public int CompareTo(Due other) =>
            At == other.At ? Sequence.CompareTo(other.Sequence) : At.CompareTo(other.At);
    }
}
