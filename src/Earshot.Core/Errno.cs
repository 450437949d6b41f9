namespace Earshot.Core;

/// <summary>Linux's error numbers, on every platform; calls return them negated.</summary>
public static class Errno
{
    /// <summary>Operation not permitted.</summary>
    public const int EPERM = 1;

    /// <summary>No such file or directory; an unknown sysctl.</summary>
    public const int ENOENT = 2;

    /// <summary>Interrupted system call.</summary>
    public const int EINTR = 4;

    /// <summary>Bad file descriptor.</summary>
    public const int EBADF = 9;

    /// <summary>Try again: the call would wait.</summary>
    public const int EAGAIN = 11;

    /// <summary>Out of memory.</summary>
    public const int ENOMEM = 12;

    /// <summary>Permission denied.</summary>
    public const int EACCES = 13;

    /// <summary>Bad address.</summary>
    public const int EFAULT = 14;

    /// <summary>No such device.</summary>
    public const int ENODEV = 19;

    /// <summary>Invalid argument.</summary>
    public const int EINVAL = 22;

    /// <summary>Too many open files.</summary>
    public const int EMFILE = 24;

    /// <summary>Broken pipe.</summary>
    public const int EPIPE = 32;

    /// <summary>Argument out of domain: microseconds that are a second or more.</summary>
    public const int EDOM = 33;

    /// <summary>Too many in a row, or a circle: epolls that watch each other.</summary>
    public const int ELOOP = 40;

    /// <summary>Socket operation on non-socket.</summary>
    public const int ENOTSOCK = 88;

    /// <summary>Destination address required.</summary>
    public const int EDESTADDRREQ = 89;

    /// <summary>Message too long.</summary>
    public const int EMSGSIZE = 90;

    /// <summary>Protocol not available: an unknown socket option.</summary>
    public const int ENOPROTOOPT = 92;

    /// <summary>Protocol not supported.</summary>
    public const int EPROTONOSUPPORT = 93;

    /// <summary>Socket type not supported.</summary>
    public const int ESOCKTNOSUPPORT = 94;

    /// <summary>Operation not supported.</summary>
    public const int EOPNOTSUPP = 95;

    /// <summary>Address family not supported.</summary>
    public const int EAFNOSUPPORT = 97;

    /// <summary>Address already in use.</summary>
    public const int EADDRINUSE = 98;

    /// <summary>Cannot assign requested address.</summary>
    public const int EADDRNOTAVAIL = 99;

    /// <summary>Network is unreachable.</summary>
    public const int ENETUNREACH = 101;

    /// <summary>Software caused connection abort.</summary>
    public const int ECONNABORTED = 103;

    /// <summary>Connection reset by peer.</summary>
    public const int ECONNRESET = 104;

    /// <summary>No buffer space available.</summary>
    public const int ENOBUFS = 105;

    /// <summary>Socket is connected.</summary>
    public const int EISCONN = 106;

    /// <summary>Socket is not connected.</summary>
    public const int ENOTCONN = 107;

    /// <summary>Connection timed out.</summary>
    public const int ETIMEDOUT = 110;

    /// <summary>Connection refused.</summary>
    public const int ECONNREFUSED = 111;

    /// <summary>Host is down.</summary>
    public const int EHOSTDOWN = 112;

    /// <summary>No route to host.</summary>
    public const int EHOSTUNREACH = 113;

    /// <summary>File exists.</summary>
    public const int EEXIST = 17;

    /// <summary>Inappropriate ioctl for device.</summary>
    public const int ENOTTY = 25;

    /// <summary>No message of the desired type.</summary>
    public const int ENOMSG = 42;

    /// <summary>No data available.</summary>
    public const int ENODATA = 61;

    /// <summary>Operation already in progress.</summary>
    public const int EALREADY = 114;

    /// <summary>Operation now in progress.</summary>
    public const int EINPROGRESS = 115;

    /// <summary>Protocol error.</summary>
    public const int EPROTO = 71;

    /// <summary>Machine is not on the network.</summary>
    public const int ENONET = 64;

    /// <summary>No space left on device.</summary>
    public const int ENOSPC = 28;

    /// <summary>State not recoverable.</summary>
    public const int ENOTRECOVERABLE = 131;

    /// <summary>The name of an error number, as <c>EAGAIN</c>; the number itself when it has none here.</summary>
    /// <param name="errno">The number, positive or negated.</param>
    public static string Name(int errno)
    {
        int number = errno < 0 ? -errno : errno;
        foreach (System.Reflection.FieldInfo field in typeof(Errno).GetFields())
        {
            if (field.IsLiteral && field.GetRawConstantValue() is int value && value == number)
            {
                return field.Name;
            }
        }

        return number.ToString();
    }
}
