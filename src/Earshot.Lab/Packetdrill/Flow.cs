using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Time;

namespace Earshot.Lab.Packetdrill;

/// <summary>The segments between one remote and one local port, and what the script's numbers are there.</summary>
/// <remarks>The stack's sequence numbers count from the ISN that it chose, its time stamps from the first one seen,
/// and its Fast Open cookies stand for those that the script writes.</remarks>
internal sealed class Flow(ushort remotePort, ushort localPort)
{
    private readonly Dictionary<uint, uint> _stamps = [];
    private readonly List<(byte[] Script, byte[] Live)> _cookies = [];
    private uint? _offset;
    private uint? _remoteIsn;
    private uint? _stampOffset;
    private bool _mayBegin = true;
    private bool _ended;

    public ushort RemotePort { get; private set; } = remotePort;

    public ushort LocalPort { get; private set; } = localPort;

    /// <summary>Whether a segment was seen in either direction.</summary>
    public bool IsBegun { get; private set; }

    /// <summary>What the stack last acknowledged: where a RST is believed.</summary>
    public uint? LastAcknowledgment { get; private set; }

    /// <summary>When the first time stamp was seen.</summary>
    public Instant FirstStamp { get; private set; }

    /// <summary>By how much the run was behind the script's times at the first time stamp.</summary>
    public TimeSpan LateAtFirstStamp { get; private set; }

    /// <summary>The ports of a connection that the stack opens are its own choice.</summary>
    public void Take(ushort remotePort, ushort localPort) => (RemotePort, LocalPort) = (remotePort, localPort);

    /// <summary>Told of a segment of the script before it is sent.</summary>
    public void OnInbound(TcpPattern tcp)
    {
        IsBegun = true;
        if (tcp.Has(Flag.Syn) && !tcp.Has(Flag.Ack))
        {
            _mayBegin |= _ended || _remoteIsn != tcp.Sequence;
            _remoteIsn = tcp.Sequence;
            _ended = false;
        }

        _ended |= tcp.Has(Flag.Rst) || tcp.Has(Flag.Fin);
    }

    /// <summary>Told of a segment of the stack before it is compared.</summary>
    /// <param name="seen">The segment.</param>
    /// <param name="expected">What the script expects; null when it expects nothing.</param>
    /// <param name="late">By how much the run is behind the script's times.</param>
    public void OnOutbound(SeenSegment seen, TcpPattern? expected, TimeSpan late)
    {
        IsBegun = true;
        if (seen.Has(Flag.Syn) && (_offset is null || (_mayBegin && (expected?.Sequence ?? 0) == 0)))
        {
            uint offset = unchecked(seen.Sequence - (expected?.Sequence ?? 0));
            if (_offset != offset)
            {
                _stampOffset = null;
                _stamps.Clear();
            }

            _offset = offset;
            _mayBegin = false;
        }

        if (seen.Has(Flag.Ack))
        {
            LastAcknowledgment = seen.Acknowledgment;
        }

        _ended |= seen.Has(Flag.Rst) || seen.Has(Flag.Fin);
        if (expected?.Options is { } options)
        {
            LearnStamp(seen, options, late);
            LearnCookies(seen, options);
        }
    }

    /// <summary>Where in the peer's stream a segment of the script begins.</summary>
    public uint Position(TcpPattern tcp) =>
        unchecked(tcp.Sequence - (_remoteIsn ?? 0) - (tcp.Has(Flag.Syn) ? 0u : 1u));

    /// <summary>The stack's sequence number as the script counts it.</summary>
    public uint ScriptSequence(SeenSegment seen) =>
        seen.Has(Flag.Rst) && seen.Sequence == 0 ? 0 : unchecked(seen.Sequence - (_offset ?? 0));

    /// <summary>A number of the stack's sequence space as it is on the wire.</summary>
    public uint Live(uint sequence) => unchecked(sequence + (_offset ?? 0));

    /// <summary>An option of the script as it is on the wire.</summary>
    public OptionPattern ToLive(OptionPattern option) => option.Kind switch
    {
        OptionKind.Timestamp => option with { Echo = LiveStamp(option.Echo) },
        OptionKind.Sack => option with { Ranges = [.. option.Ranges.Select(r => (Live(r.Left), Live(r.Right)))] },
        OptionKind.FastOpen or OptionKind.FastOpenExperimental =>
            option with { Bytes = _cookies.Find(c => c.Script.SequenceEqual(option.Bytes)).Live ?? option.Bytes },
        _ => option,
    };

    /// <summary>An option of the stack in the script's numbers.</summary>
    public OptionPattern ToScript(OptionPattern option) => option.Kind switch
    {
        OptionKind.Timestamp => option with { Number = unchecked(option.Number - (_stampOffset ?? 0)) },
        OptionKind.FastOpen or OptionKind.FastOpenExperimental =>
            option with { Bytes = _cookies.Find(c => c.Live.SequenceEqual(option.Bytes)).Script ?? option.Bytes },
        _ => option,
    };

    private uint LiveStamp(uint stamp) => stamp == 0
        ? 0
        : _stamps.TryGetValue(stamp, out uint live) ? live : unchecked(stamp + (_stampOffset ?? 0));

    private void LearnStamp(SeenSegment seen, IReadOnlyList<OptionPattern> options, TimeSpan late)
    {
        OptionPattern? script = options.FirstOrDefault(static o => o.Kind == OptionKind.Timestamp);
        OptionPattern? live = seen.Options.FirstOrDefault(static o => o.Kind == OptionKind.Timestamp);
        if (script is null || live is null)
        {
            return;
        }

        if (_stampOffset is null)
        {
            _stampOffset = unchecked(live.Number - script.Number);
            FirstStamp = seen.Time;
            LateAtFirstStamp = late;
        }

        _stamps[script.Number] = live.Number;
    }

    // The key is the kernel's secret: a cookie of the script stands for the first one that is seen in its place.
    private void LearnCookies(SeenSegment seen, IReadOnlyList<OptionPattern> options)
    {
        foreach (OptionPattern script in options)
        {
            OptionPattern? live = seen.Options.FirstOrDefault(o => o.Kind == script.Kind);
            if (script.Kind is OptionKind.FastOpen or OptionKind.FastOpenExperimental && live is not null
                && script.Bytes.Length > 0 && live.Bytes.Length == script.Bytes.Length
                && !_cookies.Exists(c => c.Script.SequenceEqual(script.Bytes) || c.Live.SequenceEqual(live.Bytes)))
            {
                _cookies.Add((script.Bytes, live.Bytes));
            }
        }
    }

    /// <summary>Takes over the cookies of another flow: they belong to the host pair.</summary>
    public void ShareCookies(Flow other)
    {
        foreach ((byte[] Script, byte[] Live) cookie in other._cookies)
        {
            if (!_cookies.Exists(c => c.Script.SequenceEqual(cookie.Script)))
            {
                _cookies.Add(cookie);
            }
        }
    }
}
