using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Threading.Tasks;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Packetdrill;

/// <summary>Packets that the script language cannot write, given to the stack and to the host kernel.</summary>
public sealed class RawPacketTests
{
    private const byte Udp = 17;
    private const ushort Port = 8080;

    private static readonly IPAddress Own = IPAddress.Parse("192.168.0.1");
    private static readonly IPAddress Peer = IPAddress.Parse("192.0.2.1");

    // What the stack leaves out.
    private static readonly string[] Deviating =
        ["IpExtInMcastPkts", "IpExtInMcastOctets", "IpExtInBcastPkts", "IpExtInBcastOctets"];

    [TunFact]
    public async Task Packets_that_no_script_can_write_get_the_same_answers_and_counters()
    {
        string[] names = [.. Cases().Select(static c => c.Name)];
        (string[] stack, string[] host) = await OwnThread.AskBoth(Tell);
        Assert.Equal(names.Length, host.Length);
        string[] differing = [.. names.Index().Where(n => stack[n.Index] != host[n.Index])
            .Select(n => $"{n.Item}\n  stack: {stack[n.Index]}\n  host:  {host[n.Index]}")];
        Assert.True(differing.Length == 0, string.Join('\n', differing));
    }

    [TunFact]
    public void They_make_the_rules_speak_that_scripts_cannot()
    {
        RuleId[] spoken = [];
        var maker = new StackPacketTargetMaker(KernelProfile.Linux618)
        {
            Finished = stack => spoken = [.. stack.Ledger.Tallies.Select(static t => t.Rule)],
        };
        _ = maker.Run(new PacketTargetOptions(), Tell);
        RuleId[] expected =
        [
            RuleId.SegmentChecksum, RuleId.SegmentHeader, RuleId.PacketHeader, RuleId.PacketTruncated,
            RuleId.PacketFragment, RuleId.PacketOptions, RuleId.PacketUnknownProtocol, RuleId.PacketNotOurs,
            RuleId.SynNotUnicast, RuleId.IcmpEcho, RuleId.IcmpBad, RuleId.IcmpIgnored, RuleId.DatagramTaken,
        ];
        Assert.Empty(expected.Except(spoken));
    }

    private static string[] Tell(IPacketTarget target)
    {
        ISocketCalls calls = target.Calls;
        int listener = calls.Socket(SocketAddressBytes.Inet, 1, 0);
        Assert.Equal(0, calls.Bind(listener, SocketAddressBytes.Make(IPAddress.Any, Port)));
        Assert.Equal(0, calls.Listen(listener, 9));
        int datagrams = calls.Socket(SocketAddressBytes.Inet, 2, 0);
        Assert.Equal(0, calls.Bind(datagrams, SocketAddressBytes.Make(IPAddress.Any, Port)));
        try
        {
            return [.. Cases().Select(c => Tell(target, c.Packet))];
        }
        finally
        {
            calls.Close(listener);
            calls.Close(datagrams);
        }
    }

    private static string Tell(IPacketTarget target, byte[] packet)
    {
        IReadOnlyDictionary<string, long> before = target.Counters();
        target.Inject(packet);
        target.WaitUntil(target.Now + TimeSpan.FromMilliseconds(20));
        var text = new List<string>();
        while (target.TryTake(out SeenPacket seen))
        {
            if (seen.Bytes[0] >> 4 == 4)
            {
                text.Add(Masked(seen.Bytes));
            }
        }

        text.AddRange(target.Counters()
            .Where(c => c.Value != before.GetValueOrDefault(c.Key) && !c.Key.Contains('6', StringComparison.Ordinal)
                && !c.Key.StartsWith("IcmpMsg", StringComparison.Ordinal) && !Deviating.Contains(c.Key))
            .OrderBy(static c => c.Key, StringComparer.Ordinal)
            .Select(c => $"{c.Key} {c.Value - before.GetValueOrDefault(c.Key)}"));
        return string.Join(", ", text);
    }

    // The identification of an answer and an ISN are numbers of the kernel's own, and so are the checksums over them.
    private static string Masked(byte[] packet)
    {
        byte[] masked = [.. packet];
        masked.AsSpan(4, 2).Clear();
        masked.AsSpan(10, 2).Clear();
        if (packet[9] == SegmentBytes.Tcp)
        {
            const int sequence = 24;
            const int checksum = 36;
            masked.AsSpan(sequence, sizeof(uint)).Clear();
            masked.AsSpan(checksum, sizeof(ushort)).Clear();
        }

        return Convert.ToHexString(masked);
    }

    private static IEnumerable<(string Name, byte[] Packet)> Cases()
    {
        yield return ("a wrong checksum of TCP", Changed(Syn(), p => p[^1] ^= 1));
        yield return ("a header length of 16", Changed(Syn(), p => p[32] = 4 << 4));
        yield return ("a header longer than the segment", Changed(Syn(), p => p[32] = 15 << 4));
        yield return ("half a header of TCP", Cut(Syn(), 30));
        yield return ("a wrong checksum of IP", Changed(Syn(), p => p[8] ^= 1));
        yield return ("a length beyond the packet", Resummed(Syn(), p => p[3] += 8));
        yield return ("a length of 19", Resummed(Syn(), p => p[3] = 19));
        yield return ("an IP header of 16 bytes", Resummed(Syn(), p => p[0] = 0x44));
        yield return ("a first fragment", Resummed(Syn(), p => p[6] = 0x20));
        yield return ("a first fragment of four bytes", Resummed(Syn(), p => (p[3], p[5], p[6]) = (24, 7, 0x20)));
        yield return ("a later fragment", Resummed(Syn(), p => (p[6], p[7]) = (0x20, 9)));
        yield return ("a source route", WithOptions([131, 7, 4, 10, 0, 0, 1, 0]));
        yield return ("an option that is too long", WithOptions([7, 39, 4, 0, 0, 0, 0, 0]));
        yield return ("options that do nothing", WithOptions([1, 1, 1, 0]));
        yield return ("an unknown protocol", Resummed(Syn(), p => p[9] = 200));
        yield return ("another host's address", Resummed(Syn(), p => p[19] = 77));
        yield return ("everybody's address", Syn(IPAddress.Parse("224.0.0.1")));
        yield return ("the broadcast address", Syn(IPAddress.Broadcast));
        yield return ("an echo request", Message([8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]));
        yield return (
            "an echo request with a wrong checksum", Changed(Message([8, 0, 0, 0, 1, 2, 3, 4]), p => p[^1]++));
        yield return ("half a header of ICMP", Message([8, 0, 0, 0]));
        yield return ("an ICMP type that does not exist", Message([99, 0, 0, 0, 0, 0, 0, 0]));
        yield return ("an extended echo request", Message([42, 0, 0, 0, 0, 0, 0, 0]));
        yield return ("an echo reply", Message([0, 0, 0, 0, 0, 1, 0, 1]));
        yield return ("an error without a quote", Message([3, 1, 0, 0, 0, 0, 0, 0]));
        yield return ("an error with a code that does not exist", Message([3, 99, 0, 0, 0, 0, 0, 0, .. Syn()]));
        yield return ("an error about a datagram", Message([3, 1, 0, 0, 0, 0, 0, 0, .. Datagram(9)]));
        yield return ("a datagram for a closed port", Datagram(9));
        yield return ("a datagram for an open port", Datagram(Port));
    }

    private static byte[] Syn() => Syn(Own);

    private static byte[] Syn(IPAddress destination) => SegmentBytes.Segment(
        new Envelope(Peer, destination, 0, 64, 0), 42000, Port, new TcpPattern { Flags = Flag.Syn, Window = 1000 },
        100, 0, [], []);

    private static byte[] Changed(byte[] packet, Action<byte[]> change)
    {
        change(packet);
        return packet;
    }

    private static byte[] Resummed(byte[] packet, Action<byte[]> change)
    {
        change(packet);
        packet.AsSpan(10, 2).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(
            packet.AsSpan(10), SegmentBytes.Finish(SegmentBytes.Sum(packet.AsSpan(0, (packet[0] & 15) * 4), 0)));
        return packet;
    }

    private static byte[] Cut(byte[] packet, byte length) => Resummed(packet[..length], p => p[3] = length);

    private static byte[] WithOptions(byte[] options)
    {
        byte[] syn = Syn();
        return Resummed([.. syn[..20], .. options, .. syn[20..]], p =>
        {
            p[0] = (byte)(0x45 + (options.Length / 4));
            p[3] += (byte)options.Length;
        });
    }

    private static byte[] Message(byte[] message)
    {
        BinaryPrimitives.WriteUInt16BigEndian(
            message.AsSpan(2), SegmentBytes.Finish(SegmentBytes.Sum(message, 0)));
        return Packet(SegmentBytes.Icmp, message);
    }

    private static byte[] Datagram(ushort port) =>
        Packet(Udp, [0x12, 0x34, (byte)(port >> 8), (byte)port, 0, 12, 0, 0, 1, 2, 3, 4]);

    private static byte[] Packet(int protocol, byte[] payload)
    {
        byte[] packet = [.. Syn()[..20], .. payload];
        return Resummed(packet, p =>
        {
            p[9] = (byte)protocol;
            BinaryPrimitives.WriteUInt16BigEndian(p.AsSpan(2), (ushort)p.Length);
        });
    }
}
