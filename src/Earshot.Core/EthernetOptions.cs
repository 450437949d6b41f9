using Earshot.Core.Wire;

namespace Earshot.Core;

/// <summary>How an interface speaks Ethernet: its packets are whole frames.</summary>
public sealed record EthernetOptions
{
    /// <summary>The station's address; not a group's.</summary>
    public required MacAddress Address { get; init; }

    /// <summary>Whether the link-local IPv6 address that follows from <see cref="Address"/> is used. On by
    /// default.</summary>
    public bool LinkLocal { get; init; } = true;

    /// <summary>Whether IPv6 addresses are used only after nobody else on the link was found to have them
    /// (accept_dad). On by default.</summary>
    public bool DetectsDuplicates { get; init; } = true;

    /// <summary>Whether routers are asked for and believed (accept_ra). On by default.</summary>
    public bool AcceptsRouters { get; init; } = true;
}
