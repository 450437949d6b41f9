using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests;

/// <summary>A hand-driven peer of a <see cref="TestHost"/>: one method brings a connection into each state.</summary>
internal sealed class Peer
{
    internal const uint Isn = 1000;
    private readonly TestHost _host;
    private readonly bool _timestamps;

    internal Peer(
        TestHost host, ushort port = 40000, bool timestamps = false, ushort hostPort = TestHost.Port,
        bool ipv6 = false)
    {
        Address = ipv6 ? TestHost.PeerAddress6 : TestHost.PeerAddress;
        _host = host;
        Port = port;
        HostPort = hostPort;
        _timestamps = timestamps;
    }

    internal ushort Port { get; }

    internal ushort HostPort { get; set; }

    internal InetAddress Address { get; }

    internal InetEndpoint Endpoint => new(Address, Port);

    /// <summary>What we send next.</summary>
    internal uint Next { get; set; } = Isn;

    /// <summary>What we expect next: the host's initial number plus one, and its data.</summary>
    internal uint Expected { get; set; }

    internal uint HostIsn { get; private set; }

    /// <summary>Our timestamp clock.</summary>
    internal uint Clock { get; set; } = 500;

    /// <summary>The last TSval of the host.</summary>
    internal uint Echo { get; set; }

    /// <summary>The descriptor of the host's end, once accepted.</summary>
    internal int Fd { get; private set; } = -1;

    internal Packet Segment(TcpFlags flags, byte[]? payload = null) => new()
    {
        From = Address,
        To = Address.IsIPv6 ? TestHost.Address6 : TestHost.Address,
        SourcePort = Port,
        DestinationPort = HostPort,
        Seq = Next,
        Ack = flags.HasFlag(TcpFlags.Ack) ? Expected : 0,
        Flags = flags,
        Payload = payload ?? [],
        Options = _timestamps ? Packet.Timestamps(Clock, Echo) : [],
    };

    internal Packet SynPacket() => Segment(TcpFlags.Syn) with
    {
        Options = _timestamps
            ? [2, 4, 5, 0xb4, 1, 1, .. Packet.Timestamps(Clock, 0)[2..], 1, 3, 3, 7]
            : [2, 4, 5, 0xb4],
    };

    /// <summary>Sends a SYN; in SYN_RECV after it, if a SYN-ACK came.</summary>
    internal Packet[] Syn()
    {
        Packet[] replies = _host.Send(SynPacket());
        foreach (Packet reply in replies)
        {
            if (reply.Text == "SA")
            {
                HostIsn = reply.Seq;
                Expected = reply.Seq + 1;
                Echo = reply.TsVal;
                Next = Isn + 1;
            }
        }

        return replies;
    }

    internal Packet[] Ack() => _host.Send(Segment(TcpFlags.Ack));

    internal Packet[] Data(int length, TcpFlags more = TcpFlags.Psh)
    {
        Packet[] replies = _host.Send(Segment(TcpFlags.Ack | more, Bytes(length)));
        Next += (uint)length;
        return replies;
    }

    internal Packet[] Fin()
    {
        Packet[] replies = _host.Send(Segment(TcpFlags.Ack | TcpFlags.Fin));
        Next++;
        return replies;
    }

    /// <summary>A finished handshake, in the accept queue.</summary>
    internal Peer Connect()
    {
        Assert.Equal("SA", Assert.Single(Syn()).Text);
        Ack();
        _host.Take();
        return this;
    }

    /// <summary>A finished handshake, accepted.</summary>
    internal Peer Establish(int listener)
    {
        Connect();
        Fd = _host.Calls.Accept(listener, out _);
        Assert.True(Fd > 0);
        Assert.Equal(TcpState.Established, _host.State(this));
        return this;
    }

    internal Peer CloseWait(int listener)
    {
        Establish(listener);
        Fin();
        Assert.Equal(TcpState.CloseWait, _host.State(this));
        return this;
    }

    internal Peer FinWait1(int listener)
    {
        Establish(listener);
        _host.Calls.Shutdown(Fd, 1);
        _host.Take();
        Assert.Equal(TcpState.FinWait1, _host.State(this));
        return this;
    }

    internal Peer FinWait2(int listener)
    {
        FinWait1(listener);
        Expected++;
        Ack();
        Assert.Equal(TcpState.FinWait2, _host.State(this));
        return this;
    }

    internal Peer TimeWait(int listener)
    {
        FinWait2(listener);
        Fin();
        Assert.Equal(TcpState.TimeWait, _host.State(this));
        return this;
    }

    internal Peer LastAck(int listener)
    {
        CloseWait(listener);
        _host.Calls.Close(Fd);
        _host.Take();
        Assert.Equal(TcpState.LastAck, _host.State(this));
        return this;
    }

    internal Peer Closing(int listener)
    {
        FinWait1(listener);
        Fin();
        Assert.Equal(TcpState.Closing, _host.State(this));
        return this;
    }

    internal static byte[] Bytes(int length, int seed = 0)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            bytes[i] = (byte)((i + seed) * 7);
        }

        return bytes;
    }
}
