using System.Globalization;
using System.Text;
using Earshot.Core.Wire;

namespace Earshot.Simulation.Scenarios;

/// <summary>A packet on a wire as a line of text.</summary>
internal static class PacketLine
{
    /// <summary>The line.</summary>
    /// <param name="seen">The packet.</param>
    /// <param name="isEthernet">Whether it is in a frame.</param>
    /// <param name="fate">What is said at the end.</param>
    internal static string Of(in WirePacket seen, bool isEthernet, string fate)
    {
        string head = string.Create(
            CultureInfo.InvariantCulture, $"{seen.Time.Nanoseconds / 1e9,13:0.000000} {seen.From,-6} ");
        System.ReadOnlySpan<byte> bytes = seen.Bytes;
        if (isEthernet)
        {
            if (!EthernetFrame.TryParse(bytes, out EthernetFrame frame) || frame.Type == EthernetFrame.TypeArp)
            {
                return $"{head}{bytes.Length} bytes that are no IP{fate}";
            }

            bytes = frame.Payload;
        }

        if (IpPacket.Parse(bytes, out IpPacket packet) != IpParseError.None)
        {
            return $"{head}{bytes.Length} bytes that are not sound{fate}";
        }

        if (packet.Protocol != IpPacket.ProtocolTcp || packet.IsFragment
            || TcpSegment.Parse(packet, true, seen.Info.SegmentSize, out TcpSegment segment) != TcpParseError.None)
        {
            return string.Create(
                CultureInfo.InvariantCulture, $"{head}protocol {packet.Protocol}, {bytes.Length} bytes{fate}");
        }

        return head + Of(segment) + fate;
    }

    private static string Of(in TcpSegment segment)
    {
        CultureInfo plain = CultureInfo.InvariantCulture;
        var text = new StringBuilder();
        text.Append(plain, $"{segment.Tuple.Remote} > {segment.Tuple.Local} {segment.Flags}");
        text.Append(plain, $" {segment.Seq.Value}+{segment.PayloadLength} ack {segment.Ack.Value}");
        text.Append(plain, $" win {segment.WindowField}");
        TcpOptions options = TcpOptions.Parse(segment);
        if (options.HasTimestamp)
        {
            text.Append(plain, $" ts {options.TsVal} {options.TsEcr}");
        }

        if (segment.HeaderLength - TcpSegment.MinimumHeaderLength - (options.HasTimestamp ? 12 : 0) is > 0 and int more)
        {
            text.Append(plain, $" +{more} bytes of options");
        }

        return text.ToString();
    }
}
