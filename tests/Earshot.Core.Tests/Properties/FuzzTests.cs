using System;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Properties;

/// <summary>Any bytes from a link: never an exception, and every invariant holds after each packet.</summary>
public sealed class FuzzTests
{
    private const int PacketsPerSeed = 2500;

    private static readonly Func<Peer, int, Peer>[] States =
    [
        (peer, _) => peer,
        (peer, _) => { peer.Syn(); return peer; },
        (peer, _) => peer.Connect(),
        (peer, listener) => peer.Establish(listener),
        (peer, listener) => peer.CloseWait(listener),
        (peer, listener) => peer.FinWait1(listener),
        (peer, listener) => peer.FinWait2(listener),
        (peer, listener) => peer.TimeWait(listener),
        (peer, listener) => peer.LastAck(listener),
        (peer, listener) => peer.Closing(listener),
    ];

    [Theory]
    [InlineData(1, "linux-6.18")]
    [InlineData(2, "linux-6.18")]
    [InlineData(3, "linux-6.18")]
    [InlineData(4, "linux-6.18")]
    [InlineData(5, "linux-el6")]
    [InlineData(6, "linux-el6")]
    public void Mutated_segments_in_every_state_break_nothing(ulong seed, string profile)
    {
        using var host = new TestHost(TestHost.Profile(profile), seed);
        var chance = new Chance(Chance.Spread(seed), ChanceStream.Program);
        int listener = host.Listen(backlog: 4);
        ushort port = 1024;
        int done = 0;
        while (done < PacketsPerSeed)
        {
            var peer = new Peer(host, port++, timestamps: chance.Happens(0.5));
            States[chance.Below((uint)States.Length)](peer, listener);
            for (int i = 0; i < 25; i++, done++)
            {
                Attack(host, peer, chance, seed, done);
            }

            Drain(host, listener, peer, chance);
        }

        host.Calls.Close(listener);
        host.Run(400);
        host.Stack.CheckInvariants();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Random_bytes_break_nothing(ulong seed)
    {
        using var host = new TestHost(seed: seed);
        var chance = new Chance(Chance.Spread(seed), ChanceStream.Program);
        host.Listen();
        long before = host.Stack.Mib[Counter.IpInReceives];
        int ipv6 = 0;
        for (int i = 0; i < PacketsPerSeed; i++)
        {
            byte[] bytes = new byte[chance.Below(120)];
            Fill(bytes, chance);
            if (bytes.Length >= 20 && chance.Happens(0.7))
            {
                bytes[0] = (byte)(0x40 | (5 + chance.Below(11)));
                bytes[9] = chance.Happens(0.5) ? (byte)1 : (byte)6;
                TestHost.PeerAddress.Write(bytes.AsSpan(12));
                TestHost.Address.Write(bytes.AsSpan(16));
                bytes[2] = 0;
                bytes[3] = (byte)bytes.Length;
            }

            // What says that it is IPv6 is none of IPv4's counters' business.
            ipv6 += bytes.Length > 0 && bytes[0] >> 4 == 6 ? 1 : 0;
            Safe(host, bytes, RandomInfo(chance), seed, i);
        }

        Assert.Equal(ipv6, host.Stack.Mib[Counter.Ip6InReceives]);
        Assert.Equal(PacketsPerSeed - ipv6, host.Stack.Mib[Counter.IpInReceives] - before);
    }

    private static void Attack(TestHost host, Peer peer, Chance chance, ulong seed, int number)
    {
        if (chance.Happens(0.1))
        {
            host.Run(chance.Below(4000) / 1000.0);
        }

        if (peer.Fd > 0 && chance.Happens(0.15))
        {
            Call(host, peer.Fd, chance);
        }

        byte[] bytes = chance.Happens(0.1) ? Icmp(peer, chance) : Segment(peer, chance).ToBytes();
        if (chance.Happens(0.15))
        {
            bytes[chance.Below((uint)bytes.Length)] ^= (byte)(1 << (int)chance.Below(8));
            if (chance.Happens(0.5) && bytes.Length >= 40)
            {
                Packet.Finish(bytes);
            }
        }

        if (chance.Happens(0.05))
        {
            bytes = bytes[..(int)chance.Below((uint)bytes.Length)];
        }

        // Half the time the peer goes on from what the host says, so that states are left as well as attacked.
        foreach (Packet reply in Safe(host, bytes, RandomInfo(chance), seed, number))
        {
            if (chance.Happens(0.5) && reply.Text.Contains('A') && reply.DestinationPort == peer.Port)
            {
                peer.Next = reply.Ack;
                peer.Expected = reply.End;
                peer.Echo = reply.TsVal;
            }
        }
    }

    private static Packet Segment(Peer peer, Chance chance)
    {
        uint[] offsets = [0, 0, 0, 1, uint.MaxValue, 2, 100, 1460, 64240, 65535, 0x80000000, chance.NextUInt32()];
        byte[] payload = chance.Happens(0.5) ? [] : Peer.Bytes((int)chance.Below(chance.Happens(0.1) ? 60000u : 3000u));
        byte[] options = new byte[chance.Happens(0.3) ? 4 * (int)chance.Below(11) : 0];
        Fill(options, chance);
        Packet template = peer.Segment(TcpFlags.Ack, payload);
        return template with
        {
            Seq = peer.Next + offsets[chance.Below((uint)offsets.Length)],
            Ack = peer.Expected + offsets[chance.Below((uint)offsets.Length)],
            Flags = chance.Happens(0.6) ? TcpFlags.Ack | (TcpFlags)(chance.Below(2) << 3)
                : (TcpFlags)chance.Below(256),
            Window = (ushort)(chance.Happens(0.3) ? 0 : chance.Below(65536)),
            Options = options.Length > 0 ? options : template.Options,
        };
    }

    private static byte[] Icmp(Peer peer, Chance chance)
    {
        byte[] quoted = (peer.Segment(TcpFlags.Ack) with
        {
            From = TestHost.Address,
            To = TestHost.PeerAddress,
            SourcePort = peer.HostPort,
            DestinationPort = peer.Port,
            Seq = peer.Expected - chance.Below(3),
            Options = [],
        }).ToBytes();
        byte[] message = new byte[8 + quoted.Length];
        byte[] types = [3, 3, 3, 4, 5, 11, 12];
        message[0] = types[chance.Below((uint)types.Length)];
        message[1] = (byte)chance.Below(16);
        message[6] = (byte)chance.Below(8);
        message[7] = (byte)chance.Below(256);
        quoted.CopyTo(message, 8);
        int sum = (ushort)~Packet.Sum(message, 0);
        message[2] = (byte)(sum >> 8);
        message[3] = (byte)sum;
        byte[] bytes = new byte[20 + message.Length];
        new Packet().ToBytes().AsSpan(0, 20).CopyTo(bytes);
        bytes[2] = 0;
        bytes[3] = (byte)bytes.Length;
        bytes[9] = 1;
        message.CopyTo(bytes, 20);
        Packet.Finish(bytes);
        return bytes;
    }

    private static void Call(TestHost host, int fd, Chance chance)
    {
        switch (chance.Below(6))
        {
            case 0:
                host.Calls.Send(fd, Peer.Bytes((int)chance.Below(20000)));
                break;
            case 1:
                host.Calls.Receive(fd, new byte[chance.Below(5000)]);
                break;
            case 2:
                host.Calls.Shutdown(fd, (int)chance.Below(3));
                break;
            case 3:
                host.Calls.SetOption(fd, Core.Sockets.SocketOption.NoDelay, 1);
                break;
            case 4:
                host.Calls.SetOption(fd, Core.Sockets.SocketOption.KeepAlive, 1);
                break;
            default:
                host.Calls.Send(fd, Peer.Bytes(1));
                break;
        }

        host.Stack.CheckInvariants();
    }

    private static void Drain(TestHost host, int listener, Peer peer, Chance chance)
    {
        if (peer.Fd > 0)
        {
            host.Calls.Close(peer.Fd);
        }

        int fd;
        while ((fd = host.Calls.Accept(listener, out _)) > 0)
        {
            host.Calls.Close(fd);
        }

        // What the packets left half-open would otherwise fill the queues before the next state is reached.
        host.Run(100 + chance.Below(100));
        host.Take();
    }

    private static PacketInfo RandomInfo(Chance chance) => chance.Happens(0.8)
        ? default
        : new PacketInfo(
            (PacketFlags)chance.Below(4), (ushort)chance.NextUInt32(), (ushort)chance.NextUInt32(),
            (ushort)chance.NextUInt32());

    private static void Fill(byte[] bytes, Chance chance)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)chance.Below(chance.Happens(0.5) ? 12u : 256u);
        }
    }

    private static Packet[] Safe(TestHost host, byte[] bytes, PacketInfo info, ulong seed, int number)
    {
        try
        {
            return host.Send(bytes, info);
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            Assert.Fail($"seed {seed}, packet {number}, {Convert.ToHexString(bytes)} {info}: {e}");
            throw;
        }
    }
}
