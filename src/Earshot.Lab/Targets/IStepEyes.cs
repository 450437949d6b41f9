using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Time;
using Earshot.Lab.Native;
using Earshot.Lab.Views;

namespace Earshot.Lab.Targets;

/// <summary>What a plan of steps sees of a target beside its device: loopback, listeners, rules.</summary>
internal interface IStepEyes : IDisposable
{
    /// <summary>Hands over what loopback delivered since the last time, oldest first.</summary>
    void Drain(List<SeenStep> packets);

    /// <summary>The verdict on the packet that was injected last, when the target knows one.</summary>
    string? InjectedVerdict { get; }

    /// <summary>The listeners: port, connections waiting, limit.</summary>
    IEnumerable<(int Port, int Accept, int Limit)> Listeners();

    /// <summary>The rules that have spoken.</summary>
    IReadOnlyList<RuleId> Rules();

    /// <summary>What commands such as <c>ss -nta</c> print now.</summary>
    IReadOnlyDictionary<string, string> Texts(IReadOnlyList<string> commands);
}

/// <summary>A packet that a plan of steps has seen.</summary>
/// <param name="Time">When.</param>
/// <param name="Bytes">The packet from the IP header on.</param>
/// <param name="Verdict">Why it was treated as it was, when known.</param>
internal readonly record struct SeenStep(Instant Time, byte[] Bytes, string? Verdict = null);

/// <summary>Sees the embedded stack by its tap.</summary>
internal sealed class StackEyes : IStepEyes
{
    private const int LoopbackIndex = 1;

    private readonly NetworkStack _stack;
    private readonly List<SeenStep> _seen = [];

    public StackEyes(NetworkStack stack)
    {
        _stack = stack;
        stack.Tap = Take;
    }

    public string? InjectedVerdict { get; private set; }

    public void Drain(List<SeenStep> packets)
    {
        packets.AddRange(_seen);
        _seen.Clear();
    }

    public IEnumerable<(int Port, int Accept, int Limit)> Listeners()
    {
        var rows = new List<ListenerRow>();
        _stack.CopyListeners(rows);
        return rows.Select(r => ((int)r.Local.Port, r.AcceptCount, (int)r.Backlog));
    }

    public IReadOnlyList<RuleId> Rules() => [.. _stack.Ledger.Tallies.Select(t => t.Rule).Distinct()];

    public IReadOnlyDictionary<string, string> Texts(IReadOnlyList<string> commands) =>
        StackView.Texts(commands, _stack);

    public void Dispose() => _stack.Tap = null;

    private void Take(in TappedPacket packet)
    {
        if (packet.IsOutbound)
        {
            return;
        }

        string? verdict = null;
        foreach (LedgerEntry entry in packet.Verdicts)
        {
            string said = $"{entry.Rule}: {_stack.Ledger.Explain(entry)}";
            verdict = verdict is null ? said : $"{verdict}; {said}";
        }

        if (packet.Interface == LoopbackIndex)
        {
            _seen.Add(new SeenStep(packet.Time, packet.Bytes.ToArray(), verdict));
        }
        else
        {
            InjectedVerdict = verdict;
        }
    }
}

/// <summary>Sees the host kernel by a packet socket on loopback and by sock_diag.</summary>
internal sealed class HostEyes : IStepEyes
{
    private const int LoopbackIndex = 1;
    private const int MostKeptOfAPacket = 1500;

    private readonly PacketRing _ring;
    private readonly ListenerDiag _diag;
    private readonly Func<long, Instant> _moment;

    /// <summary>Opens both in the calling thread's namespace.</summary>
    /// <param name="moment">Turns the kernel's time into the target's.</param>
    public HostEyes(Func<long, Instant> moment)
    {
        _moment = moment;
        if (!PacketRing.TryOpen(LoopbackIndex, MostKeptOfAPacket, out PacketRing? ring, out string problem))
        {
            throw new CannotRunHereException($"packets cannot be captured here: {problem}");
        }

        _ring = ring;
        if (!ListenerDiag.TryOpen(out ListenerDiag? diag, out problem))
        {
            _ring.Dispose();
            throw new CannotRunHereException($"the kernel does not tell its listeners: {problem}");
        }

        _diag = diag;
    }

    public string? InjectedVerdict => null;

    public void Drain(List<SeenStep> packets)
    {
        _ring.Drain((time, packet, _, outgoing) =>
        {
            // On loopback every packet is sent and received; only the second is a packet.
            if (!outgoing)
            {
                packets.Add(new SeenStep(_moment(time), packet.ToArray()));
            }
        });
        if (_ring.TakeLost() is > 0 and int lost)
        {
            throw new ExperimentFailedException($"{lost} packets were not captured: the ring was full");
        }
    }

    public IEnumerable<(int Port, int Accept, int Limit)> Listeners()
    {
        var all = new List<(int Port, int Accept, int Limit)>();
        foreach (int family in (int[])[Libc.AfInet, Libc.AfInet6])
        {
            if (!_diag.TryRead(family, out List<(int Port, int Accept, int Limit)> rows, out string problem))
            {
                throw new ExperimentFailedException(problem);
            }

            all.AddRange(rows);
        }

        return all;
    }

    public IReadOnlyList<RuleId> Rules() => [];

    public IReadOnlyDictionary<string, string> Texts(IReadOnlyList<string> commands) => HostTools.Texts(commands);

    public void Dispose()
    {
        _diag.Dispose();
        _ring.Dispose();
    }
}
