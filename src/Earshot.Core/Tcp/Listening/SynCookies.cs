using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Listening;

/// <summary>When a listener, or its group, last sent a cookie: without that no cookie is believed.</summary>
/// <remarks>Linux: last_overflow, of a SO_REUSEPORT group if there is one, in jiffies modulo 2^32; 0 at first, which is
/// a moment five minutes after the start.</remarks>
internal sealed class OverflowStamp
{
    internal uint Jiffies;
}

/// <summary>Connection requests folded into sequence numbers, and back: that number is all that is kept.</summary>
/// <remarks>Linux: secure_tcp_syn_cookie, check_tcp_syn_cookie (net/ipv4/syncookies.c).</remarks>
internal sealed class SynCookies
{
    private const int CountShift = 24;
    private const uint LowMask = 0xffffff;
    private const uint IndexMask = 7;

    /// <summary>The scale that says that windows are not scaled.</summary>
    private const uint NoScale = 15;

    private readonly StackContext _context;
    private readonly CookieLayout _layout;
    private readonly ushort[] _sizes;
    private readonly ushort[] _sizesIPv6;
    private readonly ulong[] _keys = new ulong[8];
    private readonly InitialSequence _initial;
    private readonly SipHashLanes.Keys _lanes;
    private readonly long _period;
    private readonly long _gate;
    private readonly OverflowStamp? _shared;
    private long _count;
    private long _countFrom;
    private long _countUntil;

    /// <summary>Makes the cookies of a profile.</summary>
    /// <param name="context">Where their keys are drawn.</param>
    /// <param name="layout">What they look like.</param>
    /// <param name="initial">Where the timestamps' offsets come from.</param>
    internal SynCookies(StackContext context, CookieLayout layout, InitialSequence initial)
    {
        _context = context;
        _initial = initial;
        _layout = layout;
        _sizes = [.. _layout.MssTable];
        _sizesIPv6 = [.. _layout.MssTableIPv6];
        Chance chance = context.Stream(ChanceStream.SynCookies);
        for (int i = 0; i < _keys.Length; i++)
        {
            _keys[i] = chance.Next();
        }

        _lanes = new SipHashLanes.Keys(
            Vector256.Create(_keys[0], _keys[2], initial.Key0, 0),
            Vector256.Create(_keys[1], _keys[3], initial.Key1, 0));
        _period = context.Clock.From(_layout.Period);
        _gate = _layout.Gate == TimeSpan.MaxValue ? uint.MaxValue : context.Clock.From(_layout.Gate);
        _shared = _layout.GateIsShared ? new OverflowStamp() : null;
    }

    /// <summary>Whether the timestamp of a SYN-ACK can remember options; otherwise they are not even offered.</summary>
    internal bool RemembersOptions => _layout.Stamp != CookieStamp.None;

    /// <summary>Whether an ACK that comes too late for any cookie counts as a failed one.</summary>
    internal bool CountsClosedGate => _layout.CountsClosedGate;

    /// <summary>The minute that a cookie carries. Linux: tcp_cookie_time.</summary>
    internal uint Count
    {
        get
        {
            // A division, and the same for a minute.
            long jiffies = _context.Jiffies;
            if (jiffies < _countFrom || jiffies >= _countUntil)
            {
                _count = jiffies / _period;
                _countFrom = _count * _period;
                _countUntil = _countFrom + _period;
            }

            return (uint)_count;
        }
    }

    private uint Now => (uint)_context.Jiffies;

    private uint Second => (uint)_context.Clock.Hz;

    /// <summary>The sequence number for a SYN-ACK. Linux: cookie_v4_init_sequence, cookie_v6_init_sequence.</summary>
    /// <param name="tuple">The connection to be.</param>
    /// <param name="peerIsn">The SYN's number.</param>
    /// <param name="mss">The peer's MSS, cut to the listener's own.</param>
    /// <param name="offset">What to add to the timestamp clock of this connection.</param>
    /// <remarks>A method of its own: what it is made of is not inlined in a large one.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal SeqNumber Encode(
        in FourTuple tuple, SeqNumber peerIsn, ushort mss, out uint offset)
    {
        ushort[] sizes = Sizes(tuple);
        uint index = (uint)sizes.Length - 1;
        while (index > 0 && mss < sizes[index])
        {
            index--;
        }

        uint count = Count;
        if (tuple.Remote.Address.IsIPv4 && _layout.Form == CookieForm.Sum)
        {
            // The two hashes of the cookie and that of the timestamp's offset, side by side.
            ulong addresses = Addresses(tuple);
            ulong ports = Ports(tuple);
            Vector256<ulong> hashes = SipHashLanes.Hash(
                _lanes,
                Vector256.Create(addresses, addresses, InitialSequence.Addresses(tuple), 0),
                Vector256.Create(ports, ports | ((ulong)count << 32), InitialSequence.Ports(tuple), 0));
            offset = (uint)(hashes[2] >> 32);
            return new SeqNumber(
                (uint)hashes[0] + peerIsn.Value + (count << CountShift) + (((uint)hashes[1] + index) & LowMask));
        }

        _initial.Next(tuple, _context.Now, out offset);
        return new SeqNumber(_layout.Form == CookieForm.LowBits
            ? (LowBitsHash(tuple, peerIsn, count) & ~IndexMask) | index
            : Hash(tuple, 0, 0) + peerIsn.Value + (count << CountShift)
                + ((Hash(tuple, count, 1) + index) & LowMask));
    }

    /// <summary>Whether an ACK acknowledges a cookie of ours. Linux: __cookie_v4_check.</summary>
    /// <param name="tuple">The connection to be.</param>
    /// <param name="peerIsn">The number of the SYN that the ACK follows, so SEG.SEQ - 1.</param>
    /// <param name="cookie">What it acknowledges, so SEG.ACK - 1.</param>
    /// <param name="mss">The MSS that the cookie remembers.</param>
    /// <remarks>A neighbour's number passes too, with a neighbour's MSS: the sums do not tell them apart.</remarks>
    internal bool TryDecode(in FourTuple tuple, SeqNumber peerIsn, SeqNumber cookie, out ushort mss)
    {
        mss = 0;
        ushort[] sizes = Sizes(tuple);
        uint count = Count;
        uint index = (uint)sizes.Length;
        if (_layout.Form == CookieForm.LowBits)
        {
            for (uint age = 0; age < _layout.Ages && index == sizes.Length; age++)
            {
                if (((LowBitsHash(tuple, peerIsn, count - age) ^ cookie.Value) & ~IndexMask) == 0)
                {
                    index = cookie.Value & IndexMask;
                }
            }
        }
        else
        {
            uint rest = cookie.Value - Hash(tuple, 0, 0) - peerIsn.Value;
            uint age = (count - (rest >> CountShift)) & 0xff;
            if (age >= _layout.Ages)
            {
                return false;
            }

            index = (rest - Hash(tuple, count - age, 1)) & LowMask;
        }

        if (index >= sizes.Length)
        {
            return false;
        }

        mss = sizes[index];
        return true;
    }

    /// <summary>A timestamp whose low bits remember options. Linux: cookie_init_timestamp.</summary>
    /// <param name="clock">The timestamp clock, before an offset is added.</param>
    /// <param name="request">What was asked for.</param>
    internal uint Stamp(uint clock, in ConnectionRequest request)
    {
        uint scale = request.Has(RequestFlags.WindowScale) ? request.PeerWindowScale : NoScale;
        uint own = request.Has(RequestFlags.WindowScale) ? request.OwnWindowScale : NoScale;
        uint sack = request.Has(RequestFlags.Sack) ? 1u : 0;
        uint ecn = request.Has(RequestFlags.Ecn) ? 1u : 0;
        bool six = _layout.Stamp == CookieStamp.ScaleSackEcn;
        uint options = six ? scale | (sack << 4) | (ecn << 5) : scale | (own << 4) | (sack << 8);
        uint mask = six ? 0x3fu : 0x1ffu;
        uint stamp = (clock & ~mask) | options;
        return stamp > clock ? stamp - mask - 1 : stamp;
    }

    /// <summary>Takes options from an echoed timestamp into a request. Linux: cookie_timestamp_decode.</summary>
    /// <param name="echo">TSecr, without the offset; 0 as it came.</param>
    /// <param name="request">Gets its flags and the peer's window scale.</param>
    /// <returns>False when it asks for what a sysctl has switched off: then it is no cookie of ours.</returns>
    internal bool TryTakeOptions(uint echo, ref ConnectionRequest request)
    {
        bool six = _layout.Stamp == CookieStamp.ScaleSackEcn;
        bool sack = (echo & (six ? 1u << 4 : 1u << 8)) != 0;
        if (sack)
        {
            if (_context.Sysctls.TcpSack == 0)
            {
                return false;
            }

            request.Flags |= RequestFlags.Sack;
        }

        if (six && (echo & (1u << 5)) != 0 && _context.Sysctls.TcpEcn != 0)
        {
            request.Flags |= RequestFlags.Ecn;
        }

        uint scale = echo & 15;
        if (scale == NoScale)
        {
            return true;
        }

        request.Flags |= RequestFlags.WindowScale;
        request.WindowScales = (byte)Math.Min(scale, TcpOptions.MaximumWindowScale);
        return _context.Sysctls.TcpWindowScaling != 0;
    }

    /// <summary>A cookie leaves: from now on cookies are believed. Linux: tcp_synq_overflow.</summary>
    internal void NoteOverflow(OverflowStamp own)
    {
        OverflowStamp stamp = _shared ?? own;
        uint age = Now - stamp.Jiffies;

        // Written once a second at most: on many processors the line would be fought for.
        if (age > Second)
        {
            stamp.Jiffies = Now;
        }
    }

    /// <summary>Whether a cookie was sent lately. Linux: tcp_synq_no_recent_overflow.</summary>
    internal bool HasOverflowed(OverflowStamp own)
    {
        uint stamp = (_shared ?? own).Jiffies;
        return _gate == uint.MaxValue || Now - (stamp - Second) <= (uint)_gate + Second;
    }

    /// <summary>Seconds that cookies are believed after the last was sent.</summary>
    internal uint GateSeconds => (uint)Math.Min(_layout.Gate.TotalSeconds, uint.MaxValue);

    private ushort[] Sizes(in FourTuple tuple) => tuple.Remote.Address.IsIPv4 ? _sizes : _sizesIPv6;

    private uint LowBitsHash(in FourTuple tuple, SeqNumber peerIsn, uint count) =>
        Hash(tuple, peerIsn.Value, 0) ^ Hash(tuple, count, 1);

    /// <summary>Linux: cookie_hash: over IPv4 four words, over IPv6 forty bytes, fields as they lie in a
    /// packet.</summary>
    private uint Hash(in FourTuple tuple, uint count, int key)
    {
        if (tuple.Remote.Address.IsIPv4)
        {
            return (uint)SipHash.Hash(
                _keys[2 * key], _keys[(2 * key) + 1], Addresses(tuple), ((ulong)count << 32) | Ports(tuple));
        }

        return HashIPv6(tuple, count, key);
    }

    private uint HashIPv6(in FourTuple tuple, uint count, int key)
    {
        Span<byte> record = stackalloc byte[40];
        tuple.Remote.Address.WriteIPv6(record);
        tuple.Local.Address.WriteIPv6(record[16..]);
        BinaryPrimitives.WriteUInt32LittleEndian(record[32..], count);
        BinaryPrimitives.WriteUInt16BigEndian(record[36..], tuple.Remote.Port);
        BinaryPrimitives.WriteUInt16BigEndian(record[38..], tuple.Local.Port);
        return (uint)SipHash.Hash(_keys[4 + (2 * key)], _keys[5 + (2 * key)], record);
    }

    private static ulong Addresses(in FourTuple tuple) =>
        ((ulong)Swap(tuple.Local.Address.Bits) << 32) | Swap(tuple.Remote.Address.Bits);

    private static uint Ports(in FourTuple tuple) =>
        ((uint)Swap(tuple.Remote.Port) << 16) | Swap(tuple.Local.Port);

    private static uint Swap(uint value) => BinaryPrimitives.ReverseEndianness(value);

    private static ushort Swap(ushort value) => BinaryPrimitives.ReverseEndianness(value);
}
