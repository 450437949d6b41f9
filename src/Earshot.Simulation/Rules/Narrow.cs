using System;
using Earshot.Core;

namespace Earshot.Simulation.Rules;

/// <summary>A place of the way that takes smaller packets only: one that is larger and must not be cut is lost and its
/// sender told the MTU by ICMP. Packets of IPv4 without DF pass, as if they were cut and put together again.</summary>
public sealed class Narrow : IRule
{
    private readonly bool _isSilent;
    private int _mtu;

    /// <summary>Makes the rule.</summary>
    /// <param name="mtu">Bytes of the largest packet, at least 68.</param>
    /// <param name="isSilent">Whether nobody is told: a black hole.</param>
    /// <exception cref="ArgumentOutOfRangeException">The MTU is below 68.</exception>
    public Narrow(int mtu, bool isSilent = false)
    {
        Mtu = mtu;
        _isSilent = isSilent;
    }

    /// <summary>The MTU, which may change while the wire is in use.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 68.</exception>
    public int Mtu
    {
        get => _mtu;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 68);
            _mtu = value;
        }
    }

    /// <inheritdoc/>
    public Fate Judge(in WirePacket packet, Chance chance)
    {
        ReadOnlySpan<byte> bytes = packet.Bytes;
        const int Smallest = 20;
        if (LengthOf(packet) <= _mtu || bytes.Length < Smallest)
        {
            return Fate.Pass;
        }

        bool isIPv4 = bytes[0] >> 4 == 4;
        bool mayBeCut = isIPv4 && (bytes[6] & 0x40) == 0;
        return mayBeCut ? Fate.Pass : _isSilent ? Fate.Drop : Fate.TooBig(_mtu);
    }

    // Of a super-packet, the largest of the packets that the link makes of it.
    private static int LengthOf(in WirePacket packet)
    {
        const int DataOffset = 12;
        PacketInfo info = packet.Info;
        int header = info.SegmentSize == 0 || packet.Bytes.Length <= info.ChecksumStart + DataOffset ? 0
            : info.ChecksumStart + ((packet.Bytes[info.ChecksumStart + DataOffset] >> 4) * 4);
        return header == 0 ? packet.Bytes.Length : Math.Min(packet.Bytes.Length, header + info.SegmentSize);
    }
}
