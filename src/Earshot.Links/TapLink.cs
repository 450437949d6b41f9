using System;

namespace Earshot.Links;

/// <summary>A link of Ethernet frames to the host kernel through a TAP device: the kernel is one more station of the
/// link.</summary>
/// <remarks>One frame is one system call. The stack behind it needs an Ethernet address of its own.</remarks>
public sealed class TapLink : ILink
{
    private readonly TunLink _device;

    private TapLink(TunLink device) => _device = device;

    /// <inheritdoc/>
    public string Name => _device.Name;

    /// <inheritdoc/>
    public int Mtu => _device.Mtu;

    /// <inheritdoc/>
    public bool IsEthernet => true;

    /// <inheritdoc/>
    public LinkOffload Offload => LinkOffload.None;

    /// <inheritdoc/>
    public long ReceiveOversized => _device.ReceiveOversized;

    /// <inheritdoc/>
    public long SendDropped => _device.SendDropped;

    /// <summary>Whether this link made the device, which then goes away when the link is disposed.</summary>
    public bool IsMade => _device.IsMade;

    /// <summary>Whether the device was deleted under the link.</summary>
    public bool IsGone => _device.IsGone;

    /// <summary>Attaches to a TAP device, or makes one when there is none of that name.</summary>
    /// <param name="name">As of <see cref="TunLink.Open"/>.</param>
    /// <param name="options">As of <see cref="TunLink.Open"/>; offload is not offered.</param>
    /// <returns>The link.</returns>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    /// <exception cref="LinkException">The device cannot be had; the message says why and what to do.</exception>
    /// <exception cref="ArgumentException">The name, the address or the MTU cannot be one, or offload was asked
    /// for.</exception>
    public static TapLink Open(string name, TunOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Offload)
        {
            throw new ArgumentException("A TAP link carries frames as they are: leave out Offload.", nameof(options));
        }

        return new TapLink(TunLink.OpenDevice(name, options, tap: true));
    }

    /// <inheritdoc/>
    public int Receive(Span<byte> buffer, out LinkPacketInfo info) => _device.Receive(buffer, out info);

    /// <inheritdoc/>
    public bool TrySend(ReadOnlySpan<byte> packet, in LinkPacketInfo info) => _device.TrySend(packet, info);

    /// <inheritdoc/>
    public bool Wait(TimeSpan timeout) => _device.Wait(timeout);

    /// <inheritdoc/>
    public void Wake() => _device.Wake();

    /// <summary>Detaches from the device; one that this link made goes away.</summary>
    public void Dispose() => _device.Dispose();
}
