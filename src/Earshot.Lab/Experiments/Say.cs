using System;
using System.Globalization;

namespace Earshot.Lab.Experiments;

/// <summary>How reports write numbers, in one place.</summary>
internal static class Say
{
    /// <summary>A time in seconds with as many of six decimals as it needs, as <c>1.5 s</c>.</summary>
    public static string Seconds(TimeSpan time) =>
        time.TotalSeconds.ToString("0.######", CultureInfo.InvariantCulture) + " s";

    /// <summary>A number without a group separator.</summary>
    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
