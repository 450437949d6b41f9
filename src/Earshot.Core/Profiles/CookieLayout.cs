using System;
using System.Collections.Generic;

namespace Earshot.Core.Profiles;

/// <summary>How a SYN cookie holds its minute and its MSS.</summary>
public enum CookieForm
{
    /// <summary>A hash whose low three bits are the place in the table of segment sizes.</summary>
    LowBits,

    /// <summary>A sum: a hash, the peer's number, the minute in the top eight bits, a second hash with the place in the
    /// table in the low 24.</summary>
    Sum,
}

/// <summary>What a SYN cookie's timestamp remembers of the SYN's options.</summary>
public enum CookieStamp
{
    /// <summary>Nothing: the SYN-ACK carries the MSS alone.</summary>
    None,

    /// <summary>Nine bits: the peer's window scale, our own, SACK.</summary>
    Scales,

    /// <summary>Six bits: the peer's window scale, SACK, ECN.</summary>
    ScaleSackEcn,
}

/// <summary>A release's SYN cookies: their numbers, what they remember, and how long they are believed.</summary>
/// <remarks>
/// The hash itself (SHA-1 before 4.11, SipHash since) is keyed with random numbers and cannot be told on the wire, so
/// one keyed hash serves all. What can be told is here.
/// </remarks>
public sealed record CookieLayout
{
    private static readonly ushort[] OldSizes = [64, 256, 512, 536, 1024, 1440, 1460, 4312];

    /// <summary>2.0: three low bits; (unverified) how many minutes it is believed, and that no overflow is asked
    /// for.</summary>
    public static CookieLayout Linux20 { get; } = new()
    {
        Form = CookieForm.LowBits,
        MssTable = OldSizes,
        MssTableIPv6 = OldSizes,
        Ages = 4,
        Gate = TimeSpan.MaxValue,
        GateIsShared = true,
        Stamp = CookieStamp.None,
        CountsClosedGate = true,
    };

    /// <summary>2.2 to 2.6.20: eight sizes, four minutes, one stamp of the last overflow for all listeners.</summary>
    public static CookieLayout Linux22 { get; } = Linux20 with
    {
        Form = CookieForm.Sum,
        Gate = TimeSpan.FromSeconds(3),
    };

    /// <summary>2.6.32: nine bits of the timestamp; each listener has its stamp.</summary>
    public static CookieLayout Linux2632 { get; } = Linux22 with
    {
        GateIsShared = false,
        Stamp = CookieStamp.Scales,
    };

    /// <summary>3.0 to 3.12: eight other sizes, six bits of the timestamp; (unverified) the sizes of IPv6.</summary>
    public static CookieLayout Linux310 { get; } = Linux2632 with
    {
        MssTable = [64, 512, 536, 1024, 1440, 1460, 4312, 8960],
        MssTableIPv6 = [64, 512, 536, 1220, 1420, 1440, 4400, 8940],
        Stamp = CookieStamp.ScaleSackEcn,
    };

    /// <summary>4.4 and later: four sizes, two minutes, two minutes after an overflow.</summary>
    public static CookieLayout Linux44 { get; } = new();

    /// <summary>FreeBSD: every SYN-ACK's number is a cookie, believed for 15 to 30 s and for 15 s after an overflow;
    /// (unverified) the sizes, and that options are lost.</summary>
    public static CookieLayout FreeBsd { get; } = new()
    {
        MssTable = [216, 536, 1200, 1360, 1400, 1440, 1452, 1460],
        MssTableIPv6 = [216, 536, 1200, 1360, 1400, 1440, 1452, 1460],
        Period = TimeSpan.FromSeconds(15),
        Gate = TimeSpan.FromSeconds(15),
        Stamp = CookieStamp.None,
    };

    /// <summary>How the parts are put together.</summary>
    public CookieForm Form { get; init; } = CookieForm.Sum;

    /// <summary>The MSS values that a cookie can name over IPv4, rising: 4 or 8.</summary>
    public IReadOnlyList<ushort> MssTable { get; init; } = [536, 1300, 1440, 1460];

    /// <summary>The MSS values over IPv6.</summary>
    public IReadOnlyList<ushort> MssTableIPv6 { get; init; } = [1220, 1420, 1440, 8940];

    /// <summary>The step of the clock that a cookie carries.</summary>
    public TimeSpan Period { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Steps of the clock in which a cookie is believed, its own included.</summary>
    public int Ages { get; init; } = 2;

    /// <summary>How long after a cookie was sent cookies are believed at all.</summary>
    public TimeSpan Gate { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Whether all listeners share one stamp of the last cookie sent; otherwise each has its own.</summary>
    public bool GateIsShared { get; init; }

    /// <summary>What the timestamp remembers.</summary>
    public CookieStamp Stamp { get; init; } = CookieStamp.ScaleSackEcn;

    /// <summary>Whether an ACK that comes when no cookie was sent lately counts SyncookiesFailed. (unverified) for the
    /// releases that set it.</summary>
    public bool CountsClosedGate { get; init; }
}
