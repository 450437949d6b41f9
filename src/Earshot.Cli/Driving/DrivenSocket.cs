using System.Collections.Generic;
using Earshot.Core.Sockets;

namespace Earshot.Cli.Driving;

/// <summary>A socket of the driver's, under the name that its caller chose.</summary>
internal sealed class DrivenSocket(int descriptor, int family)
{
    /// <summary>Its descriptor in the stack; another once an IPv6 address was given to a plain <c>tcp</c>
    /// socket.</summary>
    internal int Descriptor { get; set; } = descriptor;

    /// <summary>AF_INET or AF_INET6.</summary>
    internal int Family { get; set; } = family;

    /// <summary>Its type, SOCK_STREAM or SOCK_DGRAM, while its family is not settled; else 0.</summary>
    /// <remarks>
    /// The commands name no family: a socket is of the family of the first address that it is given, and before that
    /// an IPv4 one.
    /// </remarks>
    internal int OpenType { get; set; }

    /// <summary>The options set while the family was not settled.</summary>
    internal List<(SocketOption Option, int Value)> Options { get; } = [];

    /// <summary>The family is what it is now.</summary>
    internal void Settle()
    {
        OpenType = 0;
        Options.Clear();
    }
}
