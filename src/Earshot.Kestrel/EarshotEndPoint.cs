using System;
using System.Net;
using Earshot.Sockets;

namespace Earshot.Kestrel;

/// <summary>An address and a port on an Earshot stack, for Kestrel to listen on.</summary>
public sealed class EarshotEndPoint : EndPoint, IEquatable<EarshotEndPoint>
{
    /// <summary>Makes an endpoint.</summary>
    /// <param name="stack">The stack; it has to be there as long as the server, which does not dispose it.</param>
    /// <param name="address">An IPv4 address of the stack, or any (0.0.0.0).</param>
    /// <param name="port">The port, 0 to 65535; 0 picks one.</param>
    public EarshotEndPoint(EarshotStack stack, IPAddress address, int port)
    {
        ArgumentNullException.ThrowIfNull(stack);
        Stack = stack;
        IPEndPoint = new IPEndPoint(address, port);
    }

    /// <summary>The stack.</summary>
    public EarshotStack Stack { get; }

    /// <summary>The address and port.</summary>
    public IPEndPoint IPEndPoint { get; }

    /// <inheritdoc/>
    public bool Equals(EarshotEndPoint? other) =>
        other is not null && ReferenceEquals(Stack, other.Stack) && IPEndPoint.Equals(other.IPEndPoint);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as EarshotEndPoint);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Stack, IPEndPoint);

    /// <summary>The endpoint as <c>10.0.0.1:80</c>.</summary>
    public override string ToString() => IPEndPoint.ToString();
}
