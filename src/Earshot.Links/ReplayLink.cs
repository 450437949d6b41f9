using System;
using System.Diagnostics;
using System.Threading;
using Earshot.Links.Native;

namespace Earshot.Links;

/// <summary>How a capture is replayed.</summary>
public sealed record ReplayOptions
{
    /// <summary>How many times faster than recorded; 0 (the default): as fast as it is read.</summary>
    public double Speed { get; init; }

    /// <summary>Whether Ethernet frames stay frames, for an Ethernet interface; else the IP packets in them are taken
    /// out and frames without one left out. Off by default.</summary>
    public bool KeepsFrames { get; init; }

    /// <summary>The MTU that the link shows, in bytes; 65535 by default.</summary>
    public int Mtu { get; init; } = 65535;
}

/// <summary>A link whose packets come from a capture; what is sent into it is counted and forgotten.</summary>
public sealed class ReplayLink : ILink
{
    private readonly CaptureReader _reader;
    private readonly ReplayOptions _options;
    private readonly Sleeper _sleeper = new();
    private readonly long _started = Stopwatch.GetTimestamp();
    private ReadOnlyMemory<byte> _next;
    private bool _hasNext;
    private long _first = -1;
    private TimeSpan _due;
    private volatile bool _disposed;

    /// <summary>Replays a capture.</summary>
    /// <param name="reader">The capture, which the link disposes.</param>
    /// <param name="options">How.</param>
    /// <exception cref="ArgumentOutOfRangeException">The speed is negative or no number.</exception>
    public ReplayLink(CaptureReader reader, ReplayOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _options = options ?? new ReplayOptions();
        if (!(_options.Speed >= 0) || double.IsInfinity(_options.Speed))
        {
            throw new ArgumentOutOfRangeException(nameof(options), "A speed is 0 or more.");
        }

        _reader = reader;
    }

    /// <inheritdoc/>
    public string Name => "replay";

    /// <inheritdoc/>
    public int Mtu => _options.Mtu;

    /// <inheritdoc/>
    public bool IsEthernet => _options.KeepsFrames;

    /// <inheritdoc/>
    public LinkOffload Offload => LinkOffload.None;

    /// <inheritdoc/>
    public long ReceiveOversized { get; private set; }

    /// <summary>Packets left out: cut when they were captured, or without IP.</summary>
    public long Skipped { get; private set; }

    /// <summary>Packets handed over.</summary>
    public long Replayed { get; private set; }

    /// <summary>Packets that were sent into the link; there is nobody who would take them.</summary>
    public long SendDropped { get; private set; }

    /// <summary>Whether the capture is over.</summary>
    public bool IsOver { get; private set; }

    /// <summary>What is wrong with the capture, if it could not be read to its end.</summary>
    public string? Failure { get; private set; }

    /// <inheritdoc/>
    public int Receive(Span<byte> buffer, out LinkPacketInfo info)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        info = default;
        while (TryPrepare() && IsDue())
        {
            _hasNext = false;
            if (_next.Length <= buffer.Length)
            {
                _next.Span.CopyTo(buffer);
                Replayed++;
                return _next.Length;
            }

            ReceiveOversized++;
        }

        return 0;
    }

    /// <inheritdoc/>
    public bool TrySend(ReadOnlySpan<byte> packet, in LinkPacketInfo info)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        info.CheckForSending(packet.Length, Offload);
        SendDropped++;
        return true;
    }

    /// <inheritdoc/>
    public bool Wait(TimeSpan timeout)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        LinkTimeout.Check(timeout);

        bool more = TryPrepare();
        if ((more && IsDue()) || !_sleeper.TryBegin())
        {
            return true;
        }

        TimeSpan left = more ? _due - Stopwatch.GetElapsedTime(_started) : Timeout.InfiniteTimeSpan;
        bool isSooner = more && (timeout == Timeout.InfiniteTimeSpan || left < timeout);
        DeviceInterest nothing = default;
        _sleeper.Park(isSooner ? Positive(left) : timeout, ref nothing);
        return _sleeper.End() || isSooner;
    }

    /// <inheritdoc/>
    public void Wake() => _sleeper.Signal();

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _sleeper.Dispose();
            _reader.Dispose();
        }
    }

    private static TimeSpan Positive(TimeSpan span) => span < TimeSpan.Zero ? TimeSpan.Zero : span;

    private bool IsDue() => _options.Speed == 0 || Stopwatch.GetElapsedTime(_started) >= _due;

    private bool TryPrepare()
    {
        while (!_hasNext && !IsOver)
        {
            try
            {
                IsOver = !_reader.TryRead(out CapturedPacket packet);
                if (!IsOver)
                {
                    Take(packet);
                }
            }
            catch (System.IO.InvalidDataException error)
            {
                Failure = error.Message;
                IsOver = true;
            }
        }

        return _hasNext;
    }

    private void Take(in CapturedPacket packet)
    {
        bool isFrame = packet.LinkType == CapturedPacket.Ethernet && packet.Bytes.Length == packet.OriginalLength;
        _next = packet.Bytes;
        _hasNext = _options.KeepsFrames ? isFrame : packet.TryGetIpPacket(out _next);
        if (!_hasNext)
        {
            Skipped++;
            return;
        }

        _first = _first < 0 ? packet.TimeNanoseconds : _first;
        double nanoseconds = Math.Max(0, packet.TimeNanoseconds - _first) / Math.Max(_options.Speed, double.Epsilon);
        double most = TimeSpan.FromDays(365).TotalNanoseconds;
        _due = TimeSpan.FromTicks((long)(Math.Min(nanoseconds, most) / TimeSpan.NanosecondsPerTick));
    }
}
