using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Lab.Targets;

/// <summary>Makes packet-level targets of the embedded stack, in virtual time.</summary>
/// <param name="profile">The kernel to behave like.</param>
public sealed class StackPacketTargetMaker(KernelProfile profile) : IPacketTargetMaker
{
    /// <inheritdoc/>
    public string Name => profile.Name;

    /// <summary>Is given each stack when its run is over, to read counters and verdicts; null (the default): nobody.
    /// Runs may end on several threads at once.</summary>
    public Action<NetworkStack>? Finished { get; init; }

    /// <summary>Connections of which each stack keeps everything at hand though nothing moves on them.</summary>
    public int BusyConnections { get; init; } = StackOptions.DefaultBusyConnections;

    /// <inheritdoc/>
    public T Run<T>(PacketTargetOptions options, Func<IPacketTarget, T> work)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(work);
        using var target = new StackPacketTarget(options, profile, BusyConnections);
        T result = work(target);
        Finished?.Invoke(target.Stack);
        return result;
    }
}

/// <summary>The embedded stack with one device, in virtual time.</summary>
internal sealed class StackPacketTarget : IPacketTarget, IDisposable
{
    private const int Device = 2;

    // A bug that makes the stack ask for one moment again and again must not hang the caller.
    private const int MaxTurns = 10_000_000;

    private readonly StackSocketCalls _calls;
    private readonly PacketBatch _batch = new(1, PacketBatch.MaximumPacketLength + 1);
    private readonly Queue<SeenPacket> _seen = new();
    private readonly List<StackPendingCall> _pending = [];
    private PacedDevice? _device;
    private int _taken;
    private int _turns;

    public StackPacketTarget(
        PacketTargetOptions options, KernelProfile profile, int busyConnections = StackOptions.DefaultBusyConnections)
    {
        Options = options;
        List<InterfaceAddress> addresses = [];
        List<RouteOptions> routes = [];
        foreach ((IPAddress address, string everything) in
            new[] { (options.Local4, "0.0.0.0/0"), (options.Local6, "::/0") })
        {
            if (InetAddress.TryParse(address.ToString(), out InetAddress own))
            {
                addresses.Add(new InterfaceAddress(own, 24));
                routes.Add(new RouteOptions(InterfaceAddress.Parse(everything), Device));
            }
        }

        Stack = new NetworkStack(
            new StackOptions
            {
                Profile = profile,
                Seed = Chance.Spread(options.Seed),
                BusyConnections = busyConnections,
                PieceTime = TimeSpan.FromMicroseconds(1),
                Interfaces =
                [
                    new InterfaceOptions
                    {
                        Name = "tun0",
                        Mtu = options.Mtu,
                        Addresses = addresses,
                        Offload = options.HasBucket ? InterfaceOffload.Completion : InterfaceOffload.None,
                    },
                ],
                Routes = routes,
            },
            Instant.Zero);
        Stack.Sysctls.Set("net.ipv4.tcp_congestion_control", HostSysctls.CongestionControl);
        _calls = new StackSocketCalls(Stack);
    }

    /// <summary>The stack itself.</summary>
    public NetworkStack Stack { get; }

    public string Name => Stack.Profile.Name;

    public bool IsVirtual => true;

    public PacketTargetOptions Options { get; }

    public Instant Now => Stack.Now;

    public ISocketCalls Calls => _calls;

    public Instant Inject(ReadOnlySpan<byte> packet)
    {
        Settle();
        _batch.Clear();
        Invariant.Check(_batch.TryAdd(packet, Device), "a packet fits an empty batch");
        Stack.OnPackets(_batch, Now);
        Stack.CheckInvariants();
        Settle();
        return Now;
    }

    public IPendingCall Begin(int descriptor, Func<ISocketCalls, long> call)
    {
        var pending = new StackPendingCall(call, _calls.IsBlocking(descriptor));
        pending.Try(_calls);
        Settle();
        if (!pending.IsDone)
        {
            _pending.Add(pending);
        }

        return pending;
    }

    public bool WaitForCall(IPendingCall call, Instant until)
    {
        Go(until, () => call.IsDone);
        return call.IsDone;
    }

    public bool WaitForPacket(Instant until)
    {
        Go(until, () => _seen.Count > 0);
        return _seen.Count > 0;
    }

    public void WaitUntil(Instant until) => Go(until, static () => false);

    public bool TryTake(out SeenPacket packet)
    {
        Settle();
        return _seen.TryDequeue(out packet);
    }

    public bool TryGetSysctl(string name, out string value)
    {
        bool found = Stack.Sysctls.TryGet(name, out value);
        value = value.Replace('\t', ' ');
        return found;
    }

    public int SetSysctl(string name, string value) => Stack.Sysctls.Set(name, value);

    public void PutBefore(TokenBucket bucket)
    {
        Invariant.Check(Options.HasBucket, "a target that will have a token bucket was made for it");
        _device = new PacedDevice(bucket, Now);
    }

    public IReadOnlyDictionary<string, long> Counters() =>
        Stack.Mib.All.ToDictionary(c => c.Key, c => c.Value, StringComparer.Ordinal);

    public IReadOnlyList<TargetSocket> Sockets()
    {
        var rows = new List<SocketRow>();
        Stack.CopySockets(rows);
        return [.. rows.Select(r => new TargetSocket(
            Endpoint(r.Local), Endpoint(r.Remote), (int)r.State, r.ReceiveQueue, r.SendQueue))];
    }

    public IReadOnlyList<string> LogLines() => [.. Stack.Log.Lines.Select(static line => line.Text)];

    public void Dispose() => Stack.Dispose();

    private static IPEndPoint Endpoint(InetEndpoint end) => new(end.Address.ToIPAddress(), end.Port);

    /// <summary>Runs timers, each at its own time, until something has happened or the moment has come.</summary>
    private void Go(Instant until, Func<bool> happened)
    {
        Settle();
        while (!happened())
        {
            Instant? next = Stack.NextTimer;
            foreach (StackPendingCall pending in _pending)
            {
                next = pending.Deadline is { } end && (next is not { } other || end < other) ? end : next;
            }

            next = _device?.Next is { } free && (next is not { } later || free < later) ? free : next;
            if (next is not { } moment || moment > until)
            {
                if (until > Now)
                {
                    Stack.OnTimer(until);
                    Settle();
                }

                return;
            }

            Invariant.Check(++_turns <= MaxTurns, $"more than {MaxTurns} turns of the stack");
            Stack.OnTimer(moment);
            Stack.CheckInvariants();
            Settle();
        }
    }

    // What leaves the device is seen; a device with a queue tells the stack when it does.
    private void Carry()
    {
        while (true)
        {
            while (Stack.TryTransmit(out OutboundPacket packet))
            {
                byte[] bytes = packet.Bytes.ToArray();
                if (_device is not null)
                {
                    _device.Add(bytes);
                    continue;
                }

                _seen.Enqueue(new SeenPacket(packet.Time, bytes));
                _taken++;
            }

            while (_device is not null && _device.TryTake(Now, out byte[] left))
            {
                _seen.Enqueue(new SeenPacket(Now, left));
                _taken++;
            }

            if (_taken == 0 || !Options.HasBucket)
            {
                return;
            }

            int done = _taken;
            _taken = 0;
            Stack.CompleteTransmissions(Device, done, Now);
        }
    }

    // What the stack sent is taken, and the calls that wait are tried again, until nothing changes.
    private void Settle()
    {
        bool more = true;
        while (more)
        {
            Carry();
            while (Stack.TryTakeEvent(out _))
            {
            }

            more = false;
            for (int i = 0; i < _pending.Count;)
            {
                _pending[i].Try(_calls);
                if (_pending[i].IsDone)
                {
                    _pending.RemoveAt(i);
                    more = true;
                }
                else
                {
                    i++;
                }
            }
        }
    }
}

/// <summary>A call that is made again and again until it need not wait.</summary>
internal sealed class StackPendingCall(Func<ISocketCalls, long> call, bool blocking) : IPendingCall
{
    public bool IsDone { get; private set; }

    public long Result { get; private set; }

    public Instant Returned { get; private set; }

    /// <summary>When a wait with an end ends.</summary>
    public Instant? Deadline { get; set; }

    /// <summary>Bytes that a blocking write has written so far.</summary>
    public long Progress { get; set; }

    /// <summary>Whether the call may wait.</summary>
    public bool Blocking => blocking;

    public void Try(StackSocketCalls calls)
    {
        calls.Current = this;
        long result = call(calls);
        calls.Current = null;
        if (blocking && result is -Errno.EAGAIN or -Errno.EINPROGRESS or -Errno.EALREADY && !calls.WasNonBlocking)
        {
            return;
        }

        Result = result;
        Returned = calls.Now;
        IsDone = true;
    }
}
