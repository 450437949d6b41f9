using System;
using System.Collections.Generic;
using System.Globalization;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Lab.Experiments;
using Earshot.Lab.Native;

namespace Earshot.Lab.Targets;

/// <summary>Makes packet-level targets of the host kernel, each in a namespace of its own; needs root.</summary>
public sealed class HostPacketTargetMaker : IPacketTargetMaker
{
    /// <inheritdoc/>
    public string Name => "host";

    /// <summary>Why the target cannot run here, or null when it can.</summary>
    public static string? CannotRunReason()
    {
        try
        {
            return new HostPacketTargetMaker().Run(new PacketTargetOptions(), static _ => (string?)null);
        }
        catch (CannotRunHereException e)
        {
            return e.Message;
        }
    }

    /// <inheritdoc/>
    public T Run<T>(PacketTargetOptions options, Func<IPacketTarget, T> work)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(work);
        return HostNamespace.Run([], space =>
        {
            using var target = new HostPacketTarget(options, space);
            return work(target);
        });
    }
}

/// <summary>The host kernel behind a TUN device, in a network namespace of its own.</summary>
/// <remarks>Times are the kernel's capture times; our own clock, which is the same, only decides when to act.</remarks>
internal sealed class HostPacketTarget : IPacketTarget, IDisposable
{
    private const string Device = "tun0";
    private const int Limit = 1_000_000;

    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan LongestSettling = TimeSpan.FromSeconds(30);

    // What the device and IPv6 would do on their own: look for neighbours and routers, filter by source.
    private static readonly SysctlSetting[] Quiet =
    [
        new("net.ipv6.conf.all.disable_ipv6", "0"),
        new("net.ipv6.conf.default.disable_ipv6", "0"),
        new("net.ipv6.conf.all.accept_dad", "0"),
        new("net.ipv6.conf.default.accept_dad", "0"),
        new("net.ipv6.conf.default.dad_transmits", "0"),
        new("net.ipv6.conf.default.router_solicitations", "0"),
        new("net.ipv6.conf.default.accept_ra", "0"),
        new("net.ipv6.conf.default.autoconf", "0"),
        new("net.ipv6.conf.default.addr_gen_mode", "1"),
        new("net.ipv6.bindv6only", "0"),
        new("net.ipv6.auto_flowlabels", "1"),
        new("net.ipv6.conf.all.hop_limit", "64"),
        new("net.ipv6.conf.default.hop_limit", "64"),
        new("net.ipv6.icmp.ratelimit", "1000"),
        new("net.ipv4.conf.all.rp_filter", "0"),
        new("net.ipv4.conf.default.rp_filter", "0"),
        new("net.ipv4.conf.default.log_martians", "0"),
        new("net.ipv4.conf.all.accept_redirects", "0"),
    ];

    private readonly HostSocketCalls _calls;
    private readonly HostTun _tun;
    private readonly PacketRing _ring;
    private readonly HostWorkers _workers;
    private readonly HostLog _log;
    private readonly Queue<SeenPacket> _seen = new();
    private readonly Dictionary<string, string> _changed = new(StringComparer.Ordinal);
    private readonly long _zero;
    private long _received;

    public HostPacketTarget(PacketTargetOptions options, HostNamespace space)
    {
        Options = options;
        foreach (SysctlSetting setting in Quiet)
        {
            _ = HostFiles.TrySet(setting);
        }

        if (!HostTun.TryMake(Device, out HostTun? tun, out string problem))
        {
            throw new CannotRunHereException($"the target 'host' needs a TUN device: {problem}");
        }

        _tun = tun;
        byte[] address4 = options.Local4.GetAddressBytes();
        byte[] address6 = options.Local6.GetAddressBytes();
        if (tun.Configure(address4, address6, options.Mtu) is { } failed)
        {
            tun.Dispose();
            throw new CannotRunHereException($"{Device} cannot be configured: {failed}");
        }

        // Only now that the device is up: bound to one that is down, the socket would report that for ever.
        if (!PacketRing.TryOpen(tun.Index, options.Mtu, out PacketRing? ring, out problem))
        {
            tun.Dispose();
            throw new CannotRunHereException($"packets cannot be captured here: {problem}");
        }

        _ring = ring;

        _zero = HostSocket.Now();
        _calls = new HostSocketCalls(space);
        _workers = new HostWorkers(_calls, _zero);
        _log = new HostLog();
        AwaitUsable();
        Drain();
        _seen.Clear();
    }

    public string Name => "host";

    public bool IsVirtual => false;

    public PacketTargetOptions Options { get; }

    public Instant Now => new(HostSocket.Now() - _zero);

    public ISocketCalls Calls => _calls;

    public Instant Inject(ReadOnlySpan<byte> packet)
    {
        Drain();
        _received = -1;
        int result = _tun.Write(packet);
        if (result < 0)
        {
            throw new ExperimentFailedException($"the TUN device takes no such packet: {Errno.Name(result)}");
        }

        Drain();
        return _received >= 0 ? new Instant(_received - _zero) : Now;
    }

    public IPendingCall Begin(int descriptor, Func<ISocketCalls, long> call)
    {
        const int getFlags = 3;
        int flags = descriptor < 0 ? 0 : _calls.FileControl(descriptor, getFlags, 0);
        if (flags >= 0 && (flags & Libc.SockNonblock) == 0)
        {
            return _workers.Begin(descriptor, call);
        }

        var direct = new HostWorkers.Call(descriptor, call);
        direct.Run(_calls, _zero);
        return direct;
    }

    public bool WaitForCall(IPendingCall call, Instant until)
    {
        while (!call.IsDone)
        {
            Drain();
            TimeSpan left = until - Now;
            if (left <= TimeSpan.Zero)
            {
                return call.IsDone;
            }

            // Nothing wakes a poll when the call returns, so it is looked at often.
            Sleep(left < TimeSpan.FromMilliseconds(1) ? left : TimeSpan.FromMilliseconds(1));
        }

        return true;
    }

    public bool WaitForPacket(Instant until)
    {
        while (true)
        {
            Drain();
            if (_seen.Count > 0)
            {
                return true;
            }

            TimeSpan left = until - Now;
            if (left <= TimeSpan.Zero)
            {
                return false;
            }

            Sleep(left < Turn ? left : Turn);
        }
    }

    public void WaitUntil(Instant until)
    {
        while (true)
        {
            Drain();
            TimeSpan left = until - Now;
            if (left <= TimeSpan.Zero)
            {
                return;
            }

            Sleep(left < Turn ? left : Turn);
        }
    }

    public bool TryTake(out SeenPacket packet)
    {
        Drain();
        return _seen.TryDequeue(out packet);
    }

    public bool TryGetSysctl(string name, out string value) => HostFiles.TryGet(name, out value);

    public int SetSysctl(string name, string value)
    {
        if (!HostFiles.TryGet(name, out string before))
        {
            return -Errno.ENOENT;
        }

        int result = HostFiles.Set(name, value);
        if (result == 0)
        {
            _changed.TryAdd(name, before);
        }

        return result;
    }

    public void PutBefore(TokenBucket bucket) => HostTools.Texts([string.Create(
        CultureInfo.InvariantCulture,
        $"tc qdisc replace dev {Device} root tbf rate {bucket.BitsPerSecond}bit burst {bucket.Burst}b limit {Limit}b"),
    ]);

    public IReadOnlyDictionary<string, long> Counters() => HostFiles.AllCounters();

    public IReadOnlyList<TargetSocket> Sockets() => HostFiles.AllSockets();

    public IReadOnlyList<string> LogLines() => _log.Lines();

    // Sysctls that are not of the namespace alone get their values back; the rest goes with it.
    public void Dispose()
    {
        _workers.Dispose();
        foreach ((string name, string before) in _changed)
        {
            _ = HostFiles.Set(name, before);
        }

        _log.Dispose();
        _ring.Dispose();
        _tun.Dispose();
    }

    private void Sleep(TimeSpan time) => HostSocket.WaitReadable(_ring.Descriptor, _tun.Descriptor, time);

    private void Drain()
    {
        _ring.Drain(Take);
        if (_ring.TakeLost() is > 0 and int lost)
        {
            throw new ExperimentFailedException($"{lost} packets were not captured: the ring was full");
        }

        _tun.Discard();
    }

    private void Take(long time, ReadOnlySpan<byte> packet, int length, bool outgoing)
    {
        if (outgoing)
        {
            _seen.Enqueue(new SeenPacket(new Instant(time - _zero), packet.ToArray()));
        }
        else
        {
            _received = time;
        }
    }

    // A worker of the kernel ends an IPv6 address's tentative state, even where no neighbour is asked.
    private void AwaitUsable()
    {
        byte[] address = SocketAddressBytes.Make(Options.Local6, 0);
        Instant until = Now + LongestSettling;
        while (Now < until)
        {
            int probe = _calls.Socket(SocketAddressBytes.Inet6, Libc.SockDgram, 0);
            int result = _calls.Bind(probe, address);
            _calls.Close(probe);
            if (result == 0)
            {
                return;
            }

            Sleep(TimeSpan.FromMilliseconds(1));
        }

        throw new CannotRunHereException(
            $"{Device} did not become ready within {LongestSettling.TotalSeconds} seconds");
    }
}
