namespace Earshot.Core.Tcp.Established;

/// <summary>Received packets in the order of their sequence numbers, as <see cref="Connection"/> collapses
/// them.</summary>
internal interface IPacketOrder
{
    /// <summary>Whether there is a packet at a place.</summary>
    bool Has(int place);

    /// <summary>The packet at a place.</summary>
    ref ReceivedPacket At(int place);

    /// <summary>The place after another.</summary>
    int Next(int place);

    /// <summary>Removes a packet.</summary>
    /// <returns>Where the one after it is now.</returns>
    int Remove(int place);

    /// <summary>Puts a copy before a place.</summary>
    /// <returns>Where the packet of that place is now.</returns>
    int Put(int place, in ReceivedPacket packet);

    /// <summary>All copies of a run were put.</summary>
    void Settle();
}
