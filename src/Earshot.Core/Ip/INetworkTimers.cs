namespace Earshot.Core.Ip;

/// <summary>What a timer of the network layer is for.</summary>
internal enum NetworkTimer : byte
{
    /// <summary>The lifetime of an IPv4 datagram's fragments.</summary>
    Fragments,

    /// <summary>The lifetime of an IPv6 datagram's fragments.</summary>
    Fragments6,

    /// <summary>A neighbour's next step.</summary>
    Neighbor,

    /// <summary>An address's duplicate detection, or its lifetimes.</summary>
    Address,

    /// <summary>The next question for routers of an interface, or a router's lifetime.</summary>
    Router,

    /// <summary>The next report of the IPv6 groups of an interface.</summary>
    Report,

    /// <summary>The next report of the IPv4 groups of an interface.</summary>
    Groups,
}

/// <summary>Told of the network layer's timers.</summary>
internal interface INetworkTimerOwner
{
    /// <summary>A timer fired; it can be armed again.</summary>
    void OnTimer(NetworkTimer kind, int owner);
}

/// <summary>Timers for the network layer, on the stack's one wheel.</summary>
internal interface INetworkTimers
{
    /// <summary>Who is told.</summary>
    INetworkTimerOwner? NetworkOwner { get; set; }

    /// <summary>Makes a timer, which is not armed.</summary>
    /// <returns>Its node, 0 or more.</returns>
    int NewNode(NetworkTimer kind, int owner);

    /// <summary>Arms a timer, whether it was armed or not.</summary>
    /// <param name="node">The timer.</param>
    /// <param name="expires">The jiffy at which it is due.</param>
    void Rearm(int node, long expires);

    /// <summary>Disarms a timer, if it is armed.</summary>
    void Disarm(int node);

    /// <summary>Gives a timer back; the node is -1 afterwards.</summary>
    void FreeNode(ref int node);
}
