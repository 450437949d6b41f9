using System;
using System.Runtime.InteropServices;
using Earshot.Links.Native;
using Microsoft.Win32.SafeHandles;

namespace Earshot.Links;

/// <summary>A link of Ethernet frames on one of the host's own devices: AF_PACKET with a ring that the kernel fills
/// (TPACKET_V3) and many frames a call going out (sendmmsg).</summary>
/// <remarks>
/// The kernel goes on using the device: the stack needs addresses that the host does not have, or the host will answer
/// too. Frames handed to <see cref="TrySend"/> leave with the next <see cref="Receive"/> or <see cref="Wait"/>, at the
/// latest when <see cref="SendBatch"/> of them wait.
/// </remarks>
public sealed unsafe class PacketSocketLink : ILink
{
    /// <summary>Frames that leave by one system call at most.</summary>
    public const int SendBatch = 64;

    private const int HeaderLength = 14;
    private const int SendBytes = 1 << 19;

    private readonly SafeFileHandle _socket;
    private readonly Sleeper _sleeper = new();
    private readonly PacketRing _ring;
    private readonly byte[] _frames = GC.AllocateUninitializedArray<byte>(SendBytes, pinned: true);
    private readonly int[] _lengths = new int[SendBatch];
    private volatile bool _disposed;
    private int _waiting;
    private int _used;
    private bool _sendRefused;

    private PacketSocketLink(SafeFileHandle socket, PacketRing ring, string name, int mtu, byte[] address)
    {
        _socket = socket;
        _ring = ring;
        Name = name;
        Mtu = mtu;
        HardwareAddress = address;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Mtu { get; }

    /// <inheritdoc/>
    public bool IsEthernet => true;

    /// <summary>The device's own Ethernet address, six bytes.</summary>
    public ReadOnlyMemory<byte> HardwareAddress { get; }

    /// <inheritdoc/>
    public LinkOffload Offload => LinkOffload.None;

    /// <inheritdoc/>
    public long ReceiveOversized { get; private set; }

    /// <summary>Frames that the kernel dropped because the ring was full.</summary>
    public long ReceiveDropped => _disposed ? 0 : PacketSocket.Drops(_socket);

    /// <inheritdoc/>
    public long SendDropped { get; private set; }

    /// <summary>Listens on a device.</summary>
    /// <param name="name">The device, which has to exist.</param>
    /// <param name="options">How.</param>
    /// <returns>The link.</returns>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    /// <exception cref="LinkException">The device cannot be listened on; the message says why and what to
    /// do.</exception>
    /// <exception cref="ArgumentException">The ring's measures are out of their ranges.</exception>
    public static PacketSocketLink Open(string name, PacketSocketOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        options ??= new PacketSocketOptions();
        bool isPower = (options.BlockBytes & (options.BlockBytes - 1)) == 0;
        if (options.BlockBytes < PacketSocketOptions.LeastBlockBytes || !isPower || options.Blocks < 2
            || (long)options.BlockBytes * options.Blocks > PacketSocketOptions.MostRingBytes
            || options.BlockTimeout < TimeSpan.FromMilliseconds(1))
        {
            throw new ArgumentException(
                "A ring has at least 2 blocks of a power of two from 128 KiB, 256 MiB in all, and a timeout of at "
                + "least 1 ms.", nameof(options));
        }

        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException(
                "Packet sockets are Linux's; on this system use a MemoryLink or a simulated wire.");
        }

        SafeFileHandle socket = PacketSocket.Open(name, options.Promiscuous);
        try
        {
            PacketRing ring = PacketSocket.MapRing(socket, options);
            return new PacketSocketLink(socket, ring, name, TunDevice.Mtu(name), PacketSocket.Address(name));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public int Receive(Span<byte> buffer, out LinkPacketInfo info)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Flush();
        while (_ring.TryNext(out ReadOnlySpan<byte> frame, out bool isGood))
        {
            if (frame.Length > buffer.Length)
            {
                ReceiveOversized++;
                continue;
            }

            // A frame of this very host may have its checksum left to a device that it never reached.
            info = new LinkPacketInfo(isGood ? LinkPacketFlags.ChecksumGood : LinkPacketFlags.None);
            frame.CopyTo(buffer);
            return frame.Length;
        }

        info = default;
        return 0;
    }

    /// <inheritdoc/>
    public bool TrySend(ReadOnlySpan<byte> packet, in LinkPacketInfo info)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        info.CheckForSending(packet.Length, Offload);
        if (packet.Length is < HeaderLength or > SendBytes)
        {
            SendDropped++;
            return true;
        }

        if (_waiting == SendBatch || _used + packet.Length > SendBytes)
        {
            Flush();
            if (_waiting > 0)
            {
                _sendRefused = true;
                return false;
            }
        }

        packet.CopyTo(_frames.AsSpan(_used));
        _lengths[_waiting++] = packet.Length;
        _used += packet.Length;
        return true;
    }

    /// <inheritdoc/>
    public bool Wait(TimeSpan timeout)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        LinkTimeout.Check(timeout);

        Flush();
        if (_ring.HasNext || !_sleeper.TryBegin())
        {
            return true;
        }

        bool ready = false;
        try
        {
            DeviceInterest interest = new()
            {
                Device = _socket,
                Events = (short)(LibC.PollIn | (_sendRefused || _waiting > 0 ? LibC.PollOut : 0)),
            };
            ready = !_disposed && _sleeper.Park(timeout, ref interest);
            _sendRefused &= (interest.Ready & LibC.PollOut) == 0;
        }
        catch (ObjectDisposedException)
        {
            // Disposed between the announcement and the sleep: the wait is over.
        }

        return _sleeper.End() || ready;
    }

    /// <inheritdoc/>
    public void Wake() => _sleeper.Signal();

    /// <summary>Lets the device go.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _sleeper.Dispose();
        _socket.Dispose();
        _ring.Dispose();
    }

    // What the kernel does not take now stays; what it refuses is dropped and counted.
    private void Flush()
    {
        if (_waiting == 0)
        {
            return;
        }

        int sent = 0;
        int at = 0;
        while (sent < _waiting)
        {
            int taken = PacketSocket.Send(_socket, _frames, at, _lengths.AsSpan(sent, _waiting - sent));
            if (taken <= 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                if (errno == Errno.Interrupted)
                {
                    continue;
                }

                if (errno is Errno.TryAgain or Errno.NoBuffers)
                {
                    break;
                }

                SendDropped++;
                taken = 1;
            }

            for (int i = 0; i < taken; i++)
            {
                at += _lengths[sent++];
            }
        }

        _lengths.AsSpan(sent, _waiting - sent).CopyTo(_lengths);
        _frames.AsSpan(at, _used - at).CopyTo(_frames);
        _waiting -= sent;
        _used -= at;
    }
}
