using System;
using System.Collections.Generic;
using Earshot.Core;

namespace Earshot.Lab.Experiments;

/// <summary>Everything a target saw while it ran a plan.</summary>
public sealed record RunResult
{
    /// <summary>The version of the JSON document this becomes.</summary>
    public const int Schema = 1;

    /// <summary>The plan that was run.</summary>
    public required Plan Plan { get; init; }

    /// <summary>What ran it: a profile's name such as <c>linux-el6</c>, or <c>host</c>.</summary>
    public required string Target { get; init; }

    /// <summary>The seed of the run. The host kernel draws its own numbers and ignores it.</summary>
    public required ulong Seed { get; init; }

    /// <summary>What was seen at each look, in the order of the plan.</summary>
    public required IReadOnlyList<Sample> Samples { get; init; }

    /// <summary>What each connect() did, in the order in which they started. A client that never started is
    /// missing.</summary>
    public required IReadOnlyList<ConnectResult> Connects { get; init; }

    /// <summary>What each call of the plan's steps returned, in order; empty in a plan without steps.</summary>
    public IReadOnlyList<CallResult> Calls { get; init; } = [];

    /// <summary>The rules that spoke, as the embedded stack's ledger has them; the host kernel does not tell
    /// its.</summary>
    public IReadOnlyList<RuleId> Rules { get; init; } = [];

    /// <summary>Every packet, in the order in which it was sent.</summary>
    public required IReadOnlyList<PacketRecord> Packets { get; init; }

    /// <summary>One sentence per connection: why it is where it is at the last look.</summary>
    public required IReadOnlyList<string> Why { get; init; }

    /// <summary>The kernel's log lines, for example about SYN flooding.</summary>
    public IReadOnlyList<string> Logs { get; init; } = [];

    /// <summary>What the reader should know about the run itself: a sysctl that could not be set, a late
    /// look.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>The state of a run at one moment.</summary>
public sealed record Sample
{
    /// <summary>The moment, counted from the first connect().</summary>
    public required TimeSpan At { get; init; }

    /// <summary>How many sockets of the server's side are in which state, by Linux's names; states with none are
    /// missing. A connection nobody has accepted yet counts here.</summary>
    public required IReadOnlyDictionary<string, int> Server { get; init; }

    /// <summary>How many sockets of the client's side are in which state.</summary>
    public required IReadOnlyDictionary<string, int> Client { get; init; }

    /// <summary>The queues of each listener.</summary>
    public required IReadOnlyList<QueueSample> Queues { get; init; }

    /// <summary>How far each counter moved since just before listen(), named as nstat names it; counters that did not
    /// move are missing. <c>TcpCurrEstab</c> is a gauge and comes as its value.</summary>
    public required IReadOnlyDictionary<string, long> Counters { get; init; }

    /// <summary>The rows <c>netstat -nt</c> prints, in its order.</summary>
    public required IReadOnlyList<TableRow> Table { get; init; }

    /// <summary>What each command of <see cref="Plan.Views"/> printed.</summary>
    public IReadOnlyDictionary<string, string> Texts { get; init; } = new Dictionary<string, string>();
}

/// <summary>The two queues of a listener.</summary>
/// <param name="Port">The listener's port.</param>
/// <param name="Accept">How many connections wait for accept().</param>
/// <param name="Limit">The accept queue's limit: the backlog, cut to somaxconn.</param>
/// <param name="SynReceived">How many requests wait for the third segment of the handshake.</param>
public readonly record struct QueueSample(int Port, int Accept, int Limit, int SynReceived);

/// <summary>One row of <c>netstat -nt</c>.</summary>
/// <param name="ReceiveQueue">The Recv-Q column, in bytes.</param>
/// <param name="SendQueue">The Send-Q column, in bytes.</param>
/// <param name="Local">The local address with its port.</param>
/// <param name="Remote">The foreign address with its port.</param>
/// <param name="State">The state by netstat's name, for example <c>SYN_RECV</c>.</param>
/// <param name="IsServer">Whether the row belongs to the listening side.</param>
public readonly record struct TableRow(
    long ReceiveQueue, long SendQueue, string Local, string Remote, string State, bool IsServer);

/// <summary>What one client's connect() did.</summary>
/// <param name="Client">The client's number, from 1.</param>
/// <param name="At">When it was called: its first SYN.</param>
/// <param name="Returned">When it returned; null while it still waits at the last look.</param>
/// <param name="Errno">The error's name, for example <c>ETIMEDOUT</c>; null when it worked or still waits.</param>
public readonly record struct ConnectResult(int Client, TimeSpan At, TimeSpan? Returned, string? Errno);

/// <summary>One TCP segment as it was sent.</summary>
public sealed record PacketRecord
{
    /// <summary>When it was sent, counted from the first connect().</summary>
    public required TimeSpan Time { get; init; }

    /// <summary>The number of its connection: the client's number, from 1.</summary>
    public required int Connection { get; init; }

    /// <summary>Whether the client sent it.</summary>
    public required bool FromClient { get; init; }

    /// <summary>The sender's address and port.</summary>
    public required string From { get; init; }

    /// <summary>The receiver's address and port.</summary>
    public required string To { get; init; }

    /// <summary>The flags as letters: S, A, F, R, P, U, E, C in the order <c>SFRPAUEC</c>, so that a SYN-ACK is
    /// SA.</summary>
    public required string Flags { get; init; }

    /// <summary>The sequence number, counted from the sender's first one.</summary>
    public required long Seq { get; init; }

    /// <summary>The acknowledgement number, counted from the other side's first one; 0 without the ACK flag.</summary>
    public required long Ack { get; init; }

    /// <summary>The length of the payload, in bytes.</summary>
    public required int Length { get; init; }

    /// <summary>The window field, as it is on the wire.</summary>
    public required int Window { get; init; }

    /// <summary>The rest of its headers in words, for example <c>ttl 64 tos 0x00 DF id 0 win 65160 mss 1460</c>; empty
    /// when the run does not tell.</summary>
    public string Details { get; init; } = "";

    /// <summary>Its time stamp; null without the option.</summary>
    public uint? TimeStamp { get; init; }

    /// <summary>The time stamp that it echoes.</summary>
    public uint? TimeEcho { get; init; }

    /// <summary>The verdict on the packet, when the target knows one.</summary>
    public string? Verdict { get; init; }

    /// <summary>The packet from the IP header on.</summary>
    public ReadOnlyMemory<byte> Bytes { get; init; }
}
