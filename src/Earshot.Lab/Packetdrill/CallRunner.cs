using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using Earshot.Core.Time;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Packetdrill;

/// <summary>Makes the calls of a script and compares what they return; what each call takes and gives is in its own
/// file.</summary>
internal sealed partial class CallRunner
{
    private const int SolSocket = 1;
    private const int SolTcp = 6;
    private const int TcpInfo = 11;
    private const int SoLinger = 13;
    private const int SoMeminfo = 55;
    private const int InfoRoom = 512;

    // No process has this descriptor: the script's own numbers must never reach those of this program.
    private const int NeverOpen = 1_000_000_000;

    // A call that must return at once may still have to wait for its turn on a busy machine.
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(2);

    private readonly IPacketTarget _target;
    private readonly IPAddress _local;
    private readonly IPAddress _remote;
    private readonly ValueReader _values;
    private readonly Dictionary<int, int> _descriptors = [];
    private readonly List<int> _opened = [];
    private readonly List<Waiting> _waiting = [];
    private readonly Dictionary<int, uint> _written = [];
    private readonly Dictionary<int, uint> _read = [];
    private int _sampled = -1;

    public CallRunner(string file, IPacketTarget target, IpVersion version, IPAddress local, IPAddress remote)
    {
        _target = target;
        _local = local;
        _remote = remote;
        _values = new ValueReader(file, version);
    }

    private sealed record Waiting(
        CallEvent Call,
        IPendingCall Pending,
        Action<long> Check,
        Instant Until,
        TimeSpan Tolerance,
        TimeSpan LateAtStart);

    /// <summary>Whether all that was written is <see cref="Pattern"/>, so that payloads can be compared.</summary>
    public bool WritesPattern { get; private set; } = true;

    /// <summary>The bytes that the runner writes and sends: each tells its position in the stream.</summary>
    public static byte[] Pattern(uint position, int length)
    {
        var bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            uint at = unchecked(position + (uint)i);
            bytes[i] = (byte)((at * 31) + (at >> 8) + 7);
        }

        return bytes;
    }

    /// <summary>Makes a call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="until">When it must return if it blocks; null: at once.</param>
    /// <param name="tolerance">By how much it may miss that.</param>
    /// <param name="late">By how much the run is behind the script's times.</param>
    public void Make(CallEvent call, Instant? until, TimeSpan tolerance, TimeSpan late)
    {
        (int descriptor, Func<ISocketCalls, long> work, Action<long> check) = Prepare(call);
        IPendingCall pending = _target.Begin(descriptor, work);
        if (until is { } moment)
        {
            _waiting.Add(new Waiting(call, pending, check, moment, tolerance, late));
            return;
        }

        if (!_target.WaitForCall(pending, _target.IsVirtual ? _target.Now : _target.Now + AtOnce))
        {
            throw new ScriptFailure(call.Line, $"{call.Name}() blocks", Show(call), "no return");
        }

        Judge(call, pending.Result, check);
    }

    /// <summary>Compares the calls that have returned since the last event.</summary>
    /// <param name="late">By how much the run is behind the script's times by now.</param>
    public void CheckReturned(TimeSpan late)
    {
        foreach (Waiting waiting in _waiting.Where(static w => w.Pending.IsDone).ToArray())
        {
            _waiting.Remove(waiting);
            TimeSpan missed = waiting.Pending.Returned - waiting.Until;
            if (missed < -waiting.Tolerance || missed > waiting.Tolerance + Behind(waiting, late))
            {
                throw new ScriptFailure(
                    waiting.Call.Line,
                    $"{waiting.Call.Name}() returned {missed.Duration().TotalMilliseconds:0.###} ms "
                        + (missed < TimeSpan.Zero ? "too early" : "too late"),
                    isLate: missed > TimeSpan.Zero);
            }

            Judge(waiting.Call, waiting.Pending.Result, waiting.Check);
        }
    }

    /// <summary>Waits for the calls that still block.</summary>
    /// <param name="late">By how much the run is behind the script's times by now.</param>
    public void AwaitReturned(TimeSpan late)
    {
        while (_waiting.Count > 0)
        {
            Waiting first = _waiting[0];
            Instant longest = first.Until + first.Tolerance + Behind(first, late) + AtOnce;
            if (!_target.WaitForCall(first.Pending, longest))
            {
                throw new ScriptFailure(
                    first.Call.Line, $"{first.Call.Name}() still blocks", Show(first.Call), "no return", isLate: true);
            }

            CheckReturned(late);
        }
    }

    // What the run fell behind while the call was blocking, the call may be late too.
    private static TimeSpan Behind(Waiting waiting, TimeSpan late) =>
        late > waiting.LateAtStart ? late - waiting.LateAtStart : TimeSpan.Zero;

    /// <summary>Closes what the script left open, with a reset.</summary>
    public void CloseAll()
    {
        byte[] reset = [1, 0, 0, 0, 0, 0, 0, 0];
        foreach (int descriptor in _opened)
        {
            _target.Calls.SetOption(descriptor, SolSocket, SoLinger, reset);
            _target.Calls.Shutdown(descriptor, 2);
            _target.Calls.Close(descriptor);
        }

        _opened.Clear();
    }

    /// <summary>The value of a name in code: a constant, or a field of the connection's TCP_INFO at this
    /// moment.</summary>
    public object? FindName(string name, int line)
    {
        if (!TcpInfoFields.Has(name))
        {
            return Symbols.TryGet(name, out long constant) ? constant : null;
        }

        byte[] info = Sample(SolTcp, TcpInfo);
        byte[] memory = Sample(SolSocket, SoMeminfo);
        return TcpInfoFields.Find(name, info, memory)
            ?? throw new ScriptFailure(line, $"the target {_target.Name} does not tell {name}");
    }

    private byte[] Sample(int level, int name)
    {
        var bytes = new byte[InfoRoom];
        int result = _target.Calls.GetOption(_sampled, level, name, bytes, out int length);
        return result < 0 ? [] : bytes[..length];
    }

    private void Judge(CallEvent call, long result, Action<long> check)
    {
        string seen = result < 0 ? $"-1 {Symbols.ErrnoName(result)}" : $"{result}";
        if (call.Result is EllipsisValue)
        {
            check(result);
            return;
        }

        long expected = _values.Number(call.Result);
        bool makes = MakesDescriptor(call.Name);
        if (makes && result >= 0)
        {
            Remember(call, expected, (int)result);
        }

        bool same = expected < 0
            ? result < 0 && (call.Errno is null || Is(call.Errno, result))
            : makes ? result >= 0 : result == expected;
        if (!same)
        {
            throw new ScriptFailure(call.Line, $"{call.Name}() returned something else", Show(call), seen);
        }

        check(result);
    }

    private static bool Is(string errno, long result) => Symbols.TryGet(errno, out long number) && number == -result;

    private static string Show(CallEvent call) => call.Result switch
    {
        NumberValue number => call.Errno is null ? $"{number.Number}" : $"{number.Number} {call.Errno}",
        NameValue name => name.Name,
        _ => "a result",
    };

    private static bool MakesDescriptor(string name) =>
        name is "socket" or "accept" or "accept4" or "epoll_create" or "epoll_create1";

    private void Remember(CallEvent call, long script, int live)
    {
        _opened.Add(live);
        if (script < 0)
        {
            return;
        }

        _descriptors[(int)script] = live;
        _written[live] = 0;
        _read[live] = 0;
        if (call.Name is "accept" or "accept4" || (call.Name == "socket" && !_descriptors.ContainsValue(_sampled)))
        {
            _sampled = live;
        }
    }

    /// <summary>The descriptor that the script means; one that it never got is passed on as it is.</summary>
    private int Descriptor(Value value)
    {
        int script = _values.Integer(value);
        if (!_descriptors.ContainsKey(script) && _waiting.Count > 0)
        {
            AwaitReturned(_waiting[0].LateAtStart + AtOnce);
        }

        return _descriptors.TryGetValue(script, out int live) ? live : NeverOpen;
    }

    private void Require(CallEvent call, bool holds, string what, string expected, string seen)
    {
        if (!holds)
        {
            throw new ScriptFailure(call.Line, $"{call.Name}(): {what} differs", expected, seen);
        }
    }
}
