using System.Globalization;

namespace Earshot.Monitor.Reading;

/// <summary>The errnos that reading the kernel can meet.</summary>
internal static class Errno
{
    public const int NoEntry = 2;

    /// <summary>The name, as <c>EPERM</c>; the number for one that is not expected here.</summary>
    public static string Name(int number) => number switch
    {
        1 => "EPERM",
        2 => "ENOENT",
        4 => "EINTR",
        11 => "EAGAIN",
        12 => "ENOMEM",
        13 => "EACCES",
        16 => "EBUSY",
        22 => "EINVAL",
        24 => "EMFILE",
        93 => "EPROTONOSUPPORT",
        95 => "EOPNOTSUPP",
        97 => "EAFNOSUPPORT",
        105 => "ENOBUFS",
        116 => "ESTALE",
        _ => "errno " + number.ToString(CultureInfo.InvariantCulture),
    };
}
