using System;
using System.Collections.Generic;
using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Simulation.Scenarios;

/// <summary>What is looked at of a segment on the way.</summary>
/// <param name="Tuple">Whose it is, as the receiver sees it.</param>
/// <param name="Seq">Its sequence number.</param>
/// <param name="End">The sequence number after it.</param>
/// <param name="Ack">What it acknowledges; null: nothing.</param>
internal readonly record struct SeenSegment(FourTuple Tuple, SeqNumber Seq, SeqNumber End, SeqNumber? Ack);

/// <summary>Finds the connections of which an end was cut off for so long that it may give up: it asked again and
/// again, and each time the question or every answer was lost on the way.</summary>
/// <remarks>The least that gives up is a SYN-ACK that was sent six times in 31 seconds; a connection without a program
/// tries for 102 seconds, one with a program for a quarter of an hour. An end whose peer is silent without a loss is
/// not excused.</remarks>
/// <param name="isSlow">Whether answers may come too late because of others that wait before them.</param>
internal sealed class SilenceWatch(bool isSlow)
{
    private const int LeastRounds = 6;
    private const int LeastLostRounds = 4;

    private const int MostDoublings = 10;

    // Linux: tcp_probe_timer.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(120);

    // Linux: mcast_solicit, ucast_solicit.
    private const int LeastUnanswered = 3;
    private static readonly TimeSpan LeastSpan = TimeSpan.FromSeconds(30);

    // What was lost may be repaired piece by piece; a second timeout in a row then asks how long it has taken, and ends
    // an orphan after 102 seconds. Since timeouts double, the last retransmission before is at a third of that.
    // Linux: retransmits_timed_out, with tcp_orphan_retries.
    private static readonly TimeSpan RoundGap = TimeSpan.FromMilliseconds(100);

    // Questions that follow one another faster than this may be asked before the last answer was lost.
    private static readonly TimeSpan ClearGap = TimeSpan.FromSeconds(2);

    private readonly Dictionary<FourTuple, Silence> _silences = [];
    private readonly HashSet<int> _ports = [];
    private readonly HashSet<int> _slow = [];
    private readonly Dictionary<NeighbourQuestion, int> _unanswered = [];
    private readonly HashSet<ulong> _alone = [];

    /// <summary>Whether an end of the connection to a port was cut off.</summary>
    internal bool IsExcused(int port) => _ports.Contains(port);

    /// <summary>Whether an end of the connection to a port has asked so often in vain that its next pause is the
    /// longest there is: it has ended, though each question was answered, if no program holds it any more.</summary>
    internal bool AsksSlowly(int port) => _slow.Contains(port);

    /// <summary>A host sends a segment.</summary>
    internal void OnSent(in SeenSegment segment, Instant now)
    {
        FourTuple tuple = segment.Tuple;
        // The tuple is as the receiver sees it.
        Silence silence = Of(new FourTuple(tuple.Remote, tuple.Local));
        if (segment.End == segment.Seq && silence.HasSent && segment.Seq >= silence.SentEnd)
        {
            // An ACK asks for nothing; a probe has a number that was sent before.
            return;
        }

        NoteEnd(silence, segment, now);
        TimeSpan since = now - silence.Round;
        if (silence.Rounds > 0 && since < RoundGap)
        {
            return;
        }

        // The timeout doubles with each round, and the pause of a probe is the timeout doubled as often once more.
        if (silence.Rounds > 1 && since.Ticks * 2 << Math.Min(silence.Rounds, MostDoublings) >= LongestPause.Ticks)
        {
            _slow.Add(Port(tuple));
        }

        silence.Lost = silence.IsRoundLost || (silence.Rounds > 0 && since < ClearGap) ? silence.Lost : 0;
        silence.First = silence.Rounds == 0 ? now : silence.First;
        silence.Round = now;
        silence.Rounds++;
        silence.IsRoundLost = false;
    }

    // A loss is not repaired before everything that had been sent is acknowledged.
    private static void NoteEnd(Silence silence, in SeenSegment segment, Instant now)
    {
        if (segment.End > segment.Seq && silence.HasSent && segment.End <= silence.SentEnd)
        {
            silence.Repairing = silence.Repairing == default ? now : silence.Repairing;
            silence.RepairedAt = silence.SentEnd;
        }

        if (!silence.HasSent || segment.End > silence.SentEnd)
        {
            silence.HasSent = true;
            silence.SentEnd = segment.End;
        }
    }

    /// <summary>A segment is lost on the way: it was a question of its sender, and an answer to its receiver.</summary>
    internal void OnLost(in SeenSegment segment, Instant now)
    {
        FourTuple tuple = segment.Tuple;
        Lose(tuple, now);
        Lose(new FourTuple(tuple.Remote, tuple.Local), now);
    }

    /// <summary>Whether a host asked for a neighbour in vain.</summary>
    internal bool IsAlone(int host) => _alone.Contains(Station(host));

    /// <summary>The address of a host on Ethernet.</summary>
    internal static ulong Station(int host) => 0x0200_0000_0000UL + (ulong)host + 1;

    /// <summary>What finds neighbours is lost: a question of its sender, or an answer to its receiver.</summary>
    internal void OnNeighbourLost(in EthernetFrame frame, Instant now)
    {
        if (NeighbourQuestion.TryFind(frame, out NeighbourQuestion question, out _))
        {
            CountUnanswered(question, isSlow ? 1 : LeastUnanswered);
        }

        foreach (FourTuple tuple in _silences.Keys)
        {
            Lose(tuple, now);
        }
    }

    /// <summary>A host sends what finds neighbours: where answers are slow, three may be asked for in vain.</summary>
    internal void OnNeighbourAsked(in EthernetFrame frame)
    {
        if (isSlow && NeighbourQuestion.TryFind(frame, out NeighbourQuestion question, out _))
        {
            CountUnanswered(question, LeastUnanswered);
        }
    }

    /// <summary>What finds neighbours comes to a host.</summary>
    internal void OnNeighbourHeard(in EthernetFrame frame)
    {
        if (NeighbourQuestion.TryFind(frame, out NeighbourQuestion question, out bool isAnswer) && isAnswer)
        {
            _unanswered.Remove(question);
        }
    }

    /// <summary>What finds neighbours comes damaged. ARP has no checksum: an address that nobody has may be remembered.
    /// </summary>
    internal void OnNeighbourMisheard(in EthernetFrame frame)
    {
        if (frame.Type == EthernetFrame.TypeArp)
        {
            _alone.Add(frame.Source.Bits);
            _alone.Add(frame.Destination.Bits);
        }
    }

    private void CountUnanswered(in NeighbourQuestion question, int least)
    {
        int lost = _unanswered.GetValueOrDefault(question) + 1;
        _unanswered[question] = lost;
        if (lost >= least)
        {
            _alone.Add(question.Asker);
        }
    }

    /// <summary>A sound segment comes to a host. An end hears of the other when it learns something: a byte that is
    /// new, or that one of its own arrived.</summary>
    internal void OnHeard(in SeenSegment segment)
    {
        Silence silence = Of(segment.Tuple);
        bool isFirst = !silence.HasHeard;
        bool isNews = isFirst || segment.End > silence.HeardEnd;
        silence.HeardEnd = isNews ? segment.End : silence.HeardEnd;
        if (segment.Ack is { } ack && (!silence.HasHeardAck || ack > silence.HeardAck))
        {
            isNews = true;
            silence.HasHeardAck = true;
            silence.HeardAck = ack;
            silence.Repairing = ack >= silence.RepairedAt ? default : silence.Repairing;
        }

        silence.HasHeard = true;
        if (isNews)
        {
            silence.Rounds = silence.Lost = 0;
            silence.IsRoundLost = false;
        }
    }

    private void Lose(in FourTuple tuple, Instant now)
    {
        Silence silence = Of(tuple);
        if (silence.Rounds == 0 || silence.IsRoundLost)
        {
            return;
        }

        silence.IsRoundLost = true;
        silence.Lost++;
        bool isSilent = silence.Rounds >= LeastRounds && silence.Lost >= LeastLostRounds
            && now - silence.First >= LeastSpan;
        bool isBroken = silence.Lost > 1 && silence.Repairing != default && now - silence.Repairing >= LeastSpan;
        if (isSilent || isBroken)
        {
            _ports.Add(Port(tuple));
        }
    }

    // The talks' servers have the low ports.
    private static int Port(in FourTuple tuple) => Math.Min(tuple.Local.Port, tuple.Remote.Port);

    private Silence Of(in FourTuple tuple)
    {
        if (!_silences.TryGetValue(tuple, out Silence? silence))
        {
            _silences.Add(tuple, silence = new Silence());
        }

        return silence;
    }

    // Since an end last heard something of the other: the times at which it asked.
    private sealed class Silence
    {
        internal Instant First { get; set; }

        internal Instant Round { get; set; }

        internal int Rounds { get; set; }

        // Rounds in a row in which something was lost.
        internal int Lost { get; set; }

        internal bool IsRoundLost { get; set; }

        internal bool HasSent { get; set; }

        internal SeqNumber SentEnd { get; set; }

        // Since when something is being repaired, and up to where.
        internal Instant Repairing { get; set; }

        internal SeqNumber RepairedAt { get; set; }

        internal bool HasHeard { get; set; }

        internal bool HasHeardAck { get; set; }

        internal SeqNumber HeardEnd { get; set; }

        internal SeqNumber HeardAck { get; set; }
    }
}
