using System;
using System.Globalization;

namespace Earshot.Lab.Experiments;

/// <summary>How reports write numbers, in one place.</summary>
internal static class Say
{
    /// <summary>A time in seconds with as many of six decimals as it needs, as <c>1.5 s</c>.</summary>
    public static string Seconds(TimeSpan time) =>
        time.TotalSeconds.ToString("0.######", CultureInfo.InvariantCulture) + " s";

    /// <summary>The sentence about the clients of a plan that never called connect(), or null when all did.</summary>
    public static string? NotCalled(int clients) => clients switch
    {
        0 => null,
        1 => "1 more client has not called connect(): it waits for the one before.",
        _ => $"{clients} more clients have not called connect(): each waits for the one before.",
    };

    /// <summary>A number without a group separator.</summary>
    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
