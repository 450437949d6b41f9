using System;
using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Earshot.Links.Native;
using Microsoft.Win32.SafeHandles;

namespace Earshot.Links;

/// <summary>
/// A link to the host kernel through a TUN device: what the kernel routes to the device is received, what is sent
/// arrives in the kernel as from a wire.
/// </summary>
/// <remarks>One packet is one system call; with offload a TCP super-packet of up to 64 KB is one packet.</remarks>
public sealed unsafe class TunLink : ILink
{
    private const int MaxNameLength = InterfaceRequest.NameLength - 1;
    private const int MinMtu = 68;
    private const int MaxMtu = 65535;
    private const int EthernetHeaderLength = 14;

    private readonly SafeFileHandle _device;
    private readonly Sleeper _sleeper = new();
    private readonly bool _header;
    private readonly int _frameHeader;
    private volatile bool _disposed;
    private bool _sendRefused;

    private TunLink(SafeFileHandle device, string name, int mtu, bool offload, bool made, bool tap)
    {
        _frameHeader = tap ? EthernetHeaderLength : 0;
        _device = device;
        _header = offload;
        Name = name;
        Mtu = mtu;
        Offload = offload ? LinkOffload.Checksum | LinkOffload.Segmentation : LinkOffload.None;
        IsMade = made;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Mtu { get; }

    /// <inheritdoc/>
    public LinkOffload Offload { get; }

    /// <inheritdoc/>
    public long ReceiveOversized { get; private set; }

    /// <summary>Packets dropped because they were marked as a kind of super-packet that was not asked for.</summary>
    public long ReceiveUnknown { get; private set; }

    /// <inheritdoc/>
    public long SendDropped { get; private set; }

    /// <summary>Whether this link made the device, which then goes away when the link is disposed.</summary>
    public bool IsMade { get; }

    /// <summary>
    /// Whether the device was deleted under the link: nothing will ever arrive again, and what is sent is dropped and
    /// counted.
    /// </summary>
    public bool IsGone { get; private set; }

    /// <summary>Attaches to a TUN device, or makes one when there is none of that name.</summary>
    /// <param name="name">
    /// The device's name: 1 … 15 bytes without spaces and slashes; "tun%d" takes the first free number.
    /// </param>
    /// <param name="options">
    /// How. On a device that existed only the offload is set, which is a matter between kernel and owner.
    /// </param>
    /// <returns>
    /// The link, ready for traffic when the device is up; disposing it removes a device it made, and leaves an existing
    /// one.
    /// </returns>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    /// <exception cref="LinkException">The device cannot be had; the message says why and what to do.</exception>
    /// <exception cref="ArgumentException">The name, the address or the MTU cannot be one.</exception>
    public static TunLink Open(string name, TunOptions options) => OpenDevice(name, options, tap: false);

    /// <summary>Opens a TUN device, or a TAP device, whose packets are frames.</summary>
    internal static TunLink OpenDevice(string name, TunOptions options, bool tap)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(options);
        CheckName(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Mtu, MinMtu, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Mtu, MaxMtu, nameof(options));
        (IPAddress Address, int PrefixLength)? address = options.Address is null ? null : ParseAddress(options.Address);
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException(
                "TUN devices are Linux's; on this system use a MemoryLink or a simulated wire.");
        }

        bool existed = TunDevice.Exists(name);
        if (!existed && options.AttachOnly)
        {
            throw new LinkException(
                LinkFailure.NoSuchDevice,
                $"There is no device {name}: make it with \"ip tuntap add dev {name} mode tun\", or leave out "
                + "AttachOnly.");
        }

        SafeFileHandle device = TunDevice.Attach(name, options.Offload, tap, out name);
        try
        {
            if (!existed)
            {
                TunDevice.SetMtu(name, options.Mtu);
                if (address is { } own)
                {
                    TunDevice.Configure(name, own.Address, own.PrefixLength);
                    TunDevice.AwaitUsable(name, own.Address);
                }
            }

            TunDevice.AwaitRunning(name);
            return new TunLink(device, name, TunDevice.Mtu(name), options.Offload, made: !existed, tap);
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public int Receive(Span<byte> buffer, out LinkPacketInfo info)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        while (true)
        {
            info = default;
            VirtioNetHeader header = default;
            int length = _header ? ReadWithHeader(buffer, ref header) : Read(buffer);
            if (length < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                if (errno == Errno.Interrupted)
                {
                    continue;
                }

                IsGone |= errno == Errno.BadDescriptorState;
                return 0;
            }

            if (length == 0)
            {
                return 0;
            }

            if (length >= buffer.Length && IsCut(buffer[Math.Min(_frameHeader, buffer.Length)..]))
            {
                ReceiveOversized++;
            }
            else if (_header && !header.TryRead(out info))
            {
                ReceiveUnknown++;
            }
            else
            {
                return length;
            }
        }
    }

    /// <inheritdoc/>
    public bool TrySend(ReadOnlySpan<byte> packet, in LinkPacketInfo info)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        info.CheckForSending(packet.Length, Offload);
        while (true)
        {
            nint written = _header ? WriteWithHeader(packet, info) : Write(packet);
            if (written >= 0)
            {
                _sendRefused = false;
                return true;
            }

            switch (Marshal.GetLastPInvokeError())
            {
                case Errno.Interrupted:
                    continue;
                case Errno.TryAgain:
                    _sendRefused = true;
                    return false;
                default:
                    // A device that is down (EIO) or gone (EBADFD), bytes that are no IP packet (EINVAL), no memory:
                    // all as on a wire, where nobody tells the sender.
                    SendDropped++;
                    return true;
            }
        }
    }

    /// <inheritdoc/>
    public bool Wait(TimeSpan timeout)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        LinkTimeout.Check(timeout);

        if (!_sleeper.TryBegin())
        {
            return true;
        }

        bool ready = false;
        try
        {
            // A device that is gone would be ready for ever.
            DeviceInterest interest = new()
            {
                Device = IsGone ? null : _device,
                Events = (short)(LibC.PollIn | (_sendRefused ? LibC.PollOut : 0)),
            };
            ready = !_disposed && _sleeper.Park(timeout, ref interest);
            IsGone |= (interest.Ready & (LibC.PollErr | LibC.PollHup | LibC.PollNval)) != 0;
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

    /// <summary>Detaches from the device; one that this link made goes away.</summary>
    public void Dispose()
    {
        _disposed = true;
        _sleeper.Dispose();
        _device.Dispose();
    }

    private static void CheckName(string name)
    {
        int length = Encoding.UTF8.GetByteCount(name);
        bool good = length is > 0 and <= MaxNameLength && name is not ("." or "..");
        foreach (char c in name)
        {
            good &= !char.IsWhiteSpace(c) && !char.IsControl(c) && c is not ('/' or ':');
        }

        if (!good)
        {
            throw new ArgumentException(
                $"\"{name}\" cannot be a device's name: 1 to {MaxNameLength} bytes, no spaces, slashes or colons.",
                nameof(name));
        }
    }

    private static (IPAddress Address, int PrefixLength) ParseAddress(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash > 0
            && IPAddress.TryParse(text.AsSpan(0, slash), out IPAddress? address)
            && int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int length)
            && length <= (address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128))
        {
            return (address, length);
        }

        throw new ArgumentException(
            $"\"{text}\" is not an address with a prefix length, such as 10.0.0.1/24.", nameof(text));
    }

    /// <summary>
    /// Whether a packet that fills the buffer goes on beyond it: the driver cuts without a word, the IP header knows.
    /// </summary>
    private static bool IsCut(ReadOnlySpan<byte> buffer)
    {
        const int v4LengthOffset = 2, v6LengthOffset = 4, v6HeaderLength = 40;
        if (buffer.Length < v6LengthOffset + sizeof(ushort))
        {
            return true;
        }

        int length = buffer[0] >> 4 == 6
            ? v6HeaderLength + BinaryPrimitives.ReadUInt16BigEndian(buffer[v6LengthOffset..])
            : BinaryPrimitives.ReadUInt16BigEndian(buffer[v4LengthOffset..]);
        return length > buffer.Length;
    }

    private int Read(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            return (int)LibC.Read(_device, start, (nuint)buffer.Length);
        }
    }

    private int ReadWithHeader(Span<byte> buffer, ref VirtioNetHeader header)
    {
        LibC.IoVector* parts = stackalloc LibC.IoVector[2];
        fixed (VirtioNetHeader* headerStart = &header)
        fixed (byte* start = buffer)
        {
            parts[0] = new LibC.IoVector { Start = (byte*)headerStart, Length = VirtioNetHeader.Length };
            parts[1] = new LibC.IoVector { Start = start, Length = (nuint)buffer.Length };
            nint length = LibC.ReadVector(_device, parts, 2);
            return length < 0 ? -1 : (int)Math.Max(0, length - VirtioNetHeader.Length);
        }
    }

    private nint Write(ReadOnlySpan<byte> packet)
    {
        fixed (byte* start = packet)
        {
            return LibC.Write(_device, start, (nuint)packet.Length);
        }
    }

    private nint WriteWithHeader(ReadOnlySpan<byte> packet, in LinkPacketInfo info)
    {
        VirtioNetHeader header = VirtioNetHeader.For(packet, info);
        LibC.IoVector* parts = stackalloc LibC.IoVector[2];
        fixed (byte* start = packet)
        {
            parts[0] = new LibC.IoVector { Start = (byte*)&header, Length = VirtioNetHeader.Length };
            parts[1] = new LibC.IoVector { Start = start, Length = (nuint)packet.Length };
            return LibC.WriteVector(_device, parts, 2);
        }
    }
}
