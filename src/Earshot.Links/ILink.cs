using System;

namespace Earshot.Links;

/// <summary>
/// A device that moves whole IP packets, or Ethernet frames: the seam between a wire, a pipe or a kernel device and
/// whoever pumps a stack.
/// </summary>
/// <remarks>
/// <see cref="Receive"/>, <see cref="TrySend"/> and <see cref="Wait"/> belong to one thread, the pump's;
/// <see cref="Wake"/> and <see cref="IDisposable.Dispose"/> may be called from any. On a disposed link the three throw
/// <see cref="ObjectDisposedException"/>, a <see cref="Wait"/> under way returns, and <see cref="Wake"/> does nothing.
/// What arrives or a device that fails never throws: it is counted.
/// </remarks>
public interface ILink : IDisposable
{
    /// <summary>The device's name, as its owner knows it.</summary>
    string Name { get; }

    /// <summary>The longest IP packet the link carries, in bytes; of a super-packet, each segment.</summary>
    int Mtu { get; }

    /// <summary>Whether its packets are whole Ethernet frames; else raw IP packets. Raw IP by default.</summary>
    bool IsEthernet => false;

    /// <summary>The work a sender may leave to the link.</summary>
    LinkOffload Offload { get; }

    /// <summary>Packets dropped because they were longer than the buffer given to <see cref="Receive"/>.</summary>
    long ReceiveOversized { get; }

    /// <summary>
    /// Packets <see cref="TrySend"/> took and dropped: longer than the link carries, refused by the device, or sent
    /// while the device was down or the other end gone.
    /// </summary>
    long SendDropped { get; }

    /// <summary>
    /// Packets that <see cref="TrySend"/> took and that the link is done with, since they have left or were dropped; it
    /// counts only where <see cref="Offload"/> has <see cref="LinkOffload.Completion"/>, and then <see cref="Wait"/>
    /// also ends when it grows. Belongs to the pump's thread.
    /// </summary>
    long SendCompleted => 0;

    /// <summary>Takes the next packet, without ever blocking.</summary>
    /// <param name="buffer">
    /// Where the packet goes; a packet that is longer is dropped and counted, and the next one is looked at. 65 575
    /// bytes hold any packet.
    /// </param>
    /// <param name="info">What the link knows about the packet.</param>
    /// <returns>The packet's length in bytes, or 0 when there is none now.</returns>
    int Receive(Span<byte> buffer, out LinkPacketInfo info);

    /// <summary>Hands a packet to the link, which copies it before the call returns.</summary>
    /// <param name="packet">One whole IP packet.</param>
    /// <param name="info">What was left to the link.</param>
    /// <returns>
    /// False when the link is full: the caller keeps the packet, and the next <see cref="Wait"/> also ends when there
    /// may be room again. True when the packet was taken, or dropped and counted in <see cref="SendDropped"/>.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// <paramref name="info"/> leaves work to the link that <see cref="Offload"/> does not offer, points outside the
    /// packet, or describes a super-packet whose checksum is not left to the link.
    /// </exception>
    bool TrySend(ReadOnlySpan<byte> packet, in LinkPacketInfo info);

    /// <summary>
    /// Blocks until a packet may be readable, until there may be room after a refused <see cref="TrySend"/>, until
    /// <see cref="Wake"/> is or was called, or until the time is over.
    /// </summary>
    /// <param name="timeout">
    /// The longest time to block: zero only looks, <see cref="System.Threading.Timeout.InfiniteTimeSpan"/> waits
    /// without end. On Linux it is kept to within about 0.1 ms; elsewhere it is rounded up to milliseconds.
    /// </param>
    /// <returns>False on time-out. True uses up a <see cref="Wake"/>, whatever the reason was.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeout"/> is negative.</exception>
    bool Wait(TimeSpan timeout);

    /// <summary>
    /// Ends the pump's <see cref="Wait"/>, or the next one when it is not waiting; callable from any thread.
    /// </summary>
    void Wake();
}
