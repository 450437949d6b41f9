using System;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Earshot.Core.Wire;

/// <summary>How a Fast Open cookie stands in the options (RFC 7413 §4.1.1).</summary>
public enum FastOpenOption : byte
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>Kind 34.</summary>
    Standard,

    /// <summary>Kind 254 with the number 0xF989.</summary>
    Experimental,
}

/// <summary>The options of a TCP header, read or to be written. (SACK blocks get their place when they
/// come.)</summary>
public struct TcpOptions
{
    /// <summary>Bytes of the timestamps option with the two NOPs or the SACK-permitted option before it.</summary>
    public const int TimestampLength = 12;

    /// <summary>The largest shift that is accepted; more counts as this (RFC 7323 §2.3).</summary>
    public const int MaximumWindowScale = 14;

    private const byte KindEnd = 0;
    private const byte KindNop = 1;
    private const byte KindMss = 2;
    private const byte KindWindowScale = 3;
    private const byte KindSackPermitted = 4;
    private const byte KindTimestamp = 8;
    private const byte KindFastOpen = 34;
    private const byte KindExperimental = 254;
    private const ushort FastOpenNumber = 0xf989;
    private const int ShortestCookie = 4;
    private const int LongestCookie = 16;
    private const int OwnCookie = 8;
    private const int FastOpenWireLength = 12;
    private const int UsualSynLength = 20;
    private const uint UsualWithSack = 0x0402080a;
    private const uint UsualWithoutSack = 0x0101080a;

    /// <summary>The peer's maximum segment size in bytes; 0 when the option is absent or says 0.</summary>
    public ushort Mss;

    /// <summary>The shift of the window field, 0 to 14; it counts when <see cref="HasWindowScale"/> is set.</summary>
    public byte WindowScale;

    /// <summary>Whether the window-scale option is there.</summary>
    public bool HasWindowScale;

    /// <summary>A shift above 14 as the option says it, or 0.</summary>
    public byte IllegalWindowScale;

    /// <summary>Whether the SACK-permitted option is there.</summary>
    public bool SackPermitted;

    /// <summary>Whether the timestamps option is there.</summary>
    public bool HasTimestamp;

    /// <summary>TSval.</summary>
    public uint TsVal;

    /// <summary>TSecr.</summary>
    public uint TsEcr;

    /// <summary>Whether there is a Fast Open option, and of which kind.</summary>
    public FastOpenOption FastOpen;

    /// <summary>Bytes of its cookie as read: 0 asks for one, else 4 to 16.</summary>
    public byte FastOpenLength;

    /// <summary>Where the cookie begins in the options read.</summary>
    public byte FastOpenOffset;

    /// <summary>The eight bytes of the cookie to be written, the first one lowest.</summary>
    public ulong FastOpenCookie;

    /// <summary>Whether timestamps are there and nothing else is.</summary>
    internal readonly bool AreTimestampsAlone =>
        HasTimestamp && Mss == 0 && !SackPermitted && !HasWindowScale && FastOpen == FastOpenOption.None;

    /// <summary>Bytes of these options when written, a multiple of 4.</summary>
    public readonly int WireLength =>
        (Mss != 0 ? 4 : 0)
        + (HasTimestamp ? TimestampLength : SackPermitted ? 4 : 0)
        + (HasWindowScale ? 4 : 0)
        + (FastOpen != FastOpenOption.None ? FastOpenWireLength : 0);

    /// <summary>Reads the options of a segment, as far as they are sound; what follows an unsound one is
    /// ignored.</summary>
    /// <param name="segment">The segment.</param>
    /// <remarks>Linux: tcp_parse_options. A known kind with a wrong length is skipped, a length below 2 ends the
    /// walk.</remarks>
    public static TcpOptions Parse(in TcpSegment segment)
    {
        Parse(segment, out TcpOptions options);
        return options;
    }

    /// <summary>Reads the options of a segment into their place, which need not be copied.</summary>
    internal static void Parse(in TcpSegment segment, out TcpOptions options)
    {
        options = default;
        ReadOnlySpan<byte> bytes = segment.Options;
        if (AreAlignedTimestamps(bytes))
        {
            // The usual case after the handshake: NOP, NOP, timestamps and nothing else.
            ReadTimestamp(ref options, bytes[2..]);
            return;
        }

        bool syn = segment.Has(TcpFlags.Syn);
        if (syn && TryParseUsualSyn(ref options, bytes))
        {
            return;
        }

        while (bytes.Length > 0)
        {
            byte kind = bytes[0];
            if (kind == KindEnd)
            {
                break;
            }

            if (kind == KindNop)
            {
                bytes = bytes[1..];
                continue;
            }

            if (bytes.Length < 2 || bytes[1] < 2 || bytes[1] > bytes.Length)
            {
                break;
            }

            if (kind is KindFastOpen or KindExperimental)
            {
                ReadFastOpen(ref options, bytes[..bytes[1]], segment.Options.Length - bytes.Length, syn);
            }
            else
            {
                ReadOption(ref options, kind, bytes[..bytes[1]], syn);
            }

            bytes = bytes[bytes[1]..];
        }
    }

    /// <summary>Whether options are two NOPs and timestamps and nothing else. Linux:
    /// tcp_parse_aligned_timestamp.</summary>
    /// <param name="bytes">The options.</param>
    internal static bool AreAlignedTimestamps(ReadOnlySpan<byte> bytes) => bytes.Length == TimestampLength
        && Unsafe.ReadUnaligned<uint>(in bytes[0]) == (BitConverter.IsLittleEndian ? 0x0a080101u : 0x0101080au);

    /// <summary>Writes the options in Linux's order: MSS, SACK-permitted with timestamps, window scale, Fast
    /// Open.</summary>
    /// <param name="target">At least <see cref="WireLength"/> bytes.</param>
    /// <returns>The bytes written.</returns>
    public readonly int Write(Span<byte> target) => Write(target, out _);

    /// <summary>Writes the options and sums what it writes while it is in registers.</summary>
    /// <param name="target">At least <see cref="WireLength"/> bytes.</param>
    /// <param name="sum">The sum as big-endian numbers, not folded.</param>
    /// <returns>The bytes written.</returns>
    internal readonly int Write(Span<byte> target, out ulong sum)
    {
        int at = 0;
        sum = 0;
        if (Mss != 0)
        {
            uint word = 0x02040000u | Mss;
            BinaryPrimitives.WriteUInt32BigEndian(target, word);
            sum = word;
            at = 4;
        }

        if (HasTimestamp)
        {
            uint word = SackPermitted ? 0x0402080au : 0x0101080au;
            Span<byte> stamps = target.Slice(at, TimestampLength);
            BinaryPrimitives.WriteUInt64BigEndian(stamps, ((ulong)word << 32) | TsVal);
            BinaryPrimitives.WriteUInt32BigEndian(stamps[8..], TsEcr);
            sum += (ulong)word + TsVal + TsEcr;
            at += TimestampLength;
        }
        else if (SackPermitted)
        {
            BinaryPrimitives.WriteUInt32BigEndian(target[at..], 0x01010402u);
            sum += 0x01010402u;
            at += 4;
        }

        if (HasWindowScale)
        {
            uint word = 0x01030300u | WindowScale;
            BinaryPrimitives.WriteUInt32BigEndian(target[at..], word);
            sum += word;
            at += 4;
        }

        if (FastOpen != FastOpenOption.None)
        {
            at += WriteFastOpen(target.Slice(at, FastOpenWireLength), ref sum);
        }

        return at;
    }

    private readonly int WriteFastOpen(Span<byte> target, ref ulong sum)
    {
        int start = 2;
        target[0] = KindFastOpen;
        if (FastOpen == FastOpenOption.Experimental)
        {
            target[0] = KindExperimental;
            BinaryPrimitives.WriteUInt16BigEndian(target[2..], FastOpenNumber);
            start = 4;
        }
        else
        {
            target[^1] = target[^2] = KindNop;
        }

        target[1] = (byte)(start + OwnCookie);
        BinaryPrimitives.WriteUInt64LittleEndian(target[start..], FastOpenCookie);
        for (int i = 0; i < target.Length; i += 4)
        {
            sum += BinaryPrimitives.ReadUInt32BigEndian(target[i..]);
        }

        return target.Length;
    }

    // Linux: tcp_parse_fastopen_option. An odd length is passed over, a wrong one takes an earlier option back.
    private static void ReadFastOpen(ref TcpOptions options, ReadOnlySpan<byte> option, int at, bool syn)
    {
        bool standard = option[0] == KindFastOpen;
        int start = standard ? 2 : 4;
        int length = option.Length - start;
        if (!syn || length < 0 || (length & 1) != 0
            || (!standard && BinaryPrimitives.ReadUInt16BigEndian(option[2..]) != FastOpenNumber))
        {
            return;
        }

        options.FastOpen = length is not 0 and (< ShortestCookie or > LongestCookie) ? FastOpenOption.None
            : standard ? FastOpenOption.Standard : FastOpenOption.Experimental;
        options.FastOpenLength = (byte)length;
        options.FastOpenOffset = (byte)(at + start);
    }

    /// <summary>Whether options are those of every common system's SYN: MSS, SACK-permitted or two NOPs, timestamps,
    /// NOP and window scale.</summary>
    internal static bool IsUsualSyn(ReadOnlySpan<byte> bytes) => bytes.Length == UsualSynLength
        && BinaryPrimitives.ReadUInt16BigEndian(bytes) == 0x0204
        && BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]) is UsualWithSack or UsualWithoutSack
        && BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]) >> 8 == 0x010303;

    private static bool TryParseUsualSyn(ref TcpOptions options, ReadOnlySpan<byte> bytes)
    {
        if (!IsUsualSyn(bytes))
        {
            return false;
        }

        options.Mss = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        options.SackPermitted = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]) == UsualWithSack;
        options.HasTimestamp = true;
        options.TsVal = BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]);
        options.TsEcr = BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]);
        options.HasWindowScale = true;
        SetWindowScale(ref options, bytes[UsualSynLength - 1]);
        return true;
    }

    private static void ReadOption(ref TcpOptions options, byte kind, ReadOnlySpan<byte> option, bool syn)
    {
        switch (kind)
        {
            case KindMss when option.Length == 4 && syn:
                ushort mss = BinaryPrimitives.ReadUInt16BigEndian(option[2..]);
                options.Mss = mss != 0 ? mss : options.Mss;
                break;
            case KindWindowScale when option.Length == 3 && syn:
                options.HasWindowScale = true;
                SetWindowScale(ref options, option[2]);
                break;
            case KindSackPermitted when option.Length == 2 && syn:
                options.SackPermitted = true;
                break;
            case KindTimestamp when option.Length == 10:
                ReadTimestamp(ref options, option);
                break;
        }
    }

    private static void SetWindowScale(ref TcpOptions options, byte scale)
    {
        options.WindowScale = Math.Min(scale, (byte)MaximumWindowScale);
        options.IllegalWindowScale = scale > MaximumWindowScale ? scale : (byte)0;
    }

    private static void ReadTimestamp(ref TcpOptions options, ReadOnlySpan<byte> option)
    {
        options.HasTimestamp = true;
        options.TsVal = BinaryPrimitives.ReadUInt32BigEndian(option[2..]);
        options.TsEcr = BinaryPrimitives.ReadUInt32BigEndian(option[6..]);
    }
}
