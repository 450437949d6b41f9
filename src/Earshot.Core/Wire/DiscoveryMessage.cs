using System;
using System.Buffers.Binary;

namespace Earshot.Core.Wire;

/// <summary>The ICMPv6 message types of neighbour discovery (RFC 4861) and of multicast listeners (RFC 3810).</summary>
public static class DiscoveryType
{
    /// <summary>A multicast router asks who listens.</summary>
    public const byte ListenerQuery = 130;

    /// <summary>A host tells that it listens to a group, version 1.</summary>
    public const byte ListenerReport1 = 131;

    /// <summary>A host tells that it has left a group, version 1.</summary>
    public const byte ListenerDone = 132;

    /// <summary>A host asks for routers.</summary>
    public const byte RouterSolicit = 133;

    /// <summary>A router tells of itself and its prefixes.</summary>
    public const byte RouterAdvert = 134;

    /// <summary>A host asks for a neighbour's link-layer address.</summary>
    public const byte NeighborSolicit = 135;

    /// <summary>A host tells its link-layer address.</summary>
    public const byte NeighborAdvert = 136;

    /// <summary>A router tells of a better next hop.</summary>
    public const byte Redirect = 137;

    /// <summary>A host tells which groups it listens to, version 2.</summary>
    public const byte ListenerReport = 143;
}

/// <summary>A prefix that a router tells of. RFC 4861 §4.6.2.</summary>
/// <param name="Prefix">The prefix with its length.</param>
/// <param name="IsOnLink">Whether its hosts are on the link (L).</param>
/// <param name="IsAutonomous">Whether addresses may be made of it (A).</param>
/// <param name="ValidSeconds">How long it is valid; 0xffffffff for ever.</param>
/// <param name="PreferredSeconds">How long its addresses are preferred.</param>
public readonly record struct AdvertisedPrefix(
    InterfaceAddress Prefix, bool IsOnLink, bool IsAutonomous, uint ValidSeconds, uint PreferredSeconds);

/// <summary>The options behind a message of neighbour discovery, seen in place; only <see cref="TryParse"/> makes
/// one.</summary>
/// <remarks>Each is a byte of type, a byte of length in units of eight bytes, and the rest.</remarks>
public readonly ref struct DiscoveryOptions
{
    /// <summary>The type of the sender's link-layer address.</summary>
    public const byte SourceLinkLayer = 1;

    /// <summary>The type of the target's link-layer address.</summary>
    public const byte TargetLinkLayer = 2;

    /// <summary>The type of a prefix.</summary>
    public const byte PrefixInformation = 3;

    /// <summary>The type of the link's MTU.</summary>
    public const byte MtuOption = 5;

    /// <summary>The type of a nonce, by which a host knows its own question again (RFC 7527).</summary>
    public const byte Nonce = 14;

    /// <summary>Bytes of a link-layer address option.</summary>
    public const int LinkLayerLength = 8;

    private const int Unit = 8;
    private const int PrefixUnits = 4;
    private readonly ReadOnlySpan<byte> _bytes;

    private DiscoveryOptions(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>The link's MTU, 0 when it is not told.</summary>
    public uint Mtu => TryFind(MtuOption, out ReadOnlySpan<byte> option)
        ? BinaryPrimitives.ReadUInt32BigEndian(option[4..]) : 0;

    /// <summary>Checks that every option has a length, and all are whole.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out DiscoveryOptions options)
    {
        options = default;
        for (int at = 0; at < bytes.Length;)
        {
            int length = at + 1 < bytes.Length ? bytes[at + 1] * Unit : 0;
            if (length == 0 || at + length > bytes.Length)
            {
                return false;
            }

            at += length;
        }

        options = new DiscoveryOptions(bytes);
        return true;
    }

    /// <summary>Writes a link-layer address option of eight bytes.</summary>
    public static void WriteLinkLayer(Span<byte> target, byte type, MacAddress address)
    {
        target[0] = type;
        target[1] = 1;
        address.Write(target[2..]);
    }

    /// <summary>Reads the first link-layer address of a type.</summary>
    public bool TryLinkLayer(byte type, out MacAddress address)
    {
        bool found = TryFind(type, out ReadOnlySpan<byte> option);
        address = found ? MacAddress.Read(option[2..]) : default;
        return found;
    }

    /// <summary>The first nonce's bytes, empty when there is none.</summary>
    public ReadOnlySpan<byte> FindNonce() => TryFind(Nonce, out ReadOnlySpan<byte> option) ? option[2..] : default;

    /// <summary>Reads the prefix of a number, from 0.</summary>
    public bool TryPrefix(int number, out AdvertisedPrefix prefix)
    {
        prefix = default;
        for (int at = 0; at < _bytes.Length; at += _bytes[at + 1] * Unit)
        {
            ReadOnlySpan<byte> option = _bytes.Slice(at, _bytes[at + 1] * Unit);
            if (option[0] != PrefixInformation || option[1] != PrefixUnits || number-- > 0)
            {
                continue;
            }

            const int AddressOffset = 16;
            int length = Math.Min((int)option[2], 128);
            prefix = new AdvertisedPrefix(
                new InterfaceAddress(InetAddress.ReadIPv6(option[AddressOffset..]).Network(length), length),
                (option[3] & 0x80) != 0, (option[3] & 0x40) != 0,
                BinaryPrimitives.ReadUInt32BigEndian(option[4..]), BinaryPrimitives.ReadUInt32BigEndian(option[8..]));
            return true;
        }

        return false;
    }

    private bool TryFind(byte type, out ReadOnlySpan<byte> option)
    {
        for (int at = 0; at < _bytes.Length; at += _bytes[at + 1] * Unit)
        {
            option = _bytes.Slice(at, _bytes[at + 1] * Unit);
            if (option[0] == type)
            {
                return true;
            }
        }

        option = default;
        return false;
    }
}
