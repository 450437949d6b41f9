using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Text;
using Earshot.Core.Time;
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

    private readonly IPacketTarget _target;
    private readonly Sequence _sequence;
    private readonly int[] _descriptors = Enumerable.Repeat(Unknown, 16).ToArray();
    private readonly Dictionary<int, Flow> _flows = [];
    private readonly IReadOnlyDictionary<string, long> _before;
    private readonly IPAddress _local;
    private readonly IPAddress _remote;
    private readonly Instant _start;
    private readonly double _stretch;
    private readonly TimeSpan _pause;

    private SequenceRun(IPacketTarget target, Sequence sequence, double stretch, TimeSpan pause)
    {
        _target = target;
        _sequence = sequence;
        _stretch = stretch;
        _pause = pause;
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
    /// <param name="stretch">By what waits are multiplied.</param>
    /// <param name="pause">What passes before each step beside them.</param>
    internal static List<Observation> Of(
        IPacketTarget target, Sequence sequence, double stretch = 1, TimeSpan pause = default)
    {
        var run = new SequenceRun(target, sequence, stretch, pause);
        return [.. sequence.Steps.Select(run.Do)];
    }

    private Observation Do(Step step)
    {
        string result = "";
        if (_pause > TimeSpan.Zero)
        {
            _target.WaitUntil(new Instant(_target.Now.Nanoseconds + (long)_pause.TotalNanoseconds));
        }

        var begun = new Instant(_target.Now.Nanoseconds - _start.Nanoseconds);
        switch (step)
        {
            case CallStep call:
                result = Say(Make(call));
                break;
            case SysctlStep sysctl:
                _ = _target.SetSysctl(sysctl.Name, sysctl.Value);
                break;
            case SegmentStep segment:
                _target.Inject(Bytes(segment));
                break;
            case UnreachableStep unreachable:
                _target.Inject(Bytes(unreachable));
                break;
            case WaitStep wait:
                _target.WaitUntil(new Instant(
                    _target.Now.Nanoseconds + (long)(wait.Milliseconds * _stretch * 1e6)));
                break;
        }

        var answers = new List<Answer>();
        while (_target.TryTake(out SeenPacket packet))
        {
            if (Read(packet) is { } answer)
            {
                answers.Add(answer);
            }
        }

        return new Observation
        {
            Begun = begun,
            Result = result,
            Answers = [.. answers.OrderBy(answer => answer.Flow)],
            Sockets = [.. _target.Sockets().Select(Say).Order(StringComparer.Ordinal)],
            Counters = Moved(),
        };
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
            case Call.Write:
                // MSG_NOSIGNAL: a signal would end the process.
                return calls.Send(fd, new byte[step.Value], 0x4000, []);
            case Call.Shutdown:
                return calls.Shutdown(fd, step.Value);
            case Call.Close:
                _descriptors[step.Place] = Unknown;
                return calls.Close(fd);
            case Call.Disconnect:
                return calls.Connect(fd, new byte[16]);
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
        Flow flow = FlowOf(step.Flow);
        var options = new List<OptionPattern>();
        if (step.Mss > 0)
        {
            options.Add(new OptionPattern(OptionKind.Mss) { Number = step.Mss });
        }

        if (step.Sack)
        {
            options.Add(new OptionPattern(OptionKind.SackPermitted));
        }

        if (step.Echo == Echo.Zero || (step.Echo != Echo.None && flow.LastTsVal is not null))
        {
            uint last = flow.LastTsVal ?? 0;
            uint echo = step.Echo switch
            {
                Echo.Live => last,
                Echo.Zero => 0,
                Echo.Future => last + 1_000_000,
                _ => last - 1_000_000,
            };
            options.Add(new OptionPattern(OptionKind.Timestamp)
            {
                Number = (uint)(100_000 + step.ClockOffset),
                Echo = echo,
            });
        }

        if (step.Scale >= 0)
        {
            options.Add(new OptionPattern(OptionKind.WindowScale) { Number = (uint)step.Scale });
        }

        var tcp = new TcpPattern { Flags = step.Flags, Window = step.Window };
        var envelope = new Envelope(_remote, _local, step.Tos, 64, 0);
        bool hasAck = (step.Flags & Flag.Ack) != 0;
        byte[] bytes = SegmentBytes.Segment(
            envelope, (ushort)(FirstPeerPort + step.Flow), (ushort)step.Port, tcp, flow.PeerIsn + (uint)step.Seq,
            hasAck ? flow.Isn + (uint)step.Ack : 0, options, new byte[step.Length]);
        if (step.IsBroken)
        {
            bytes[^1] ^= 1;
        }

        return bytes;
    }

    private byte[] Bytes(UnreachableStep step)
    {
        Flow flow = FlowOf(step.Flow);
        var toPeer = new Envelope(_local, _remote, 0, 64, 0);
        byte[] quoted = SegmentBytes.Segment(
            toPeer, (ushort)step.Port, (ushort)(FirstPeerPort + step.Flow), new TcpPattern { Flags = 0x12 },
            flow.Isn + (uint)step.Offset, flow.PeerIsn + 1, [], []);
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
        Flow flow = FlowOf(number);
        if ((seen.Flags & (Flag.Syn | Flag.Ack)) == (Flag.Syn | Flag.Ack))
        {
            flow.Isn = seen.Sequence;
        }

        return new Answer(number, time, Say(seen, flow, packet.Bytes));
    }

    private string Say(SeenSegment seen, Flow flow, byte[] bytes)
    {
        int distance = (int)(seen.Sequence - flow.Isn);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"> {seen.SourcePort} > {seen.DestinationPort} ");
        text.Append(CultureInfo.InvariantCulture, $"{seen.Flags:x2} ");

        // A reset that answers no acknowledgement starts at 0, however near a flow's own number happens to be.
        bool isRelative = Math.Abs(distance) < Near && !(seen.Sequence == 0 && seen.Has(Flag.Rst));
        text.Append(CultureInfo.InvariantCulture, $"{(isRelative ? distance : seen.Sequence)}");
        text.Append(CultureInfo.InvariantCulture, $"({seen.Payload.Length}) ack ");
        text.Append(seen.Has(Flag.Ack) ? (long)(int)(seen.Acknowledgment - flow.PeerIsn) : seen.Acknowledgment);
        text.Append(CultureInfo.InvariantCulture, $" win {seen.Window} <");
        foreach (OptionPattern option in seen.Options)
        {
            text.Append(option.Kind).Append(' ');
            if (option.Kind == OptionKind.Timestamp)
            {
                // A peer that is not yet connected echoes the SYN-ACK, whatever else it was sent.
                flow.LastTsVal = seen.Has(Flag.Syn) ? option.Number : flow.LastTsVal;
                text.Append(option.Echo);
            }
            else
            {
                text.Append(option.Number).Append(Convert.ToHexString(option.Bytes));
            }

            text.Append(',');
        }

        text.Append(CultureInfo.InvariantCulture, $"> tos ");
        text.Append(FuzzRules.ComparedService(seen.Envelope.TypeOfService, seen.Flags));
        text.Append(CultureInfo.InvariantCulture, $" ttl {seen.Envelope.TimeToLive}");
        if (!seen.IsSix)
        {
            // A socket's packets have a running number that starts by chance.
            text.Append((bytes[6] & 0x40) != 0 ? " DF" : "").Append(bytes[4] == 0 && bytes[5] == 0 ? " id 0" : "");
        }

        return text.Append(seen.Fault is { } fault ? $" FAULT {fault}" : "").ToString();
    }

    private Flow FlowOf(int number)
    {
        if (!_flows.TryGetValue(number, out Flow? flow))
        {
            flow = new Flow { PeerIsn = 0x10000000u + ((uint)number * 0x01000000u), Isn = 0x70000000 };
            _flows.Add(number, flow);
        }

        return flow;
    }

    private sealed class Flow
    {
        public uint PeerIsn { get; init; }

        public uint Isn { get; set; }

        /// <summary>Null as long as the host has sent none: what a cookie makes of a foreign number is drawn.</summary>
        public uint? LastTsVal { get; set; }
    }
}
