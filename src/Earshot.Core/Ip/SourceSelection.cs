using System;
using System.Numerics;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>Which of the host's addresses a packet has as its source when nobody chose one.</summary>
internal static class SourceSelection
{
    private const int LinkScope = 2;
    private const int SiteScope = 5;
    private const int GlobalScope = 14;

    /// <summary>Of IPv4: the first address of the interface that is in the next hop's network; else its first; else
    /// the first of any. Linux: fib_info_update_nhc_saddr, inet_select_addr.</summary>
    /// <param name="addresses">The host's addresses.</param>
    /// <param name="index">The interface that the packet leaves by.</param>
    /// <param name="hop">The next hop, or the destination itself.</param>
    internal static InetAddress IPv4(ReadOnlySpan<OwnAddress> addresses, int index, in InetAddress hop)
    {
        InetAddress first = InetAddress.Any;
        InetAddress any = InetAddress.Any;
        for (int i = 0; i < addresses.Length; i++)
        {
            OwnAddress own = addresses[i];
            if (!own.Address.IsIPv4 || !own.IsUsable)
            {
                continue;
            }

            any = any.IsAny ? own.Address : any;
            if (own.Interface != index)
            {
                continue;
            }

            if (own.Covers(hop))
            {
                return own.Address;
            }

            first = first.IsAny ? own.Address : first;
        }

        return first.IsAny ? any : first;
    }

    /// <summary>Of IPv6: RFC 6724 §5 as Linux has it; among equals the address that was added last. Linux:
    /// ipv6_dev_get_saddr.</summary>
    /// <param name="addresses">The host's addresses.</param>
    /// <param name="index">The interface that the packet leaves by.</param>
    /// <param name="destination">Where it goes.</param>
    internal static InetAddress IPv6(
        ReadOnlySpan<OwnAddress> addresses, int index, in InetAddress destination)
    {
        bool onlyLink = destination.IsLinkLocal || destination.IsMulticast;
        int best = -1;
        for (int i = addresses.Length - 1; i >= 0; i--)
        {
            OwnAddress own = addresses[i];
            bool candidate = own.Address.IsIPv6 && own.IsUsable && (!onlyLink || own.Interface == index)
                && !own.Address.IsAny && !own.Address.IsMulticast;
            if (candidate && (best < 0 || IsBetter(own, addresses[best], index, destination)))
            {
                best = i;
            }
        }

        return best < 0 ? InetAddress.IPv6Any : addresses[best].Address;
    }

    // The first rule that tells two candidates apart decides.
    private static bool IsBetter(in OwnAddress own, in OwnAddress best, int index, in InetAddress destination)
    {
        bool same = own.Address == destination;
        if (same != (best.Address == destination))
        {
            return same;
        }

        int wanted = Scope(destination);
        int scope = Scope(own.Address);
        int other = Scope(best.Address);
        if (scope != other)
        {
            // The smallest that reaches; else the largest.
            return scope >= wanted ? other < wanted || scope < other : other < wanted && scope > other;
        }

        bool fresh = (own.Flags & AddressFlags.Deprecated) == 0;
        if (fresh != ((best.Flags & AddressFlags.Deprecated) == 0))
        {
            return fresh;
        }

        bool leaves = own.Interface == index;
        if (leaves != (best.Interface == index))
        {
            return leaves;
        }

        bool labelled = Label(own.Address) == Label(destination);
        if (labelled != (Label(best.Address) == Label(destination)))
        {
            return labelled;
        }

        return Common(own, destination) > Common(best, destination);
    }

    private static int Common(in OwnAddress own, in InetAddress destination)
    {
        ulong high = own.Address.High ^ destination.High;
        int common = high != 0 ? BitOperations.LeadingZeroCount(high)
            : 64 + BitOperations.LeadingZeroCount(own.Address.Low ^ destination.Low);
        return Math.Min(common, own.PrefixLength);
    }

    private static int Scope(in InetAddress address) =>
        address.IsIPv6 && address.IsMulticast ? (int)((address.High >> 48) & 0xf)
        : address.IsLinkLocal || address.IsLoopback ? LinkScope
        : address.High >> 54 == 0x3fb ? SiteScope
        : GlobalScope;

    /// <summary>The label of RFC 6724 §2.1's table, with Linux's additions. Linux: ip6addrlbl_init_table.</summary>
    private static int Label(in InetAddress address)
    {
        ulong high = address.High;
        if (address.IsIPv4)
        {
            return 4;
        }

        if (high == 0)
        {
            return address.Low == 1 ? 0 : address.Low >> 32 == 0 ? 3 : 1;
        }

        return high >> 48 == 0x2002 ? 2
            : high >> 57 == 0xfc >> 1 ? 5
            : high >> 32 == 0x2001_0000 ? 6
            : high >> 36 == 0x2001_001 ? 7
            : high >> 54 == 0x3fb ? 11
            : high >> 48 == 0x3ffe ? 12
            : 1;
    }
}
