using System.IO;

namespace Earshot.Links;

/// <summary>Why a device could not be opened.</summary>
public enum LinkFailure
{
    /// <summary>Something else; the message has the system's error.</summary>
    Other = 0,

    /// <summary>This machine or container has no TUN driver (no /dev/net/tun).</summary>
    NoDriver,

    /// <summary>The caller may not open, make or configure the device (EPERM, EACCES).</summary>
    NotPermitted,

    /// <summary>Another program holds the device (EBUSY).</summary>
    Busy,

    /// <summary>There is no device of that name, and none was to be made.</summary>
    NoSuchDevice,

    /// <summary>A device of that name exists but is no TUN device one can attach to.</summary>
    WrongKind,
}

/// <summary>The exception for a device that cannot be opened; the message says what to do.</summary>
public sealed class LinkException : IOException
{
    internal LinkException(LinkFailure failure, string message, int errno = 0)
        : base(message)
    {
        Failure = failure;
        Errno = errno;
    }

    /// <summary>Why, in one word.</summary>
    public LinkFailure Failure { get; }

    /// <summary>The system's error number, or 0 when no system call failed.</summary>
    public int Errno { get; }
}
