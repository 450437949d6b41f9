using System;
using System.Buffers.Binary;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>Record route and time stamps: filled in as a packet comes in, and again as its answer leaves. RFC 791 §3.1;
/// Linux: ip_options_compile, ip_options_echo, ip_options_build.</summary>
internal static class IpOptions
{
    private const byte End = 0;
    private const byte Nop = 1;
    private const byte RecordRoute = 7;
    private const byte Timestamp = 68;
    private const byte LooseSource = 131;
    private const byte StrictSource = 137;
    private const int PointerOffset = 2;
    private const int FlagsOffset = 3;
    private const int WithAddress = 1;

    /// <summary>Stands for options with a rest of room in which nothing can be written: what has them is answered by
    /// nothing but a SYN-ACK without options.</summary>
    internal static readonly byte[] Unanswerable = [];

    /// <summary>What <see cref="AreSound"/> says instead of an offset where a source route stands.</summary>
    internal const int SourceRoute = -1;

    /// <summary>Whether options ask for something that is filled in, and so for an answer with options.</summary>
    internal static bool AreAnswered(ReadOnlySpan<byte> options) =>
        !Find(options, RecordRoute).IsEmpty || !Find(options, Timestamp).IsEmpty;

    /// <summary>Checks the options of a packet. Source routes are not accepted (accept_source_route 0).</summary>
    /// <param name="options">The options.</param>
    /// <param name="pointer">The offset of the offending byte among them; -1 for a source route.</param>
    /// <param name="sound">How many bytes are sound: all, or those before the offending option.</param>
    internal static bool AreSound(ReadOnlySpan<byte> options, out int pointer, out int sound)
    {
        pointer = 0;
        sound = 0;
        bool hasRoute = false;
        bool hasTimes = false;
        for (int at = 0; at < options.Length && options[at] != End;)
        {
            byte kind = options[at];
            if (kind == Nop)
            {
                at++;
                continue;
            }

            pointer = at;
            sound = at;
            int length = at + 1 < options.Length ? options[at + 1] : 0;
            if (length < 2 || at + length > options.Length || (kind == RecordRoute && hasRoute)
                || (kind == Timestamp && hasTimes))
            {
                return false;
            }

            if (kind is LooseSource or StrictSource)
            {
                pointer = SourceRoute;
                return false;
            }

            hasRoute |= kind == RecordRoute;
            hasTimes |= kind == Timestamp;
            int fault = kind is RecordRoute or Timestamp ? FaultOf(options.Slice(at, length)) : 0;
            if (fault > 0)
            {
                pointer = at + fault;
                return false;
            }

            at += length;
        }

        sound = options.Length;
        return true;
    }

    /// <summary>Fills in what still has room.</summary>
    /// <param name="options">Sound options.</param>
    /// <param name="routes">Which addresses are this host's.</param>
    /// <param name="host">The address that this host gives.</param>
    /// <param name="now">Milliseconds since midnight.</param>
    /// <param name="counts">Whether a full list of time stamps counts this host among those that found no room.</param>
    internal static void Fill(Span<byte> options, RouteTable routes, in InetAddress host, uint now, bool counts)
    {
        const byte OneAddress = 4;
        Span<byte> route = Find(options, RecordRoute);
        if (!route.IsEmpty && route[PointerOffset] <= route.Length)
        {
            host.Write(route[(route[PointerOffset] - 1)..]);
            route[PointerOffset] += OneAddress;
        }

        Span<byte> times = Find(options, Timestamp);
        if (times.IsEmpty)
        {
            return;
        }

        if (times[PointerOffset] <= times.Length)
        {
            FillTime(times, routes, host, now);
        }
        else if (counts)
        {
            const byte OneMore = 0x10;
            times[FlagsOffset] += OneMore;
        }
    }

    /// <summary>Makes NOP of what is in the first piece alone of a packet that is cut. RFC 791 §3.1: the highest
    /// bit.</summary>
    internal static void LeaveCopied(Span<byte> options)
    {
        const byte Copied = 0x80;
        for (int at = 0; at < options.Length && options[at] != End;)
        {
            int length = options[at] == Nop ? 1 : options[at + 1];
            if ((options[at] & Copied) == 0)
            {
                options.Slice(at, length).Fill(Nop);
            }

            at += length;
        }
    }

    /// <summary>The options of the answer, not yet filled in a second time: the route, then the times,
    /// padded.</summary>
    /// <param name="options">Options that were taken in and filled.</param>
    /// <returns>A multiple of four bytes; <see cref="Unanswerable"/>; null when there is nothing to answer.</returns>
    internal static byte[]? Answer(ReadOnlySpan<byte> options)
    {
        ReadOnlySpan<byte> route = Find(options, RecordRoute);
        ReadOnlySpan<byte> times = Find(options, Timestamp);
        if (route.IsEmpty && times.IsEmpty)
        {
            return null;
        }

        int need = !times.IsEmpty && (times[FlagsOffset] & 0xf) == WithAddress
            ? 2 * InetAddress.Length : InetAddress.Length;
        if (HasPartOf(route, InetAddress.Length) || HasPartOf(times, need))
        {
            return Unanswerable;
        }

        byte[] answer = new byte[(route.Length + times.Length + 3) & ~3];
        route.CopyTo(answer);
        times.CopyTo(answer.AsSpan(route.Length));
        return answer;
    }

    // Room that is left, but less than the next host would need.
    private static bool HasPartOf(ReadOnlySpan<byte> option, int need) =>
        !option.IsEmpty && option[PointerOffset] <= option.Length && option.Length - option[PointerOffset] + 1 < need;

    private static void FillTime(Span<byte> times, RouteTable routes, in InetAddress host, uint now)
    {
        const int TimeOnly = 0;
        const int Prespecified = 3;
        int at = times[PointerOffset] - 1;
        int flag = times[FlagsOffset] & 0xf;
        if (flag is not (TimeOnly or WithAddress or Prespecified))
        {
            return;
        }

        if (flag != TimeOnly)
        {
            if (at + (2 * InetAddress.Length) > times.Length)
            {
                return;
            }

            if (flag == WithAddress)
            {
                host.Write(times[at..]);
            }
            else if (!routes.IsLocal(InetAddress.Read(times[at..])))
            {
                return;
            }

            at += InetAddress.Length;
        }

        BinaryPrimitives.WriteUInt32BigEndian(times[at..], now);
        times[PointerOffset] = (byte)(at + sizeof(uint) + 1);
    }

    // The offset of what is wrong with one of the two options; 0: nothing.
    private static int FaultOf(ReadOnlySpan<byte> option)
    {
        const int LengthOffset = 1;
        const int Longest = 0xf;
        bool isRoute = option[0] == RecordRoute;
        int first = isRoute ? PointerOffset + 2 : FlagsOffset + 2;
        if (option.Length < first - 1)
        {
            return LengthOffset;
        }

        int pointer = option[PointerOffset];
        if (pointer < first)
        {
            return PointerOffset;
        }

        if (pointer > option.Length)
        {
            return !isRoute && option[FlagsOffset] >> 4 == Longest ? FlagsOffset : 0;
        }

        int room = option.Length - pointer + 1;
        bool needsAddress = !isRoute && (option[FlagsOffset] & 0xf) is 1 or 3;
        return room < InetAddress.Length || (needsAddress && room < 2 * InetAddress.Length) ? PointerOffset : 0;
    }

    private static Span<byte> Find(Span<byte> options, byte wanted)
    {
        int at = IndexOf(options, wanted);
        return at < 0 ? default : options.Slice(at, options[at + 1]);
    }

    private static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> options, byte wanted)
    {
        int at = IndexOf(options, wanted);
        return at < 0 ? default : options.Slice(at, options[at + 1]);
    }

    private static int IndexOf(ReadOnlySpan<byte> options, byte wanted)
    {
        int at = 0;
        while (at < options.Length && options[at] != End && options[at] != wanted)
        {
            at += options[at] == Nop ? 1 : options[at + 1];
        }

        return at < options.Length && options[at] == wanted ? at : -1;
    }
}
