using System.Collections.Generic;
using System.Linq;
using Earshot.Lab.Packetdrill;

namespace Earshot.Lab.Fuzz;

/// <summary>What a peer knows of the host: where the numbers of both streams stand. It turns a step's numbers, which
/// are the same on every host, into those of this one.</summary>
/// <param name="peerIsn">The peer's initial number.</param>
internal sealed class PeerView(uint peerIsn)
{
    // Timestamps of peers begin here.
    private const uint PeerClock = 100_000;

    // The ends of the segments that the host has sent, counted from its initial number.
    private readonly SortedSet<int> _ends = [];
    private uint _hostAck;
    private uint _hostEdge;
    private int _hostScale;
    private int _sent;
    private int _acknowledged;
    private (int Start, int End) _twice;
    private uint? _firstTsVal;
    private uint? _lastTsVal;

    /// <summary>The peer's initial number.</summary>
    public uint PeerIsn => peerIsn;

    /// <summary>The host's initial number, as soon as it has told one.</summary>
    public uint Isn { get; private set; } = 0x70000000;

    /// <summary>The highest number that this peer has acknowledged.</summary>
    public uint Acknowledged => Isn + (uint)_acknowledged;

    /// <summary>Notes a segment of the host.</summary>
    /// <param name="seen">The segment.</param>
    /// <param name="isEstablished">Whether a peer echoes every timestamp, not the SYN's alone.</param>
    public void Take(SeenSegment seen, bool isEstablished)
    {
        bool isSyn = seen.Has(Flag.Syn);
        if (isSyn && (seen.Has(Flag.Ack) || isEstablished))
        {
            Isn = seen.Sequence;
            _hostScale = (int)(seen.Options.FirstOrDefault(o => o.Kind == OptionKind.WindowScale)?.Number ?? 0);
        }

        foreach (OptionPattern option in seen.Options.Where(o => o.Kind == OptionKind.Timestamp))
        {
            // A peer that is not yet connected echoes the SYN-ACK, whatever else it was sent.
            _firstTsVal = isSyn ? option.Number : _firstTsVal;
            _lastTsVal = isSyn || isEstablished ? option.Number : _lastTsVal;
        }

        if (seen.Has(Flag.Rst))
        {
            return;
        }

        if (seen.Has(Flag.Ack))
        {
            _hostAck = seen.Acknowledgment;
            _hostEdge = _hostAck + ((uint)seen.Window << (isSyn ? 0 : _hostScale));
        }

        int start = (int)(seen.Sequence - Isn);
        int end = start + seen.Payload.Length + (isSyn ? 1 : 0) + (seen.Has(Flag.Fin) ? 1 : 0);
        if (end <= start)
        {
            return;
        }

        if (end <= _sent)
        {
            _twice = (start, end);
        }

        _ends.Add(end);
        _sent = end > _sent ? end : _sent;
    }

    /// <summary>The two numbers of a segment.</summary>
    public (uint Sequence, uint Acknowledgment) Numbers(SegmentStep step)
    {
        uint sequence = step.SeqFrom switch
        {
            SeqBase.Acknowledged => _hostAck + (uint)step.Seq,
            SeqBase.WindowEdge => _hostEdge + (uint)step.Seq,
            _ => peerIsn + (uint)step.Seq,
        };
        if ((step.Flags & Flag.Ack) == 0)
        {
            return (sequence, 0);
        }

        int acknowledgment = step.Ack + step.AckFrom switch
        {
            AckBase.Acknowledged => _acknowledged,
            AckBase.Sent => _sent,
            AckBase.Segment => EndOf(step.AckIndex) ?? _sent,
            _ => 0,
        };
        if (acknowledgment > _acknowledged && acknowledgment <= _sent)
        {
            _acknowledged = acknowledgment;
        }

        return (sequence, Isn + (uint)acknowledgment);
    }

    /// <summary>The options of a segment.</summary>
    public List<OptionPattern> Options(SegmentStep step)
    {
        var options = new List<OptionPattern>();
        if (step.Mss > 0)
        {
            options.Add(new OptionPattern(OptionKind.Mss) { Number = step.Mss });
        }

        if (step.Sack)
        {
            options.Add(new OptionPattern(OptionKind.SackPermitted));
        }

        if (step.Echo == Echo.Zero || (step.Echo != Echo.None && _lastTsVal is not null))
        {
            uint last = _lastTsVal ?? 0;
            uint echo = step.Echo switch
            {
                Echo.Live => last,
                Echo.Zero => 0,
                Echo.First => _firstTsVal ?? 0,
                Echo.Future => last + 1_000_000,
                _ => last - 1_000_000,
            };
            options.Add(new OptionPattern(OptionKind.Nop));
            options.Add(new OptionPattern(OptionKind.Nop));
            options.Add(new OptionPattern(OptionKind.Timestamp)
            {
                Number = PeerClock + (uint)step.ClockOffset,
                Echo = echo,
            });
        }

        if (step.Scale >= 0)
        {
            options.Add(new OptionPattern(OptionKind.WindowScale) { Number = (uint)step.Scale });
        }

        List<(uint, uint)> ranges = Ranges(step);
        if (ranges.Count > 0)
        {
            options.Add(new OptionPattern(OptionKind.Nop));
            options.Add(new OptionPattern(OptionKind.Nop));
            options.Add(new OptionPattern(OptionKind.Sack) { Ranges = ranges });
        }

        return options;
    }

    private List<(uint Left, uint Right)> Ranges(SegmentStep step)
    {
        const int most = 3;
        var ranges = new List<(uint, uint)>();
        if (step.IsDuplicate && _twice.End > 0)
        {
            ranges.Add((Isn + (uint)_twice.Start, Isn + (uint)_twice.End));
        }

        foreach ((int first, int last) in step.Sacks)
        {
            int? left = first == 0 ? _acknowledged : EndOf(first - 1);
            if (left is { } start && EndOf(last) is { } end && ranges.Count < most)
            {
                ranges.Add((Isn + (uint)start, Isn + (uint)end));
            }
        }

        return ranges;
    }

    private int? EndOf(int index)
    {
        foreach (int end in _ends.GetViewBetween(_acknowledged + 1, int.MaxValue))
        {
            if (index-- == 0)
            {
                return end;
            }
        }

        return null;
    }
}
