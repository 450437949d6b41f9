using System;
using System.Buffers.Binary;

namespace Earshot.Core.Wire;

/// <summary>An ARP message for IPv4 over Ethernet. RFC 826.</summary>
/// <param name="Operation">1 asks, 2 answers.</param>
/// <param name="SenderHardware">The sender's Ethernet address.</param>
/// <param name="Sender">The sender's IPv4 address; 0.0.0.0 of a probe (RFC 5227).</param>
/// <param name="TargetHardware">The Ethernet address that is asked for or answered to.</param>
/// <param name="Target">The IPv4 address that is asked for, or the asker's.</param>
/// <remarks>
/// <code>
/// |     Hardware type: 1    |   Protocol: 0x0800   | 6 | 4 |   Operation   |
/// | Sender hardware (6) | Sender (4) | Target hardware (6) | Target (4) |
/// </code>
/// </remarks>
public readonly record struct ArpPacket(
    ushort Operation, MacAddress SenderHardware, InetAddress Sender, MacAddress TargetHardware, InetAddress Target)
{
    /// <summary>Bytes of a message.</summary>
    public const int Length = 28;

    /// <summary>The operation that asks.</summary>
    public const ushort Request = 1;

    /// <summary>The operation that answers.</summary>
    public const ushort Reply = 2;

    private const ushort Ethernet = 1;
    private const ushort Lengths = (MacAddress.Length << 8) | InetAddress.Length;
    private const int OperationOffset = 6;
    private const int SenderHardwareOffset = 8;
    private const int SenderOffset = 14;
    private const int TargetHardwareOffset = 18;
    private const int TargetOffset = 24;

    /// <summary>Reads a message.</summary>
    /// <param name="bytes">The payload of a frame; padding is not looked at.</param>
    /// <param name="packet">The message.</param>
    /// <returns>Whether it is one of IPv4 over Ethernet that asks or answers.</returns>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out ArpPacket packet)
    {
        packet = default;
        if (bytes.Length < Length || BinaryPrimitives.ReadUInt16BigEndian(bytes) != Ethernet
            || BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]) != EthernetFrame.TypeIPv4
            || BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]) != Lengths)
        {
            return false;
        }

        packet = new ArpPacket(
            BinaryPrimitives.ReadUInt16BigEndian(bytes[OperationOffset..]),
            MacAddress.Read(bytes[SenderHardwareOffset..]), InetAddress.Read(bytes[SenderOffset..]),
            MacAddress.Read(bytes[TargetHardwareOffset..]), InetAddress.Read(bytes[TargetOffset..]));
        return packet.Operation is Request or Reply;
    }

    /// <summary>Writes the message.</summary>
    /// <param name="target">At least 28 bytes.</param>
    public void Write(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt16BigEndian(target, Ethernet);
        BinaryPrimitives.WriteUInt16BigEndian(target[2..], EthernetFrame.TypeIPv4);
        BinaryPrimitives.WriteUInt16BigEndian(target[4..], Lengths);
        BinaryPrimitives.WriteUInt16BigEndian(target[OperationOffset..], Operation);
        SenderHardware.Write(target[SenderHardwareOffset..]);
        Sender.Write(target[SenderOffset..]);
        TargetHardware.Write(target[TargetHardwareOffset..]);
        Target.Write(target[TargetOffset..]);
    }
}
