using System;
using System.Buffers.Binary;

namespace Earshot.Core.Tcp.Established;

/// <summary>What a connection counts that speaks accurate ECN: made when that is asked for. RFC 9768.</summary>
internal sealed class AccurateEcn
{
    /// <summary>Bytes of the option with its padding. RFC 9768 §3.2.3.</summary>
    internal const int OptionLength = 12;

    // A counter that was zeroed on the way shows. RFC 9768 §3.2.1.
    private const uint FirstPackets = 5;
    private const uint FirstBytes = 1;
    private const byte KindFirstZero = 172;
    private const byte KindFirstOne = 174;
    private const int CounterLength = 3;
    private const uint CounterMask = 0xffffff;

    // r.cep, r.e0b, r.e1b, r.ceb: what came with which mark. RFC 9768 §3.2.1.
    private uint _received = FirstPackets;
    private uint _receivedZero = FirstBytes;
    private uint _receivedOne = FirstBytes;
    private uint _receivedMarked;

    // s.cep, s.ceb and so on: what the peer has told.
    private uint _told = FirstPackets;
    private uint _toldZero = FirstBytes;
    private uint _toldOne = FirstBytes;
    private uint _toldMarked;
    private uint _newBytes;
    private bool _hasNewBytes;
    private bool _wasMarked;
    private int _unsaid;
    private byte _handshake;

    /// <summary>Packets that came with a mark.</summary>
    internal uint Received => _received - FirstPackets;

    /// <summary>Packets of ours that the peer says came with a mark.</summary>
    internal uint Delivered => _told - FirstPackets;

    /// <summary>Whether something on the way changes what is told: nothing is sent as capable then, and nothing that is
    /// told counts. RFC 9768 §3.2.2.3, §3.2.2.4.</summary>
    internal bool IsMangled { get; private set; }

    /// <summary>Whether the peer's option was seen.</summary>
    internal bool HasSeenOption { get; private set; }

    /// <summary>Packets that the last ACK told to have been marked.</summary>
    internal int NewMarks { get; private set; }

    /// <summary>Whether the ACK of a SYN-ACK is being sent, which says how that was marked.</summary>
    internal bool IsHandshake { get; set; }

    private bool HasFeedback { get; set; }

    /// <summary>The three bits that tell of the mark on a SYN or SYN-ACK. RFC 9768 §3.1.1, table 3.</summary>
    internal static int Code(int mark) => mark == 3 ? 6 : mark + 2;

    /// <summary>What the peer says about the mark of our SYN or SYN-ACK, which had none.</summary>
    /// <param name="code">The three bits.</param>
    internal void TakeHandshake(int code)
    {
        const int Zeroed = 0;
        const int Changed = 3;
        const int Capable = 4;
        const int Marked = 6;
        IsMangled |= code is Zeroed or Changed or Capable or Marked;
        _told += code == Marked ? 1u : 0;
    }

    /// <summary>The SYN-ACK came.</summary>
    internal void NoteSynAck(int mark)
    {
        _handshake = (byte)Code(mark);
        _received += mark == 3 ? 1u : 0;
    }

    /// <summary>The SYN came.</summary>
    internal void NoteSyn(int mark) => _received += mark == 3 ? 1u : 0;

    /// <summary>A segment came. RFC 9768 §3.2.2.5.1.</summary>
    /// <returns>Whether it is to be acknowledged at once.</returns>
    internal bool Count(int mark, int packets, int bytes)
    {
        const int MostUnsaid = 2;
        bool isMarked = mark == 3;
        if (isMarked)
        {
            _received += (uint)packets;
            _unsaid += packets;
        }

        if (bytes == 0)
        {
            return false;
        }

        switch (mark)
        {
            case 1:
                _receivedOne += (uint)bytes;
                break;
            case 2:
                _receivedZero += (uint)bytes;
                break;
            case 3:
                _receivedMarked += (uint)bytes;
                break;
        }

        bool begins = isMarked && !_wasMarked;
        _wasMarked = isMarked;
        return begins || _unsaid >= MostUnsaid;
    }

    /// <summary>The three bits of a segment that leaves.</summary>
    internal int Tell()
    {
        _unsaid = 0;
        return IsHandshake ? _handshake : (int)(_received & 7);
    }

    /// <summary>Writes the option.</summary>
    internal void WriteOption(Span<byte> target)
    {
        const byte Nop = 1;
        target[0] = KindFirstZero;
        target[1] = OptionLength - 1;
        Put(target[2..], _receivedZero);
        Put(target[5..], _receivedMarked);
        Put(target[8..], _receivedOne);
        target[OptionLength - 1] = Nop;
    }

    /// <summary>Reads the option of a segment, if it has one.</summary>
    internal void TakeOption(ReadOnlySpan<byte> options)
    {
        _hasNewBytes = false;
        while (options.Length > 1 && options[0] != 0)
        {
            int length = options[0] == 1 ? 1 : options[1];
            if (length < 1 || length > options.Length || (length < 2 && options[0] != 1))
            {
                return;
            }

            if (options[0] is KindFirstZero or KindFirstOne)
            {
                bool zero = options[0] == KindFirstZero;
                HasSeenOption = true;
                Take(options[2..length], 0, ref zero ? ref _toldZero : ref _toldOne);
                _newBytes = Take(options[2..length], 1, ref _toldMarked);
                _hasNewBytes = length >= 2 + (2 * CounterLength);
                Take(options[2..length], 2, ref zero ? ref _toldOne : ref _toldZero);
                return;
            }

            options = options[length..];
        }
    }

    /// <summary>An ACK brought news of packets: how many of them were marked? RFC 9768, appendix A.2.</summary>
    /// <param name="code">The three bits.</param>
    /// <param name="delivered">Packets that it told of.</param>
    /// <param name="mss">Payload bytes of a full one.</param>
    /// <returns>How many.</returns>
    internal int TakeFeedback(int code, int delivered, int mss)
    {
        if (!HasFeedback)
        {
            HasFeedback = true;
            IsMangled |= code == 0;
        }

        NewMarks = IsMangled ? 0
            : MarksOf((code - (int)_told) & 7, delivered, _hasNewBytes ? (int)_newBytes : -1, mss);
        _told += (uint)NewMarks;
        return NewMarks;
    }

    /// <summary>How many packets were marked when the difference of a counter of three bits is known.</summary>
    /// <param name="least">The difference.</param>
    /// <param name="delivered">Packets that the ACK told of.</param>
    /// <param name="bytes">Marked bytes by the option; -1: unknown.</param>
    /// <param name="mss">Payload bytes of a full packet.</param>
    internal static int MarksOf(int least, int delivered, int bytes, int mss)
    {
        const int Wrap = 8;
        if (delivered < Wrap)
        {
            return least;
        }

        // The counter may have come round: the most that it can mean, unless the bytes say that it is too much.
        int safer = delivered - ((delivered - least) & (Wrap - 1));
        bool isEnough = bytes >= 0 && (bytes <= (long)mss * least || bytes < (long)mss * safer / 2);
        return isEnough ? least : Math.Max(safer, least);
    }

    /// <summary>What TCP_INFO tells of it, from received_ce on. Linux: tcp_get_info.</summary>
    internal void WriteInfo(Span<byte> target)
    {
        Span<uint> words =
        [
            Received, _toldOne - FirstBytes, _toldZero - FirstBytes, _toldMarked, _receivedOne - FirstBytes,
            _receivedZero - FirstBytes, _receivedMarked,
            (IsMangled ? 1u : 0) | (HasSeenOption ? 1u << 16 : 0),
        ];
        for (int i = 0; i < words.Length && target.Length >= 4 * (i + 1); i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(target[(4 * i)..], words[i]);
        }
    }

    private static uint Take(ReadOnlySpan<byte> counters, int place, ref uint told)
    {
        int at = place * CounterLength;
        if (counters.Length < at + CounterLength)
        {
            return 0;
        }

        uint value = ((uint)counters[at] << 16) | ((uint)counters[at + 1] << 8) | counters[at + 2];
        uint more = (value - told) & CounterMask;

        // What seems to go back is an old ACK's.
        more = more > CounterMask / 2 ? 0 : more;
        told += more;
        return more;
    }

    private static void Put(Span<byte> target, uint counter)
    {
        target[0] = (byte)(counter >> 16);
        target[1] = (byte)(counter >> 8);
        target[2] = (byte)counter;
    }
}
