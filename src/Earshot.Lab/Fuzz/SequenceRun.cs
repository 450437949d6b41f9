using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Text;
using Earshot.Core.Time;
using Earshot.Core.Wire;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Fuzz;

/// <summary>Does a sequence's steps to a target and writes down what could be seen.</summary>
internal sealed class SequenceRun
{
    private const int FirstPeerPort = 40000;
    private const int Unknown = -1;

    // A number that the host did not draw lies this far from the one that it did at most.
    private const int Near = 1 << 24;
    private const TcpFlags Acked = TcpFlags.Ack;
    private const TcpFlags SynAcked = TcpFlags.Syn | TcpFlags.Ack;

    private readonly IPacketTarget _target;
    private readonly Sequence _sequence;
    private readonly int[] _descriptors = Enumerable.Repeat(Unknown, 16).ToArray();
    private readonly Dictionary<int, PeerView> _peers = [];
    private readonly IReadOnlyDictionary<string, long> _before;
    private readonly IPAddress _local;
    private readonly IPAddress _remote;
    private readonly Instant _start;
    private readonly IReadOnlyList<Observation>? _followed;
    private bool _isDisconnected;
    private int _written;
    private int _step;

    private SequenceRun(
        IPacketTarget target, Sequence sequence, IReadOnlyList<Observation>? followed)
    {
        _target = target;
        _sequence = sequence;
        _followed = followed;
        _local = sequence.IsIPv6 ? target.Options.Local6 : target.Options.Local4;
        _remote = sequence.IsIPv6 ? Runner.DefaultRemote6 : Runner.DefaultRemote4;
        foreach (SysctlStep setting in FuzzRules.Beginning)
        {
            // What a target does not have it does not do either.
            _ = target.SetSysctl(setting.Name, setting.Value);
        }

        _before = target.Counters();
        _start = target.Now;
    }

    /// <summary>Runs a sequence.</summary>
    /// <param name="target">A fresh target.</param>
    /// <param name="sequence">The sequence.</param>
    internal static List<Observation> Of(IPacketTarget target, Sequence sequence)
    {
        var run = new SequenceRun(target, sequence, null);
        return [.. sequence.Steps.Select(run.Do)];
    }

    /// <summary>Runs a sequence at the moments of another run of it.</summary>
    /// <param name="target">A fresh target, in virtual time.</param>
    /// <param name="sequence">The sequence.</param>
    /// <param name="followed">What the other run showed: each step begins and ends when it did there.</param>
    /// <param name="lead">How long the target has run before: timers are rounded from then on.</param>
    internal static List<Observation> Follow(
        IPacketTarget target, Sequence sequence, IReadOnlyList<Observation> followed, TimeSpan lead)
    {
        target.WaitUntil(target.Now + lead);
        var run = new SequenceRun(target, sequence, followed);
        return [.. sequence.Steps.Select(run.Do)];
    }

    private Observation Do(Step step)
    {
        if (_followed is not null)
        {
            _target.WaitUntil(new Instant(_start.Nanoseconds + _followed[_step].Begun.Nanoseconds));
        }

        Instant began = _target.Now;
        (string result, Instant? received) = Make(step);
        var answers = new List<Answer>();
        if (_followed is not null)
        {
            _target.WaitUntil(new Instant(_start.Nanoseconds + _followed[_step].Ended.Nanoseconds));
        }

        Observation seen;
        int known;
        do
        {
            // What comes out while counters are read may be counted already: then all is read again.
            Instant ended = _target.Now;
            TakeAnswers(answers);
            known = answers.Count;
            seen = new Observation
            {
                Ended = Since(ended),
                Result = result,
                Info = _sequence.IsEstablished && !_isDisconnected
                    ? ConnectionInfo.Read(_target.Calls, _descriptors[Sequence.Connection])
                    : new Dictionary<string, long>(),
                Sockets = [.. _target.Sockets().Select(Say).Order(StringComparer.Ordinal)],
                Counters = Moved(),
            };
            TakeAnswers(answers);
        }
        while (answers.Count > known);

        Instant told = _target.Now;
        if (step is CallStep && answers.Count > 0)
        {
            // What a call sends, and what the kernel measures from it, begins a little after the call.
            received = answers[0].Time + (_start - Instant.Zero);
        }

        _step++;
        return seen with
        {
            Begun = Since(received ?? began),
            Told = Since(told),
            Answers = [.. answers.OrderBy(answer => answer.Flow)],
        };
    }

    private void TakeAnswers(List<Answer> answers)
    {
        while (_target.TryTake(out SeenPacket packet))
        {
            if (Read(packet) is { } answer)
            {
                answers.Add(answer);
            }
        }
    }

    private Instant Since(Instant moment) => new(moment.Nanoseconds - _start.Nanoseconds);

    /// <summary>Does a step.</summary>
    /// <returns>What a call returned, and when the host saw a packet.</returns>
    private (string Result, Instant? Received) Make(Step step)
    {
        switch (step)
        {
            case CallStep call:
                return (Say(Make(call)), null);
            case SysctlStep sysctl:
                _ = _target.SetSysctl(sysctl.Name, sysctl.Value);
                return ("", null);
            case SegmentStep segment:
                return ("", _target.Inject(Bytes(segment)));
            case UnreachableStep unreachable:
                return ("", _target.Inject(Bytes(unreachable)));
            case ErrorStep error:
                return ("", _target.Inject(Bytes(error)));
            case WaitStep wait when _followed is null:
                _target.WaitUntil(_target.Now + TimeSpan.FromMilliseconds(wait.Milliseconds));
                return ("", null);
            default:
                return ("", null);
        }
    }

    private static string Say(long result) => result < 0
        ? Symbols.ErrnoName(result) : result.ToString(CultureInfo.InvariantCulture);

    private static string Say(TargetSocket socket) =>
        $"{Say(socket.Local)} {(socket.Remote.Port == 0 ? "*" : Say(socket.Remote))} {socket.State} "
        + $"{socket.ReceiveQueue} {socket.SendQueue}";

    // A port that the host picked is not compared.
    private static string Say(IPEndPoint end) => end.Port is 0 or (>= 8000 and < 9000) or (>= 40000 and < 40100)
        ? end.ToString() : $"{end.Address}:any";

    private Dictionary<string, long> Moved()
    {
        var moved = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach ((string name, long value) in _target.Counters())
        {
            long by = value - _before.GetValueOrDefault(name);
            if (by != 0 && FuzzRules.IsCompared(name))
            {
                moved.Add(name, by);
            }
        }

        return moved;
    }

    private long Make(CallStep step)
    {
        ISocketCalls calls = _target.Calls;
        int fd = _descriptors[step.Place];
        switch (step.Call)
        {
            case Call.Socket:
                return Open(step.Place, calls.Socket(_sequence.IsIPv6 ? 10 : 2, 1 | 0x800, 0));
            case Call.Accept:
                int accepted = calls.Accept(fd, new byte[28], out _, 0x800);
                return Open(step.Value, accepted);
            case Call.Bind:
                return calls.Bind(fd, SocketAddressBytes.Make(
                    _sequence.IsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, step.Value));
            case Call.Listen:
                return calls.Listen(fd, step.Value);
            case Call.Read:
                return calls.Read(fd, new byte[step.Value]);
            case Call.Receive:
                return Receive(fd, step);
            case Call.Write:
                // MSG_NOSIGNAL: a signal would end the process.
                long written = calls.Send(fd, Pattern(_written, step.Value), 0x4000 | step.Flags, []);
                _written += (int)Math.Max(0, written);
                return written;
            case Call.Connect:
                return calls.Connect(fd, SocketAddressBytes.Make(_remote, FirstPeerPort + step.Value));
            case Call.Shutdown:
                return calls.Shutdown(fd, step.Value);
            case Call.Close:
                _descriptors[step.Place] = Unknown;
                return calls.Close(fd);
            case Call.Disconnect:
                // The account of a socket that was disconnected: docs/deviations.md, D110.
                _isDisconnected |= step.Place == Sequence.Connection;
                return calls.Connect(fd, new byte[16]);
            case Call.SetOption when step.Option.Name == "SO_LINGER":
                byte[] linger = [1, 0, 0, 0, .. BitConverter.GetBytes(step.Value)];
                return calls.SetOption(fd, step.Option.Level, step.Option.Number, linger);
            case Call.SetOption when step.Option.Name == "TCP_CONGESTION":
                byte[] algorithm = Encoding.ASCII.GetBytes(step.Value == 0 ? "reno" : "cubic");
                return calls.SetOption(fd, step.Option.Level, step.Option.Number, algorithm);
            case Call.SetOption:
                return calls.SetOption(fd, step.Option.Level, step.Option.Number, BitConverter.GetBytes(step.Value));
            case Call.GetOption:
                byte[] value = new byte[4];
                int result = calls.GetOption(fd, step.Option.Level, step.Option.Number, value, out _);
                return result < 0 ? result : BitConverter.ToUInt32(value);
            default:
                PollEntry[] entries = [new PollEntry(fd, 0x3fff)];
                int found = calls.Poll(entries, 0);
                return found < 0 ? found : entries[0].Returned;
        }
    }

    // The bytes of a stream from a place in it on, the same for whoever sends them.
    private static byte[] Pattern(int from, int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            bytes[i] = (byte)(((from + i) * 7) + ((from + i) >> 8));
        }

        return bytes;
    }

    private static uint Digest(ReadOnlySpan<byte> bytes)
    {
        uint digest = 0;
        foreach (byte b in bytes)
        {
            digest = (digest * 31) + b;
        }

        return digest;
    }

    // The bytes as a second digit group of the result, so that lost and doubled ones show.
    private long Receive(int fd, CallStep step)
    {
        byte[] room = new byte[step.Value];
        long result = _target.Calls.Receive(fd, room, step.Flags, [], out _);
        bool hasBytes = result > 0 && (step.Flags & 0x20) == 0;
        return hasBytes ? result + ((long)Digest(room.AsSpan(0, (int)Math.Min(result, room.Length))) << 24) : result;
    }

    // The number itself depends on what else is open; the socket that was in the place before is closed.
    private long Open(int place, int descriptor)
    {
        if (descriptor < 0)
        {
            return descriptor;
        }

        if (_descriptors[place] >= 0)
        {
            _target.Calls.Close(_descriptors[place]);
        }

        _descriptors[place] = descriptor;
        return 0;
    }

    private byte[] Bytes(SegmentStep step)
    {
        PeerView peer = PeerOf(step.Flow);
        (uint sequence, uint acknowledgment) = peer.Numbers(step);
        var tcp = new TcpPattern { Flags = step.Flags, Window = step.Window, Urgent = step.Urgent };
        var envelope = new Envelope(_remote, _local, step.Tos, 64, 0);
        byte[] bytes = SegmentBytes.Segment(
            envelope, (ushort)(FirstPeerPort + step.Flow), (ushort)step.Port, tcp, sequence, acknowledgment,
            peer.Options(step), Pattern((int)(sequence - peer.PeerIsn - 1), step.Length));
        if (step.IsBroken)
        {
            bytes[^1] ^= 1;
        }

        return bytes;
    }

    private byte[] Bytes(ErrorStep step)
    {
        PeerView peer = PeerOf(step.Flow);
        byte[] quoted = Quoted(step.Port, step.Flow, Acked, peer.Acknowledged + (uint)step.Offset);
        (int type, int code) = _sequence.IsIPv6 ? Six(step) : (step.Type, step.Code);
        return SegmentBytes.Message(new Envelope(_remote, _local, 0, 64, 0), type, code, step.Mtu, quoted);

        static (int Type, int Code) Six(ErrorStep step) => (step.Type, step.Code) switch
        {
            (3, 4) => (2, 0),
            (3, 3) => (1, 4),
            (3, 13) => (1, 1),
            (3, 1) => (1, 3),
            (3, _) => (1, 0),
            (11, _) => (3, 0),
            _ => (4, 0),
        };
    }

    // A segment of ours, as an ICMP error gives it back.
    private byte[] Quoted(int port, int flow, TcpFlags flags, uint sequence) => SegmentBytes.Segment(
        new Envelope(_local, _remote, 0, 64, 0), (ushort)port, (ushort)(FirstPeerPort + flow),
        new TcpPattern { Flags = (int)flags }, sequence, PeerOf(flow).PeerIsn + 1, [], []);

    private byte[] Bytes(UnreachableStep step)
    {
        byte[] quoted = Quoted(step.Port, step.Flow, SynAcked, PeerOf(step.Flow).Isn + (uint)step.Offset);
        return SegmentBytes.Message(
            new Envelope(_remote, _local, 0, 64, 0), _sequence.IsIPv6 ? 1 : 3, step.Code, 0, quoted);
    }

    private Answer? Read(in SeenPacket packet)
    {
        SeenSegment? seen = SeenSegment.Read(packet);
        if (seen is null || (!seen.IsTcp && !seen.IsIcmp))
        {
            return null;
        }

        var time = new Instant(packet.Time.Nanoseconds - _start.Nanoseconds);
        if (!seen.IsTcp)
        {
            // Neighbour discovery is the device's, not TCP's.
            return seen.IsSix && seen.IcmpType >= 130 ? null
                : new Answer(-1, time, $"icmp {seen.IcmpType} {seen.IcmpCode}");
        }

        int number = seen.DestinationPort - FirstPeerPort;
        PeerView peer = PeerOf(number);
        peer.Take(seen, _sequence.IsEstablished);
        return new Answer(number, time, Say(seen, peer, packet.Bytes));
    }

    private string Say(SeenSegment seen, PeerView peer, byte[] bytes)
    {
        int distance = (int)(seen.Sequence - peer.Isn);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"> {seen.SourcePort} > {seen.DestinationPort} ");
        text.Append(CultureInfo.InvariantCulture, $"{seen.Flags:x2} ");

        // A reset that answers no acknowledgement starts at 0, however near a flow's own number happens to be.
        bool isRelative = Math.Abs(distance) < Near && !(seen.Sequence == 0 && seen.Has(Flag.Rst));
        text.Append(CultureInfo.InvariantCulture, $"{(isRelative ? distance : seen.Sequence)}");
        text.Append(CultureInfo.InvariantCulture, $"({seen.Payload.Length}) ack ");
        text.Append(seen.Has(Flag.Ack) ? (long)(int)(seen.Acknowledgment - peer.PeerIsn) : seen.Acknowledgment);
        text.Append(CultureInfo.InvariantCulture, $" win {seen.Window} <");
        foreach (OptionPattern option in seen.Options)
        {
            text.Append(option.Kind).Append(' ');
            switch (option.Kind)
            {
                case OptionKind.Timestamp:
                    text.Append(option.Echo);
                    break;
                case OptionKind.Sack:
                    text.AppendJoin(' ', option.Ranges.Select(
                        range => $"{(int)(range.Left - peer.PeerIsn)}:{(int)(range.Right - peer.PeerIsn)}"));
                    break;
                default:
                    text.Append(option.Number).Append(Convert.ToHexString(option.Bytes));
                    break;
            }

            text.Append(',');
        }

        text.Append(CultureInfo.InvariantCulture, $"> tos {seen.Envelope.TypeOfService}");
        text.Append(CultureInfo.InvariantCulture, $" ttl {seen.Envelope.TimeToLive}");
        if (!seen.IsSix)
        {
            // A socket's packets have a running number that starts by chance.
            text.Append((bytes[6] & 0x40) != 0 ? " DF" : "").Append(bytes[4] == 0 && bytes[5] == 0 ? " id 0" : "");
        }

        if (seen.Has(Flag.Urg) || seen.Urgent != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" urg {seen.Urgent}");
        }

        if (seen.Payload.Length > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $" data {Digest(seen.Payload):x}");
        }

        return text.Append(seen.Fault is { } fault ? $" FAULT {fault}" : "").ToString();
    }

    private PeerView PeerOf(int number)
    {
        if (!_peers.TryGetValue(number, out PeerView? peer))
        {
            peer = new PeerView(0x10000000u + ((uint)number * 0x01000000u));
            _peers.Add(number, peer);
        }

        return peer;
    }
}
