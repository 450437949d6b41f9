using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Running;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Cli.Tests.Sessions;

public sealed class CapturedTrafficTests
{
    [Fact]
    public async Task A_capture_names_the_rule_that_dropped_a_SYN()
    {
        string path = Path.Combine(Path.GetTempPath(), $"earshot-capture-{Environment.ProcessId}.pcapng");
        try
        {
            using (var end = new CancellationTokenSource())
            {
                await using RunningStack stack = await RunningStack.StartAsync(
                    new RunningStackOptions("captured", KernelProfile.Linux618, Seed: 1, CapturePath: path),
                    new Terminal(TextWriter.Null, TextWriter.Null));
                Task listen = CommandRun.OfAsync("listen 127.0.0.1 6666 0 --stack captured", end.Token);
                await UntilAsync("ss -nlt", ":6666");
                Task connect = CommandRun.OfAsync("connect localhost 6666 2 --stack captured", end.Token);
                await UntilAsync("netstat -nt", "SYN_SENT");
                await end.CancelAsync();
                await listen;
                await connect;
            }

            // A comment is text in the file, as it stands.
            string bytes = System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(path));
            Assert.Contains("SynAcceptQueueFull: SYN from 127.0.0.1:", bytes);
            Assert.Contains("the accept queue holds 1 connections, more than the backlog of 0", bytes);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_checksum_left_to_a_link_is_completed_and_a_wrong_one_is_not()
    {
        byte[] packet = Packet();
        byte[] whole = [.. packet];
        byte[] scratch = [];

        Write(packet, Checksum.Fold16(Pseudo(packet)));
        Assert.Equal(whole, PartialChecksum.Completed(packet, ref scratch).ToArray());

        Write(packet, 0x1234);
        byte[] wrong = [.. packet];
        Assert.Equal(wrong, PartialChecksum.Completed(packet, ref scratch).ToArray());
        Assert.Equal([1, 2, 3], PartialChecksum.Completed([1, 2, 3], ref scratch).ToArray());
    }

    private static byte[] Packet()
    {
        var packet = new byte[20 + 20 + 3];
        IpPacket.WriteHeader(
            packet,
            new IpFields
            {
                Source = InetAddress.Parse("10.0.0.1"),
                Destination = InetAddress.Parse("10.0.0.2"),
                Protocol = IpPacket.ProtocolTcp,
                Ttl = 64,
            },
            23);
        new byte[] { 0, 80, 1, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 4, 0, 0, 0, 0, 0, 7, 8, 9 }.CopyTo(packet, 20);
        Write(packet, Checksum.Finish(Checksum.Add(packet.AsSpan(20), Pseudo(packet))));
        return packet;
    }

    private static ulong Pseudo(byte[] packet) => Checksum.PseudoHeader(
        InetAddress.Read(packet.AsSpan(12)), InetAddress.Read(packet.AsSpan(16)), IpPacket.ProtocolTcp, packet.Length - 20);

    private static void Write(byte[] packet, ushort sum) =>
        System.Runtime.InteropServices.MemoryMarshal.Write(packet.AsSpan(20 + 16), sum);

    private static async Task UntilAsync(string command, string text)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!(await CommandRun.OfAsync($"{command} --stack captured")).Out.Contains(text, StringComparison.Ordinal))
        {
            await Task.Delay(20, limit.Token);
        }
    }
}
