using System.Collections.Generic;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Wire;

namespace Earshot.Lab.Matrix;

/// <summary>A client of a <see cref="Bench"/>, driven by hand.</summary>
internal sealed class BenchPeer
{
    internal const uint Isn = 1000;
    private readonly Bench _bench;

    internal BenchPeer(Bench bench, int port, ushort serverPort = Bench.Port)
    {
        _bench = bench;
        Port = (ushort)port;
        ServerPort = serverPort;
    }

    internal ushort Port { get; }

    internal ushort ServerPort { get; }

    internal bool Timestamps { get; init; }

    internal ushort Mss { get; init; } = 1460;

    internal ushort Window { get; init; } = 65535;

    internal uint Next { get; set; } = Isn;

    internal uint Expected { get; set; }

    internal uint Echo { get; set; }

    /// <summary>The SYN-ACK that came, if one did.</summary>
    internal Seen? SynAck { get; private set; }

    internal TcpState State => _bench.Rows
        .Where(row => row.Remote == new InetEndpoint(Bench.PeerAddress, Port) && row.Local.Port == ServerPort)
        .Select(row => row.State).FirstOrDefault();

    internal TcpFields Fields(TcpFlags flags) => new()
    {
        SourcePort = Port,
        DestinationPort = ServerPort,
        Seq = new SeqNumber(Next),
        Ack = new SeqNumber((flags & TcpFlags.Ack) != 0 ? Expected : 0),
        Flags = flags,
        WindowField = Window,
        Options = new TcpOptions
        {
            Mss = (flags & TcpFlags.Syn) != 0 ? Mss : (ushort)0,
            HasTimestamp = Timestamps,
            TsVal = 500,
            TsEcr = Echo,
            HasWindowScale = Timestamps && (flags & TcpFlags.Syn) != 0,
            WindowScale = 7,
            SackPermitted = Timestamps && (flags & TcpFlags.Syn) != 0,
        },
    };

    /// <summary>Sends a SYN.</summary>
    /// <returns>Whether a SYN-ACK came at once.</returns>
    internal bool Syn()
    {
        Next = Isn;
        foreach (Seen seen in _bench.Send(Fields(TcpFlags.Syn)).Where(seen => seen.To == Port && seen.IsSynAck))
        {
            SynAck = seen;
            Expected = seen.Seq + 1;
            Echo = seen.Options.TsVal;
            Next = Isn + 1;
            return true;
        }

        return false;
    }

    internal IReadOnlyList<Seen> Ack() => _bench.Send(Fields(TcpFlags.Ack));

    internal IReadOnlyList<Seen> Data(int length)
    {
        IReadOnlyList<Seen> answers = _bench.Send(Fields(TcpFlags.Ack | TcpFlags.Psh), new byte[length]);
        Next += (uint)length;
        return answers;
    }

    /// <summary>A whole handshake, if the stack lets it be one.</summary>
    /// <returns>Whether the stack holds the connection then.</returns>
    internal bool Connect()
    {
        if (!Syn())
        {
            return false;
        }

        Ack();
        return State == TcpState.Established;
    }

    /// <summary>A handshake, and the program takes it.</summary>
    /// <returns>The descriptor.</returns>
    internal int Establish(int listener)
    {
        Connect();
        _bench.Take();
        return Bench.Must(_bench.Stack.Calls.Accept(listener, out _));
    }
}
