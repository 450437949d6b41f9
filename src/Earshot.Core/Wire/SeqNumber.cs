namespace Earshot.Core.Wire;

/// <summary>A TCP sequence number: 32 bits that wrap (RFC 9293 §3.4).</summary>
/// <param name="Value">The number as on the wire, in host order.</param>
public readonly record struct SeqNumber(uint Value)
{
    /// <summary>The number <paramref name="count"/> bytes further on.</summary>
    public static SeqNumber operator +(SeqNumber seq, uint count) => new(seq.Value + count);

    /// <summary>The number <paramref name="count"/> bytes further on.</summary>
    public static SeqNumber operator +(SeqNumber seq, int count) => new(seq.Value + (uint)count);

    /// <summary>The number <paramref name="count"/> bytes back.</summary>
    public static SeqNumber operator -(SeqNumber seq, uint count) => new(seq.Value - count);

    /// <summary>The signed distance from <paramref name="earlier"/> to <paramref name="later"/>, in bytes.</summary>
    public static int operator -(SeqNumber later, SeqNumber earlier) => (int)(later.Value - earlier.Value);

    /// <summary>Whether the left number comes before the right one, modulo 2^32.</summary>
    public static bool operator <(SeqNumber left, SeqNumber right) => (int)(left.Value - right.Value) < 0;

    /// <summary>Whether the left number comes after the right one, modulo 2^32.</summary>
    public static bool operator >(SeqNumber left, SeqNumber right) => (int)(left.Value - right.Value) > 0;

    /// <summary>Whether the left number comes before the right one or is the same, modulo 2^32.</summary>
    public static bool operator <=(SeqNumber left, SeqNumber right) => (int)(left.Value - right.Value) <= 0;

    /// <summary>Whether the left number comes after the right one or is the same, modulo 2^32.</summary>
    public static bool operator >=(SeqNumber left, SeqNumber right) => (int)(left.Value - right.Value) >= 0;

    /// <summary>The number in decimal.</summary>
    public override string ToString() => Value.ToString();
}
