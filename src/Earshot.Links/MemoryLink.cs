using System;

using Earshot.Links.Native;

namespace Earshot.Links;

/// <summary>One end of a bare pipe between two pumps of the same process: bounded, in order, without loss.</summary>
public sealed class MemoryLink : ILink
{
    /// <summary>The smallest MTU, in bytes (RFC 791 §3.2: every internet module forwards 68 octets).</summary>
    public const int MinMtu = 68;

    /// <summary>The most packets a direction may be made to hold.</summary>
    public const int MaxCapacity = 1 << 20;

    private readonly MemoryPipe _incoming;
    private readonly MemoryPipe _outgoing;
    private readonly Sleeper _sleeper = new();
    private MemoryLink? _peer;
    private volatile bool _disposed;
    private volatile bool _sendRefused;
    private int _lastTaken;
    private long _received;
    private long _told;

    private MemoryLink(string name, int mtu, LinkOffload offload, MemoryPipe incoming, MemoryPipe outgoing)
    {
        Name = name;
        Mtu = mtu;
        Offload = offload;
        _incoming = incoming;
        _outgoing = outgoing;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Mtu { get; }

    /// <inheritdoc/>
    public LinkOffload Offload { get; }

    /// <inheritdoc/>
    public long ReceiveOversized { get; private set; }

    /// <inheritdoc/>
    public long SendDropped { get; private set; }

    /// <inheritdoc/>
    /// <remarks>Those that the other end has received, and the dropped ones.</remarks>
    public long SendCompleted => _told = Completed;

    // The reader's index wraps; it never moves by so much between two looks that the difference would.
    private long Completed
    {
        get
        {
            int taken = _outgoing.Taken;
            _received += taken - _lastTaken;
            _lastTaken = taken;
            return _received + SendDropped;
        }
    }

    private bool TellsCompletion => (Offload & LinkOffload.Completion) != 0;

    /// <summary>Makes a pipe and returns its two ends.</summary>
    /// <param name="mtu">The longest single packet, in bytes: 68 … 65 575.</param>
    /// <param name="capacityPackets">How many packets wait in either direction before sending is refused: at least 1.
    /// Memory is taken as packets queue up (a block of the MTU's size each; 64 KB for a super-packet) and kept.</param>
    /// <param name="offload">
    /// What senders may leave undone. Nothing is done later: no wire can damage the packets, so the other end gets them
    /// with the same <see cref="LinkPacketInfo"/>, super-packets in one piece. With
    /// <see cref="LinkOffload.Completion"/> the pipe is a cable whose queue counts: it is done with a packet when the
    /// other end receives it.
    /// </param>
    /// <returns>The two ends, equal in everything but the name.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is outside its range.</exception>
    /// <exception cref="ArgumentException">Segmentation was asked for without checksum offload.</exception>
    public static (MemoryLink A, MemoryLink B) CreatePair(
        int mtu = 1500, int capacityPackets = 1024, LinkOffload offload = LinkOffload.None)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(mtu, MinMtu);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(mtu, LinkPacketInfo.MaxPacketLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(capacityPackets, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacityPackets, MaxCapacity);
        if ((offload & (LinkOffload.Segmentation | LinkOffload.Checksum)) == LinkOffload.Segmentation)
        {
            throw new ArgumentException("Segmentation offload needs checksum offload.", nameof(offload));
        }

        MemoryPipe there = new(mtu, capacityPackets);
        MemoryPipe back = new(mtu, capacityPackets);
        MemoryLink a = new("memory-a", mtu, offload, incoming: back, outgoing: there);
        MemoryLink b = new("memory-b", mtu, offload, incoming: there, outgoing: back);
        a._peer = b;
        b._peer = a;
        return (a, b);
    }

    /// <inheritdoc/>
    public int Receive(Span<byte> buffer, out LinkPacketInfo info)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        int length;
        while ((length = _incoming.Read(buffer, out info)) != 0)
        {
            if ((_peer!._sendRefused && _incoming.IsHalfFree) || TellsCompletion)
            {
                _peer._sleeper.SignalIfSleeping();
            }

            if (length > 0)
            {
                return length;
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
        int longest = info.SegmentSize == 0 ? Mtu : LinkPacketInfo.MaxPacketLength;
        if (packet.IsEmpty || packet.Length > longest || _peer!._disposed)
        {
            SendDropped++;
            return true;
        }

        if (!_outgoing.TryWrite(packet, info))
        {
            _sendRefused = true;
            return false;
        }

        if (_sendRefused)
        {
            _sendRefused = false;
        }

        _peer._sleeper.SignalIfSleeping();
        return true;
    }

    /// <inheritdoc/>
    public bool Wait(TimeSpan timeout)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        LinkTimeout.Check(timeout);

        if (HasWork())
        {
            _sleeper.TryConsume();
            return true;
        }

        if (timeout == TimeSpan.Zero)
        {
            return _sleeper.TryConsume();
        }

        if (!_sleeper.TryBegin())
        {
            return true;
        }

        // Room is told once, so what the second look finds has to be kept.
        bool work = HasWork();
        try
        {
            // A dispose between the check above and the announcement may have seen nobody asleep.
            if (!work && !_disposed)
            {
                DeviceInterest none = default;
                _sleeper.Park(timeout, ref none);
            }
        }
        catch (ObjectDisposedException)
        {
            // Disposed between the announcement and the sleep: the wait is over.
        }

        return _sleeper.End() | work | HasWork();
    }

    /// <inheritdoc/>
    public void Wake() => _sleeper.Signal();

    /// <summary>Takes this end away: the other end's packets are dropped and counted from now on.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _sleeper.Dispose();
        _peer!._sleeper.Signal();
    }

    /// <summary>Whether there is a packet to read, or room for one that was refused; the latter is told once.</summary>
    private bool HasWork()
    {
        bool work = _incoming.HasPacket || (TellsCompletion && Completed != _told);
        if (_sendRefused && (_outgoing.IsHalfFree || _peer!._disposed))
        {
            _sendRefused = false;
            work = true;
        }

        return work;
    }
}
