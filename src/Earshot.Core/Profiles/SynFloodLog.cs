namespace Earshot.Core.Profiles;

/// <summary>How often the line about a full SYN queue is written to the kernel's log.</summary>
public enum FloodLogLimit
{
    /// <summary>Once in the life of a listening socket, and within the limit of all such lines.</summary>
    OncePerListener,

    /// <summary>Once in sixty seconds, whoever the listener is.</summary>
    OncePerMinute,

    /// <summary>As often as the limit of all such lines permits.</summary>
    Limited,
}

/// <summary>A release's line in the kernel's log about a full SYN queue.</summary>
public sealed record SynFloodLog
{
    /// <summary>6.2 and later: with the listener's address.</summary>
    public static SynFloodLog WithAddress { get; } = new();

    /// <summary>4.x to 6.1: the name of the requests' slab, the port, and a hint.</summary>
    public static SynFloodLog WithPort { get; } = new()
    {
        Text = "TCP: {slab}: Possible SYN flooding on port {port}. {action}.  Check SNMP counters.",
    };

    /// <summary>3.1 to 3.x: the protocol's name in place of the slab's; silent never.</summary>
    public static SynFloodLog WithProtocol { get; } = new()
    {
        Text = "TCP: {protocol}: Possible SYN flooding on port {port}. {action}.  Check SNMP counters.",
        IsSilentWhenAlways = false,
    };

    /// <summary>3.0: without the hint, again and again.</summary>
    public static SynFloodLog Plain { get; } = new()
    {
        Text = "TCP: Possible SYN flooding on port {port}. {action}.",
        Limit = FloodLogLimit.Limited,
        IsSilentWhenAlways = false,
    };

    /// <summary>2.2 to 2.6.32: of cookies only, once a minute.</summary>
    public static SynFloodLog CookiesOnly { get; } = new()
    {
        Text = "possible SYN flooding on port {port}. {action}.",
        Limit = FloodLogLimit.OncePerMinute,
        TellsDrops = false,
        IsSilentWhenAlways = false,
    };

    /// <summary>2.0: who floods whom.</summary>
    public static SynFloodLog WithPeer { get; } = new()
    {
        Text = "Warning: possible SYN flood from {peer} on {local}:{port}.  {action}.",
        Limit = FloodLogLimit.OncePerMinute,
        TellsDrops = false,
        IsSilentWhenAlways = false,
    };

    /// <summary>The line, with {slab}, {protocol}, {endpoint}, {port}, {peer}, {local} and {action} to be filled
    /// in.</summary>
    public string Text { get; init; } = "TCP: {slab}: Possible SYN flooding on port {endpoint}. {action}.";

    /// <summary>How often it is written.</summary>
    public FloodLogLimit Limit { get; init; } = FloodLogLimit.OncePerListener;

    /// <summary>Whether it is written too when SYNs are dropped rather than answered with cookies.</summary>
    public bool TellsDrops { get; init; } = true;

    /// <summary>Whether it is not written when <c>tcp_syncookies</c> is 2.</summary>
    public bool IsSilentWhenAlways { get; init; } = true;
}
