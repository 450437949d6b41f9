using System;
using Earshot.Core.Congestion;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Established;

/// <content>Finding the path's MTU by larger and larger segments (RFC 4821). Linux: tcp_mtu_probe.</content>
internal sealed partial class Connection
{
    // Smaller windows cannot spare the packet that a probe may lose.
    private const int LeastProbingWindow = 11;


    /// <summary>Bytes of IP and TCP headers of a segment.</summary>
    private int HeadersOfSegment => IpPacket.HeaderLengthFor(_tuple.Remote.Address) + TcpSegment.MinimumHeaderLength
        + (_hasTimestamps ? TcpOptions.TimestampLength : 0);

    /// <summary>The peer's largest segment. Linux: mss_clamp.</summary>
    private int LargestSegment => _peerMss == 0 ? DefaultMss(_tuple.Remote.Address) : _peerMss;

    private int MtuOf(int mss) => mss + HeadersOfSegment;

    /// <summary>The payload of a full segment in packets of a size. Linux: tcp_mtu_to_mss.</summary>
    private int MssOf(int mtu)
    {
        int timestamps = _hasTimestamps ? TcpOptions.TimestampLength : 0;
        int mss = Math.Min(mtu - HeadersOfSegment + timestamps, LargestSegment);
        return Math.Max(mss, _context.Sysctls.TcpMinSndMss) - timestamps;
    }

    /// <summary>What probing allows of a segment size. Linux: the end of tcp_sync_mss.</summary>
    private int BoundByProbing(int mss) =>
        KnownMtuProbe is { IsEnabled: true } probe ? Math.Min(mss, MssOf(probe.Low)) : mss;

    /// <summary>Probing begins with the connection, if it is to. Linux: tcp_mtup_init.</summary>
    /// <param name="stamped">Whether segments are expected to have time stamps: a SYN does, whatever its
    /// answer.</param>
    private void StartMtuProbing(bool stamped)
    {
        if (KnownMtuProbe is not null)
        {
            Extras.MtuProbe = null;
        }

        if (_context.Sysctls.TcpMtuProbing > 1)
        {
            MtuProbe probe = Extras.MtuProbe = NewMtuProbe();
            probe.IsEnabled = true;
            probe.Low += stamped && !_hasTimestamps ? TcpOptions.TimestampLength : 0;
        }
    }

    private MtuProbe NewMtuProbe() => new()
    {
        High = LargestSegment + HeadersOfSegment - (_hasTimestamps ? TcpOptions.TimestampLength : 0),
        Low = MtuOf(_context.Sysctls.TcpBaseMss),
        Begun = (uint)_context.Jiffies,
    };

    /// <summary>Sends a larger segment than others, if that is useful now.</summary>
    /// <returns>1 when one was sent, 0 when there has to be room for one first, -1 else.</returns>
    private int TryProbeMtu(int mss)
    {
        MtuProbe probe = KnownMtuProbe!;
        if (!probe.IsEnabled || probe.Size != 0 || _recovery != RecoveryState.Open
            || Control.Window < LeastProbingWindow || mss != _mss)
        {
            return -1;
        }

        int size = MssOf((probe.High + probe.Low) >> 1);
        if (size > MssOf(probe.High) || probe.High - probe.Low < _context.Sysctls.TcpProbeThreshold)
        {
            ProbeAgain(probe, mss);
            return -1;
        }

        int needed = size + ((Reordering + 1) * _mss);
        int window = (int)(_una.Value + _sendWindow - _nxt.Value);
        if (_writeSeq - _nxt < needed || _sendWindow < needed)
        {
            return -1;
        }

        if (window < needed)
        {
            return 0;
        }

        if (PacketsInFlight + 2 > Control.Window)
        {
            return PacketsInFlight == 0 ? -1 : 0;
        }

        return CanGatherHead(size) && !IsPaceClosed() && FitsOwnLink(size) && SendMtuProbe(probe, size) ? 1 : -1;
    }

    /// <summary>Whether IP takes a probe at all: the peer's MSS may be larger than our own way out. Linux:
    /// ip_fragment.</summary>
    private bool FitsOwnLink(int size)
    {
        if (MtuOf(size) <= _route.Mtu || _route.IsLocal)
        {
            return true;
        }

        bool isIPv4 = _tuple.Remote.Address.IsIPv4;
        _context.Mib.Count(isIPv4 ? Counter.IpOutRequests : Counter.Ip6OutRequests);
        _context.Mib.Count(isIPv4 ? Counter.IpFragFails : Counter.Ip6FragFails);
        return false;
    }

    /// <summary>Whether no record ends in so many bytes. Linux: tcp_can_coalesce_send_queue_head.</summary>
    private bool CanGatherHead(int length)
    {
        while (Unsent.Head.End - _nxt < length)
        {
            if (Unsent.Count == 1 || Unsent.Head.Has(UnsentFlags.EndOfRecord))
            {
                return false;
            }

            GrowHead(Unsent.Head.End - _nxt, length);
        }

        return true;
    }

    private bool SendMtuProbe(MtuProbe probe, int size)
    {
        SeqNumber start = _nxt;
        if (!SendNew(size, size))
        {
            return false;
        }

        Control.Window--;
        probe.Size = MtuOf(size);
        probe.Start = start;
        probe.End = _nxt;
        return true;
    }

    /// <summary>Long after the search ended the path may have changed. Linux: tcp_mtu_check_reprobe.</summary>
    private void ProbeAgain(MtuProbe probe, int mss)
    {
        uint passed = (uint)_context.Jiffies - probe.Begun;
        if (passed >= _context.Sysctls.TcpProbeInterval * (uint)_context.Clock.Hz)
        {
            MtuProbe fresh = NewMtuProbe();
            probe.High = fresh.High;
            probe.Low = MtuOf(mss);
            probe.Begun = fresh.Begun;
        }
    }

    /// <summary>A probe that arrived makes all segments as large. Linux: tcp_mtup_probe_success.</summary>
    private void CheckMtuProbe()
    {
        if (KnownMtuProbe is not { Size: > 0 } probe || probe.End > _una)
        {
            return;
        }

        long window = (long)Control.Window * MtuOf(_mss) / probe.Size;
        Control.Window = (int)Math.Max(1, window);
        Control.Credit = 0;
        Sender.WindowStamp = (uint)_context.Jiffies;
        Control.Threshold = KeptThreshold;
        probe.Low = probe.Size;
        probe.Size = 0;
        SetMss();
        _context.Mib.Count(Counter.TcpExtTCPMTUPSuccess);
    }

    /// <summary>Something was sent again: what a probe found out cannot be told. Linux:
    /// __tcp_retransmit_skb.</summary>
    private void ForgetMtuProbe()
    {
        if (KnownMtuProbe is { } probe)
        {
            probe.Size = 0;
        }
    }

    /// <summary>A probe was lost, which says nothing of congestion. Linux: tcp_mtup_probe_failed.</summary>
    partial void FailMtuProbe(ref bool failed)
    {
        if (KnownMtuProbe is not { Size: > 0 } probe || probe.Start != _una)
        {
            return;
        }

        probe.High = probe.Size - 1;
        probe.Size = 0;
        _context.Mib.Count(Counter.TcpExtTCPMTUPFail);
        Control.Window++;
        ResendTooLarge();
        failed = true;
    }

    /// <summary>Timeouts in a row may come from large packets vanishing: smaller ones are tried. Linux:
    /// tcp_mtu_probing.</summary>
    private void SuspectBlackHole()
    {
        Sysctls sysctls = _context.Sysctls;
        if (sysctls.TcpMtuProbing == 0)
        {
            return;
        }

        MtuProbe probe = Extras.MtuProbe ??= NewMtuProbe();
        if (!probe.IsEnabled)
        {
            probe.IsEnabled = true;
            probe.Begun = (uint)_context.Jiffies;
        }
        else
        {
            int mss = Math.Min(sysctls.TcpBaseMss, MssOf(probe.Low) >> 1);
            mss = Math.Max(Math.Max(mss, sysctls.TcpMtuProbeFloor), sysctls.TcpMinSndMss);
            probe.Low = MtuOf(mss);
        }

        SetMss();
    }
}
