using System;

namespace Earshot.Core.Wire;

/// <summary>An address and a port.</summary>
/// <param name="Address">The address.</param>
/// <param name="Port">The port, 0 for none.</param>
public readonly record struct InetEndpoint(InetAddress Address, ushort Port)
{
    /// <summary>0.0.0.0:0.</summary>
    public static InetEndpoint None => default;

    /// <summary>Reads <c>10.0.0.1:80</c> or <c>[2001:db8::1]:80</c>.</summary>
    /// <exception cref="FormatException">The text is not an endpoint.</exception>
    public static InetEndpoint Parse(ReadOnlySpan<char> text)
    {
        int colon = text.LastIndexOf(':');
        if (colon > 0 && ushort.TryParse(text[(colon + 1)..], out ushort port))
        {
            ReadOnlySpan<char> address = text[..colon];
            bool bracketed = address[0] == '[' && address[^1] == ']';
            if (bracketed || !address.Contains(':'))
            {
                return new InetEndpoint(InetAddress.Parse(bracketed ? address[1..^1] : address), port);
            }
        }

        throw new FormatException($"'{text}' is not ADDRESS:PORT or [ADDRESS]:PORT");
    }

    /// <summary>The endpoint as <c>127.0.0.1:6666</c> or <c>[::1]:6666</c>.</summary>
    public override string ToString() => Address.IsIPv4 ? $"{Address}:{Port}" : $"[{Address}]:{Port}";
}

/// <summary>What names a connection: both ends, seen from this host.</summary>
/// <param name="Local">This host's address and port.</param>
/// <param name="Remote">The peer's address and port.</param>
public readonly record struct FourTuple(InetEndpoint Local, InetEndpoint Remote)
{
    /// <summary>The tuple as the peer sees it.</summary>
    public FourTuple Reversed => new(Remote, Local);

    /// <summary>Both ends, local first.</summary>
    public override string ToString() => $"{Local} {Remote}";
}
