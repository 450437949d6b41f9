namespace Earshot.Links;

/// <summary>How <see cref="TunLink.Open"/> attaches to or makes a TUN device.</summary>
public sealed record TunOptions
{
    /// <summary>
    /// Whether checksums and segmentation may be left undone in both directions (VNET_HDR with CSUM, TSO4 and TSO6), so
    /// that the kernel takes and hands over TCP super-packets of up to 64 KB. Off by default.
    /// </summary>
    public bool Offload { get; init; }

    /// <summary>
    /// The kernel's own address on the device, with the prefix's length: "10.0.0.1/24", "fd00::1/64". The stack then
    /// takes another address of that network. Null (the default) leaves addresses and the device's state to the
    /// administrator. Only a device that did not exist gets it; an existing one keeps what it has.
    /// </summary>
    public string? Address { get; init; }

    /// <summary>The MTU in bytes, 68 … 65 535, of a device that did not exist; 1500 by default.</summary>
    public int Mtu { get; init; } = 1500;

    /// <summary>Whether a device that does not exist is an error instead of being made. Off by default.</summary>
    public bool AttachOnly { get; init; }
}
