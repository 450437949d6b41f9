using System;
using System.Runtime.CompilerServices;
using Earshot.Core.Ip;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Tcp.Established.Sending;
using Earshot.Core.Time;

namespace Earshot.Core;

/// <content>The way out: packets that wait for their link, and those that it is not done with.</content>
public sealed partial class NetworkStack
{
    /// <summary>Takes the next packet that wants to leave.</summary>
    /// <param name="packet">The packet, valid until the next call into the stack.</param>
    /// <returns>False when there is none.</returns>
    public bool TryTransmit(out OutboundPacket packet)
    {
        PacketQueue outbox = _output.Outbox;
        CompleteTransmit();
        if (outbox.Count == 0)
        {
            packet = default;
            return false;
        }

        // Written where it goes: a copy of what was just put together would wait for its parts.
        Unsafe.SkipInit(out packet);
        packet.Bytes = outbox.Peek(out int @interface, out PacketInfo info, out Instant time);
        packet.Interface = @interface;
        packet.Info = info;
        packet.Time = time;
        _transmitting = true;
        if (_tap is not null)
        {
            ShowTap(packet);
        }

        return true;
    }

    private void ShowTap(in OutboundPacket packet)
    {
        ReadOnlySpan<byte> bytes = packet.Bytes;
        if (TryStrip(ref bytes, packet.Interface, packet.Info))
        {
            _tap!(new TappedPacket(bytes, packet.Time, packet.Interface, outbound: true, packet.Info, default));
        }
    }

    /// <summary>The packet that <see cref="TryTransmit"/> gave last has left: its place is free, and what waited for
    /// that goes on.</summary>
    internal void CompleteTransmit()
    {
        if (_transmitting)
        {
            if (_tcp.LinkAccounts.IsUsed)
            {
                NoteTaken();
            }

            _output.Outbox.Drop();
            _transmitting = false;
            if (_output.Outbox.Count <= Options.TransmitQueueLimit / 2)
            {
                _tcp.Unblock();
            }
        }
    }

    private void NoteTaken()
    {
        _output.Outbox.Peek(out int @interface, out _, out _);
        if ((_routes.Interface(@interface).Offload & InterfaceOffload.Completion) != 0)
        {
            _tcp.LinkAccounts.Take(@interface, _output.Outbox.Begin);
        }
    }

    /// <summary>A link of <see cref="InterfaceOffload.Completion"/> is done with the oldest of the packets that
    /// <see cref="TryTransmit"/> gave for it: they have left, or were dropped. What waited for that goes on. Linux:
    /// tcp_wfree.</summary>
    /// <param name="interface">The interface: 2 is the first after loopback.</param>
    /// <param name="packets">How many.</param>
    /// <param name="now">The moment; one before <see cref="Now"/> counts as <see cref="Now"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The link was not given so many, or is none that
    /// tells.</exception>
    public void CompleteTransmissions(int @interface, int packets, Instant now)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(packets);
        OnTimer(now);
        CompleteTransmit();
        foreach (Connection connection in _tcp.LinkAccounts.Complete(@interface, packets))
        {
            connection.OnLinkReleased();
        }

        foreach (ILinkSender sender in _tcp.LinkAccounts.Senders)
        {
            sender.OnLinkReleased();
        }

        Drain(null);
    }

    /// <summary>The packet that <see cref="TryTransmit"/> gave last has not left: it comes again.</summary>
    internal void CancelTransmit() => _transmitting = false;
}
