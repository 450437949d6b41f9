using Earshot.Core.Time;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Listening;

/// <summary>Initial sequence numbers and timestamp offsets (RFC 6528). Linux: secure_tcp_seq_and_ts_off.</summary>
internal sealed class InitialSequence
{
    private readonly ulong _k0;
    private readonly ulong _k1;

    internal InitialSequence(Chance chance)
    {
        _k0 = chance.Next();
        _k1 = chance.Next();
    }

    /// <summary>The number with which our side of a connection starts: a keyed hash and a clock of 64 ns.</summary>
    /// <param name="tuple">The connection.</param>
    /// <param name="now">The present.</param>
    /// <param name="timestampOffset">What to add to the timestamp clock of this connection.</param>
    internal SeqNumber Next(in FourTuple tuple, Instant now, out uint timestampOffset)
    {
        ulong hash = tuple.Remote.Address.IsIPv4
            ? SipHash.Hash(_k0, _k1, Addresses(tuple), Ports(tuple)) : SipHash.Hash(_k0, _k1, tuple);
        timestampOffset = (uint)(hash >> 32);
        return new SeqNumber((uint)hash + (uint)(now.Nanoseconds >> 6));
    }

    /// <summary>First half of the key.</summary>
    internal ulong Key0 => _k0;

    /// <summary>Second half of the key.</summary>
    internal ulong Key1 => _k1;

    /// <summary>First eight bytes of what is hashed of an IPv4 connection.</summary>
    internal static ulong Addresses(in FourTuple tuple) =>
        ((ulong)tuple.Remote.Address.Bits << 32) | tuple.Local.Address.Bits;

    /// <summary>Last eight bytes.</summary>
    internal static ulong Ports(in FourTuple tuple) => ((ulong)tuple.Local.Port << 16) | tuple.Remote.Port;
}
