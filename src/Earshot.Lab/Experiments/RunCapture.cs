using System;
using System.IO;
using Earshot.Links;

namespace Earshot.Lab.Experiments;

/// <summary>Writes the packets of a run as a pcapng capture, each with its verdict as comment.</summary>
public static class RunCapture
{
    /// <summary>Writes the capture.</summary>
    /// <param name="result">The run; times in the capture count from its first connect().</param>
    /// <param name="stream">Where it goes; left open.</param>
    /// <exception cref="IOException">The stream failed.</exception>
    public static void Write(RunResult result, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(result);
        using var capture = new PcapngWriter(stream, leaveOpen: true);
        int loopback = capture.AddInterface("lo");
        foreach (PacketRecord packet in result.Packets)
        {
            capture.Write(
                loopback,
                packet.Time.Ticks * TimeSpan.NanosecondsPerTick,
                packet.Bytes.Span,
                packet.Verdict,
                PacketDirection.Inbound);
        }
    }
}
