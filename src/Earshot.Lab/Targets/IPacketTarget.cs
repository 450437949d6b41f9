using System;
using System.Collections.Generic;
using System.Net;
using Earshot.Core.Time;

namespace Earshot.Lab.Targets;

/// <summary>A host that is driven packet by packet and call by call: the embedded stack in virtual time, or the host
/// kernel behind a TUN device in real time.</summary>
/// <remarks>It has one device; every packet for an address that is not its own leaves by it. Not thread-safe: it
/// belongs to the thread on which <see cref="IPacketTargetMaker.Run"/> calls the work.</remarks>
public interface IPacketTarget
{
    /// <summary>The name that goes into verdicts: a profile's name, or <c>host</c>.</summary>
    string Name { get; }

    /// <summary>Whether waiting takes no time.</summary>
    bool IsVirtual { get; }

    /// <summary>What it was made from.</summary>
    PacketTargetOptions Options { get; }

    /// <summary>The moment, counted from a zero of its own.</summary>
    Instant Now { get; }

    /// <summary>The socket calls.</summary>
    ISocketCalls Calls { get; }

    /// <summary>Lets the host receive a packet; its answers, if they come at once, can be taken when this
    /// returns.</summary>
    /// <param name="packet">A whole IP packet.</param>
    /// <returns>When the host saw it.</returns>
    Instant Inject(ReadOnlySpan<byte> packet);

    /// <summary>Begins a call that may block; one that does not has returned already.</summary>
    /// <param name="descriptor">The descriptor whose blocking mode decides.</param>
    /// <param name="call">The call; it may be made on another thread, and more than once.</param>
    IPendingCall Begin(int descriptor, Func<ISocketCalls, long> call);

    /// <summary>Goes on until a call has returned or a moment has come.</summary>
    /// <returns>Whether it has returned.</returns>
    bool WaitForCall(IPendingCall call, Instant until);

    /// <summary>Goes on until a packet can be taken or a moment has come.</summary>
    /// <returns>Whether a packet can be taken.</returns>
    bool WaitForPacket(Instant until);

    /// <summary>Goes on until a moment has come.</summary>
    void WaitUntil(Instant until);

    /// <summary>Takes the next packet that the host sent.</summary>
    /// <returns>False when there is none.</returns>
    bool TryTake(out SeenPacket packet);

    /// <summary>A sysctl's value, with single blanks between numbers.</summary>
    /// <returns>False when the host has no such sysctl.</returns>
    bool TryGetSysctl(string name, out string value);

    /// <summary>Sets a sysctl.</summary>
    /// <returns>0 or a negated errno; -ENOENT when the host has no such sysctl.</returns>
    int SetSysctl(string name, string value);

    /// <summary>Puts a token bucket with a queue before the device: <c>tc qdisc replace dev tun0 root
    /// tbf</c>.</summary>
    /// <exception cref="ExperimentFailedException">The target cannot have one.</exception>
    void PutBefore(TokenBucket bucket);

    /// <summary>Every counter by nstat's name.</summary>
    IReadOnlyDictionary<string, long> Counters();

    /// <summary>The sockets, as /proc/net/tcp and tcp6 list them.</summary>
    IReadOnlyList<TargetSocket> Sockets();

    /// <summary>The kernel log's lines about TCP since the target was made, oldest first, without their time.</summary>
    IReadOnlyList<string> LogLines();
}

/// <summary>Makes a target and gives it to some work; the target ends with the work.</summary>
public interface IPacketTargetMaker
{
    /// <summary>The target's name.</summary>
    string Name { get; }

    /// <summary>Makes a target, does the work and ends the target.</summary>
    /// <param name="options">Its addresses and seed.</param>
    /// <param name="work">What to do with it; on the host it runs on a thread of its own.</param>
    /// <typeparam name="T">What the work gives back.</typeparam>
    /// <exception cref="CannotRunHereException">This machine or user cannot run the target.</exception>
    T Run<T>(PacketTargetOptions options, Func<IPacketTarget, T> work);
}

/// <summary>What a target is made from.</summary>
public sealed record PacketTargetOptions
{
    /// <summary>Its IPv4 address; every other one is beyond the device.</summary>
    public IPAddress Local4 { get; init; } = IPAddress.Parse("192.168.0.1");

    /// <summary>Its IPv6 address; every other one is beyond the device.</summary>
    public IPAddress Local6 { get; init; } = IPAddress.Parse("fd00:168::1");

    /// <summary>Bytes of the device's longest packet.</summary>
    public int Mtu { get; init; } = 1500;

    /// <summary>Whether <see cref="IPacketTarget.PutBefore"/> will be called.</summary>
    public bool HasBucket { get; init; }

    /// <summary>The seed of all that the stack draws by chance; the host kernel draws its own.</summary>
    public ulong Seed { get; init; } = 1;
}

/// <summary>A speed that tokens come at and how many are kept; tc calls it tbf.</summary>
/// <param name="BitsPerSecond">The speed.</param>
/// <param name="Burst">Bytes that may leave at once.</param>
public readonly record struct TokenBucket(long BitsPerSecond, int Burst);

/// <summary>A packet that a target sent.</summary>
/// <param name="Time">When it left.</param>
/// <param name="Bytes">The whole IP packet.</param>
public readonly record struct SeenPacket(Instant Time, byte[] Bytes);

/// <summary>A call that was begun.</summary>
public interface IPendingCall
{
    /// <summary>Whether it has returned.</summary>
    bool IsDone { get; }

    /// <summary>What it returned: a number of 0 or more, or a negated errno; only when it is done.</summary>
    long Result { get; }

    /// <summary>When it returned; only when it is done.</summary>
    Instant Returned { get; }
}

/// <summary>A line of /proc/net/tcp or tcp6.</summary>
/// <param name="Local">The local end.</param>
/// <param name="Remote">The remote end.</param>
/// <param name="State">The state's number.</param>
/// <param name="ReceiveQueue">rx_queue.</param>
/// <param name="SendQueue">tx_queue.</param>
public readonly record struct TargetSocket(
    IPEndPoint Local, IPEndPoint Remote, int State, long ReceiveQueue, long SendQueue);
