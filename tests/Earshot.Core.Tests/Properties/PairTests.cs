using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Earshot.Core.Profiles;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Properties;

/// <summary>Whole connections, what they allocate, and that they can be repeated.</summary>
public sealed class PairTests
{
    [Fact]
    public void A_megabyte_each_way_arrives_byte_for_byte_and_both_ends_close()
    {
        using var pair = new Pair();
        (int a, int b) = pair.Connect(pair.Listen());
        byte[] stream = Peer.Bytes(1 << 20);
        var toA = new List<byte>();
        var toB = new List<byte>();
        int sentA = 0;
        int sentB = 0;
        byte[] buffer = new byte[65536];
        for (int turn = 0; turn < 10_000 && (toA.Count < stream.Length || toB.Count < stream.Length); turn++)
        {
            sentA += Math.Max(0, pair.A.Calls.Send(a, stream.AsSpan(sentA)));
            sentB += Math.Max(0, pair.B.Calls.Send(b, stream.AsSpan(sentB)));
            pair.Settle();
            Read(pair.A, a, buffer, toA);
            Read(pair.B, b, buffer, toB);
            pair.Run(0.05);
            pair.A.CheckInvariants();
            pair.B.CheckInvariants();
        }

        Assert.Equal(stream, toA);
        Assert.Equal(stream, toB);

        // An ACK that is delayed draws a tail loss probe; nothing is taken for lost.
        Assert.Equal(0, pair.A.Mib[Counter.TcpExtTCPTimeouts] + pair.B.Mib[Counter.TcpExtTCPTimeouts]);
        Assert.Equal(0, pair.A.Mib[Counter.TcpExtTCPSackRecovery] + pair.B.Mib[Counter.TcpExtTCPSackRecovery]);
        pair.A.Calls.Close(a);
        pair.Settle();
        Assert.Equal(0, pair.B.Calls.Receive(b, buffer));
        pair.B.Calls.Close(b);
        pair.Run(70);
        var rows = new List<SocketRow>();
        pair.A.CopySockets(rows);
        Assert.Empty(rows);
        pair.B.CopySockets(rows);
        Assert.Equal(TcpState.Listen, Assert.Single(rows).State);
    }

    [Fact]
    public void A_SYN_answered_and_queued_allocates_nothing()
    {
        const int Syns = 500;
        using var host = new TestHost();
        host.Listen(4096);
        var batch = new PacketBatch(Syns * 2);
        byte[][] packets = Enumerable.Range(1, Syns * 3)
            .Select(port => new Peer(host, (ushort)port).SynPacket().ToBytes()).ToArray();
        Answer(host, batch, packets.AsSpan(0, Syns * 2));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Answer(host, batch, packets.AsSpan(Syns * 2));
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(Syns * 3, host.Listener.SynCount);
    }

    [Fact]
    public void A_connection_from_connect_to_close_allocates_nothing_once_some_have_ended()
    {
        using var pair = new Pair();
        SocketCalls client = pair.A.Calls, server = pair.B.Calls;
        int listener = pair.Listen();
        Assert.Equal(0, server.SetOption(listener, SocketOption.Linger, 0));
        var remote = new InetEndpoint(InetAddress.Parse("10.0.0.2"), Pair.Port);
        Assert.Equal(20000, Churn(20000));
        long before = GC.GetAllocatedBytesForCurrentThread();
        int ended = Churn(300);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(300, ended);

        // The server resets each connection that it takes.
        int Churn(int count)
        {
            int reset = 0;
            for (int i = 0; i < count; i++)
            {
                int fd = client.Socket(2, 1, 0);
                client.Connect(fd, remote);
                pair.Settle();
                server.Close(server.Accept(listener, out _));
                pair.Settle();
                reset += client.GetOption(fd, SocketOption.Error, out int error) == 0
                    && error == Errno.ECONNRESET ? 1 : 0;
                client.Close(fd);
            }

            return reset;
        }
    }

    [Fact]
    public void Data_on_a_warm_connection_allocates_nothing()
    {
        using var pair = new Pair();
        (int a, int b) = pair.Connect(pair.Listen());
        byte[] chunk = Peer.Bytes(30_000);
        byte[] buffer = new byte[65536];
        Transfer(pair, a, b, chunk, buffer, 300);
        long packets = pair.Packets;
        long before = GC.GetAllocatedBytesForCurrentThread();
        Transfer(pair, a, b, chunk, buffer, 100);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(pair.Packets - packets > 1000, $"only {pair.Packets - packets} packets");
    }

    [Theory]
    [InlineData("linux-6.18")]
    [InlineData("linux-el6")]
    public void The_same_seed_and_the_same_packets_give_the_same_bytes(string profile)
    {
        string first = Story(profile, 7);
        Assert.Equal(first, Story(profile, 7));
        Assert.NotEqual(first, Story(profile, 8));
        Assert.True(first.Length > 2000);
    }

    [Fact]
    public void Changing_one_number_of_a_profile_changes_the_sentence()
    {
        Assert.EndsWith(
            "the accept queue holds 6 connections, more than the backlog of 5", Refusal(KernelProfile.Linux618, 5));
        Assert.EndsWith(
            "the accept queue holds 3 connections, more than the backlog of 2",
            Refusal(KernelProfile.Linux618.With("net.core.somaxconn", "2"), 5));
        Assert.Contains("more than 1", Refusal(KernelProfile.LinuxEl6, 5));
        Assert.Contains(
            "the accept queue holds 3 connections, more than the backlog of 2",
            Refusal(KernelProfile.LinuxEl6.With("net.core.somaxconn", "2"), 5));
        Assert.Contains(
            "last quarter of tcp_max_syn_backlog (4)",
            Refusal(
                KernelProfile.Linux618.With("net.ipv4.tcp_syncookies", "0").With("net.ipv4.tcp_max_syn_backlog", "4"),
                5, finish: false));
    }

    private static string Refusal(KernelProfile profile, int backlog, bool finish = true)
    {
        using var host = new TestHost(profile);
        host.Listen(backlog);
        for (ushort port = 1; port < 100; port++)
        {
            var peer = new Peer(host, port);
            if (peer.Syn().Length == 0)
            {
                return host.Why(peer);
            }

            if (finish)
            {
                peer.Ack();
            }
        }

        return "";
    }

    private static string Story(string profile, ulong seed)
    {
        using var host = new TestHost(TestHost.Profile(profile), seed);
        var story = new StringBuilder();
        int listener = host.Listen(3);
        for (ushort port = 1; port < 8; port++)
        {
            new Peer(host, port, timestamps: true).Syn();
        }

        Peer peer = new Peer(host, 1, timestamps: true);
        host.Run(5);
        int fd = host.Calls.Socket(2, 1, 0);
        host.Calls.Connect(fd, new InetEndpoint(TestHost.PeerAddress, 9));
        host.Run(20);
        peer.Ack();
        host.Calls.Close(listener);
        foreach (Packet packet in host.Take())
        {
            story.AppendLine($"{packet.Time.Nanoseconds} {Convert.ToHexString(packet.ToBytes())}");
        }

        return story.ToString();
    }

    private static void Answer(TestHost host, PacketBatch batch, ReadOnlySpan<byte[]> packets)
    {
        const int PerBatch = 250;
        for (int at = 0; at < packets.Length; at += PerBatch)
        {
            batch.Clear();
            foreach (byte[] packet in packets.Slice(at, PerBatch))
            {
                batch.TryAdd(packet);
            }

            host.Stack.OnPackets(batch, host.Now);
            while (host.Stack.TryTransmit(out _))
            {
            }
        }
    }

    private static void Transfer(Pair pair, int a, int b, byte[] chunk, byte[] buffer, int rounds)
    {
        for (int i = 0; i < rounds; i++)
        {
            pair.A.Calls.Send(a, chunk);
            pair.Run(0.003);
            while (pair.B.Calls.Receive(b, buffer) > 0)
            {
            }
        }
    }

    private static void Read(NetworkStack stack, int fd, byte[] buffer, List<byte> into)
    {
        int count;
        while ((count = stack.Calls.Receive(fd, buffer)) > 0)
        {
            into.AddRange(buffer[..count]);
        }
    }
}
