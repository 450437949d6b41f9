using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established;

/// <summary>Accurate ECN between two stacks, by RFC 9768: no kernel here speaks it. The test carries the packets and
/// changes them on the way.</summary>
public sealed class AccurateEcnTests : IDisposable
{
    private const int Header = 20;
    private const int DeliveredCe = 196;
    private const int ReceivedCe = 248;
    private const int MarkedBytesTold = 260;
    private const int MarkedBytes = 272;
    private readonly NetworkStack _client = Make("10.0.0.1/24", 1);
    private readonly NetworkStack _server = Make("10.0.0.2/24", 2);
    private readonly List<byte[]> _fromClient = [];
    private readonly List<byte[]> _fromServer = [];
    private readonly PacketBatch _batch = new(1);
    private Instant _now = Instant.FromSeconds(1);
    private int _listener;
    private int _a;
    private int _b;

    /// <summary>What happens to a packet on the way to the server: null: it is lost.</summary>
    private Func<byte[], byte[]?> ToServer { get; set; } = static packet => packet;

    private Func<byte[], byte[]?> ToClient { get; set; } = static packet => packet;

    [Fact]
    public void Both_sides_agree_and_count_from_five()
    {
        Connect();
        Assert.Equal(7, Code(_fromClient[0]));
        Assert.Equal(2, Code(_fromServer[0]));
        Assert.Equal(2, Code(_fromClient[1]));
        Send(_client, _a, 100);
        Assert.Equal(5, Code(_fromClient[^1]));
        Assert.Equal(2, Mark(_fromClient[^1]));
        Assert.Equal(5, Code(_fromServer[^1]));
    }

    [Fact]
    public void By_default_the_sysctl_knows_nothing_of_it()
    {
        using var host = new TestHost();
        Assert.Equal(-Errno.EINVAL, host.Stack.Sysctls.Set("net.ipv4.tcp_ecn", "3"));
        Assert.Equal(-Errno.EINVAL, _client.Sysctls.Set("net.ipv4.tcp_ecn", "6"));
    }

    [Theory]
    [InlineData(3, 0, 0)]
    [InlineData(3, 1, 2)]
    [InlineData(3, 2, 2)]
    [InlineData(3, 3, 1)]
    [InlineData(3, 4, 2)]
    [InlineData(3, 5, 2)]
    [InlineData(3, 6, 2)]
    [InlineData(5, 7, 2)]
    [InlineData(4, 7, 2)]
    [InlineData(2, 7, 1)]
    [InlineData(1, 7, 1)]
    [InlineData(0, 7, 0)]
    public void A_server_answers_a_SYN_s_bits(int sysctl, int syn, int answer)
    {
        Set(_server, sysctl);
        ToServer = packet => WithCode(packet, syn);
        Connect();
        Assert.Equal(answer, Code(_fromServer[0]));
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 3)]
    [InlineData(2, 4)]
    [InlineData(3, 6)]
    public void A_SYN_ACK_tells_how_the_SYN_was_marked(int mark, int code)
    {
        ToServer = packet => IsSyn(packet) ? WithMark(packet, mark) : packet;
        Connect();
        Assert.Equal(code, Code(_fromServer[0]));

        // The SYN left without a mark, so that what is told of another shows a way that changes marks.
        Send(_client, _a, 100);
        Assert.Equal(mark == 0 ? 2 : 0, Mark(_fromClient[^1]));
        Assert.Equal(mark == 3 ? 6 : 5, Code(_fromServer[^1]));
        Assert.Equal(0u, Info(_client, _a, DeliveredCe));
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 2, 0)]
    [InlineData(2, 2, 5)]
    [InlineData(3, 0, 5)]
    [InlineData(4, 0, 5)]
    [InlineData(5, 2, 5)]
    [InlineData(6, 0, 5)]
    [InlineData(7, 0, 0)]
    public void A_client_goes_by_a_SYN_ACK_s_bits(int code, int mark, int told)
    {
        ToClient = packet => IsSyn(packet) ? WithCode(packet, code) : packet;
        Connect();
        Send(_client, _a, 100);
        Assert.Equal(mark, Mark(_fromClient[^1]));
        Assert.Equal(told, Code(_fromClient[^1]));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 2)]
    [InlineData(2, 2)]
    [InlineData(3, 0)]
    [InlineData(4, 0)]
    [InlineData(5, 2)]
    [InlineData(6, 0)]
    [InlineData(7, 2)]
    public void A_server_goes_by_a_third_ACK_s_bits(int code, int mark)
    {
        int segments = 0;
        ToServer = packet => segments++ == 1 ? WithCode(packet, code) : packet;
        Connect();
        Send(_server, _b, 100);
        Assert.Equal(mark, Mark(_fromServer[^1]));
        Assert.Equal(5, Code(_fromServer[^1]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(11)]
    public void Both_count_the_packets_that_a_queue_marked(int each)
    {
        Connect();
        int marked = 0;
        int seen = 0;
        ToServer = packet => Mark(packet) == 2 && ++seen % each == 0 ? Marked(packet) : packet;
        for (int i = 0; i < 40; i++)
        {
            Send(_client, _a, 5000);
        }

        Assert.True(marked > 10);
        Assert.Equal((uint)marked, Info(_server, _b, ReceivedCe));
        Assert.Equal((uint)marked, Info(_client, _a, DeliveredCe));
        Assert.Equal(Info(_server, _b, MarkedBytes), Info(_client, _a, MarkedBytesTold));
        Assert.Equal(marked, _client.Mib[Counter.TcpExtTCPDeliveredCE]);
        Assert.True(Window() < 10);

        byte[] Marked(byte[] packet)
        {
            marked++;
            return WithMark(packet, 3);
        }
    }

    [Fact]
    public void A_counter_that_came_round_is_put_right_by_the_bytes()
    {
        // Ten packets, all marked but one; of their ACKs the last one alone arrives.
        Connect();
        int count = 0;
        ToServer = packet => Mark(packet) == 2 && ++count != 5 ? WithMark(packet, 3) : packet;
        byte[]? last = null;
        ToClient = packet =>
        {
            last = packet;
            return null;
        };
        Send(_client, _a, 10 * 1448);
        ToClient = static packet => packet;
        Deliver(_client, last!);
        Assert.Equal(9u, Info(_server, _b, ReceivedCe));
        Assert.Equal(9u, Info(_client, _a, DeliveredCe));
    }

    [Fact]
    public void Bits_that_are_cleared_on_the_way_end_the_marking()
    {
        Connect();
        ToClient = static packet => WithCode(packet, 0);
        Send(_client, _a, 100);
        Assert.Equal(2, Mark(_fromClient[^1]));
        Send(_client, _a, 100);
        Assert.Equal(0, Mark(_fromClient[^1]));
        Assert.Equal(0u, Info(_client, _a, DeliveredCe));

        // The other direction is not touched, and is told of on.
        Send(_server, _b, 100);
        Assert.Equal(2, Mark(_fromServer[^1]));
        Assert.Equal(5, Code(_fromClient[^1]));
    }

    [Fact]
    public void A_SYN_that_is_sent_again_asks_for_nothing()
    {
        ToServer = static _ => null;
        Open();
        Run(2);
        Assert.Equal(7, Code(_fromClient[0]));
        Assert.Equal(0, Code(_fromClient[1]));
    }

    [Theory]
    [InlineData(3, 7, -1, 3)]
    [InlineData(0, 8, -1, 8)]
    [InlineData(2, 10, -1, 10)]
    [InlineData(3, 10, -1, 3)]
    [InlineData(0, 8, 0, 0)]
    [InlineData(2, 10, 2000, 2)]
    [InlineData(2, 10, 10000, 10)]
    [InlineData(2, 10, 4000, 2)]
    [InlineData(1, 17, 17000, 17)]
    public void A_counter_of_three_bits_is_taken_to_have_come_round_if_it_can(
        int difference, int delivered, int bytes, int marks) =>
        Assert.Equal(marks, AccurateEcn.MarksOf(difference, delivered, bytes, 1000));

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
    }

    private static NetworkStack Make(string address, ulong seed)
    {
        var stack = new NetworkStack(
            new StackOptions
            {
                Seed = Chance.Spread(seed),
                HasAccurateEcn = true,
                Interfaces = [new InterfaceOptions { Addresses = [InterfaceAddress.Parse(address)] }],
            },
            Instant.FromSeconds(1));
        Set(stack, 3);
        return stack;
    }

    private static void Set(NetworkStack stack, int ecn) =>
        Assert.Equal(0, stack.Sysctls.Set("net.ipv4.tcp_ecn", ecn.ToString()));

    private static bool IsSyn(byte[] packet) => (packet[Header + 13] & 2) != 0;

    private static int Mark(byte[] packet) => packet[1] & 3;

    private static int Code(byte[] packet) => ((packet[Header + 12] & 1) << 2) | (packet[Header + 13] >> 6);

    private static byte[] WithCode(byte[] packet, int code)
    {
        packet[Header + 12] = (byte)((packet[Header + 12] & ~1) | (code >> 2));
        packet[Header + 13] = (byte)((packet[Header + 13] & 0x3f) | ((code & 3) << 6));
        return packet;
    }

    private static byte[] WithMark(byte[] packet, int mark)
    {
        packet[1] = (byte)((packet[1] & ~3) | mark);
        packet[10] = packet[11] = 0;
        ushort sum = Checksum.Finish(Checksum.Add(packet.AsSpan(0, Header)));
        BitConverter.TryWriteBytes(packet.AsSpan(10), sum);
        return packet;
    }

    private static uint Info(NetworkStack stack, int descriptor, int offset)
    {
        byte[] info = new byte[280];
        int length = info.Length;
        Assert.Equal(0, stack.Calls.GetSocketOption(descriptor, 6, 11, info, ref length));
        return BitConverter.ToUInt32(info, offset);
    }

    private int Window() => (int)Info(_client, _a, 80);

    private void Open()
    {
        _listener = _server.Calls.Socket(2, 1, 0);
        _server.Calls.Bind(_listener, new InetEndpoint(InetAddress.Any, 80));
        Assert.Equal(0, _server.Calls.Listen(_listener, 1));
        _a = _client.Calls.Socket(2, 1, 0);
        _client.Calls.Connect(_a, new InetEndpoint(InetAddress.Parse("10.0.0.2"), 80));
        Settle();
    }

    private void Connect()
    {
        Open();
        _b = _server.Calls.Accept(_listener, out _);
        Assert.True(_b > 0);
    }

    private void Send(NetworkStack from, int descriptor, int bytes)
    {
        Assert.Equal(bytes, from.Calls.Send(descriptor, new byte[bytes]));
        Settle();
        Run(0.5);
        byte[] buffer = new byte[bytes];
        (NetworkStack to, int reader) = from == _client ? (_server, _b) : (_client, _a);
        while (to.Calls.Receive(reader, buffer) > 0)
        {
        }

        Settle();
    }

    private void Settle()
    {
        while (Carry(_client, _server, _fromClient, ToServer) | Carry(_server, _client, _fromServer, ToClient))
        {
        }
    }

    private bool Carry(NetworkStack from, NetworkStack to, List<byte[]> seen, Func<byte[], byte[]?> change)
    {
        bool any = false;
        while (from.TryTransmit(out OutboundPacket packet))
        {
            any = true;
            byte[] bytes = packet.Bytes.ToArray();
            seen.Add(bytes);
            if (change([.. bytes]) is { } left)
            {
                Deliver(to, left);
            }
        }

        return any;
    }

    private void Deliver(NetworkStack to, byte[] packet)
    {
        _batch.Clear();
        Assert.True(_batch.TryAdd(packet, 2, new PacketInfo(PacketFlags.ChecksumGood)));
        to.OnPackets(_batch, _now);
    }

    private void Run(double seconds)
    {
        Instant end = _now + TimeSpan.FromSeconds(seconds);
        while (new[] { _client.NextTimer, _server.NextTimer }.Min() is { } next && next <= end)
        {
            _now = next;
            _client.OnTimer(_now);
            _server.OnTimer(_now);
            Settle();
        }

        _now = end;
        _client.OnTimer(_now);
        _server.OnTimer(_now);
    }
}
