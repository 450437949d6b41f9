namespace Earshot.Core.Profiles;

/// <content>SYN cookies, and what else is agreed on in a handshake.</content>
public sealed partial record KernelProfile
{
    /// <summary>The release's SYN cookies; null: it has none.</summary>
    public CookieLayout? Cookies { get; init; } = CookieLayout.Linux44;

    /// <summary>Whether <c>tcp_syncookies</c> 2 answers every SYN with a cookie; otherwise it means 1.</summary>
    public bool CookiesMayBeForced { get; init; } = true;

    /// <summary>Whether TCP_DEFER_ACCEPT waits for data until the request dies (before 2.6.32); later, for the time it
    /// names.</summary>
    public bool DefersForEver { get; init; }

    /// <summary>What is written to the kernel's log about a full SYN queue.</summary>
    public SynFloodLog FloodLog { get; init; } = SynFloodLog.WithAddress;
}
