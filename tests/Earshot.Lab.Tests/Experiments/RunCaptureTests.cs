using System;
using System.IO;
using System.Text;
using Earshot.Lab.Experiments;
using Xunit;
using static Earshot.Lab.Tests.Runs;

namespace Earshot.Lab.Tests.Experiments;

public sealed class RunCaptureTests
{
    private const int EnhancedPacketBlock = 6;

    [Fact]
    public void Each_packet_is_a_block_with_its_verdict_as_comment()
    {
        var bytes = new byte[40];
        RunResult run = Run(ArticleSample()) with
        {
            Packets =
            [
                Packet(1, 0, "S") with { Bytes = bytes, Verdict = "SYN dropped: no room" },
                Packet(1, 1, "S") with { Bytes = bytes },
            ],
        };
        using var stream = new MemoryStream();
        RunCapture.Write(run, stream);

        byte[] file = stream.ToArray();
        int packets = 0;
        for (int at = 0; at < file.Length; at += BitConverter.ToInt32(file, at + 4))
        {
            packets += BitConverter.ToInt32(file, at) == EnhancedPacketBlock ? 1 : 0;
        }

        Assert.Equal(2, packets);
        Assert.Contains("SYN dropped: no room", Encoding.UTF8.GetString(file), StringComparison.Ordinal);
    }
}
