using System.Globalization;
using System.Runtime.InteropServices;

namespace Earshot.Lab.Native;

/// <summary>The names of Linux's error numbers, as far as sockets give them.</summary>
internal static class Errno
{
    public const int EAGAIN = 11;
    public const int EINTR = 4;
    public const int EPERM = 1;
    public const int EINPROGRESS = 115;

    /// <summary>The errno of the P/Invoke call that just failed on this thread.</summary>
    public static int Last => Marshal.GetLastPInvokeError();

    /// <summary>The name of the errno of the P/Invoke call that just failed on this thread.</summary>
    public static string LastName => Name(Last);

    /// <summary>The name of an errno, or <c>errno N</c> for one that sockets do not give.</summary>
    public static string Name(int errno) => errno switch
    {
        1 => "EPERM",
        2 => "ENOENT",
        4 => "EINTR",
        9 => "EBADF",
        11 => "EAGAIN",
        12 => "ENOMEM",
        13 => "EACCES",
        16 => "EBUSY",
        22 => "EINVAL",
        23 => "ENFILE",
        24 => "EMFILE",
        32 => "EPIPE",
        88 => "ENOTSOCK",
        92 => "ENOPROTOOPT",
        93 => "EPROTONOSUPPORT",
        95 => "EOPNOTSUPP",
        97 => "EAFNOSUPPORT",
        98 => "EADDRINUSE",
        99 => "EADDRNOTAVAIL",
        100 => "ENETDOWN",
        101 => "ENETUNREACH",
        103 => "ECONNABORTED",
        104 => "ECONNRESET",
        105 => "ENOBUFS",
        106 => "EISCONN",
        107 => "ENOTCONN",
        110 => "ETIMEDOUT",
        111 => "ECONNREFUSED",
        112 => "EHOSTDOWN",
        113 => "EHOSTUNREACH",
        114 => "EALREADY",
        115 => "EINPROGRESS",
        _ => "errno " + errno.ToString(CultureInfo.InvariantCulture),
    };
}
