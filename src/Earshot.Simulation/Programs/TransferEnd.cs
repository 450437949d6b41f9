using System;
using Earshot.Core;
using Earshot.Core.Wire;

namespace Earshot.Simulation.Programs;

/// <summary>What one end of a transfer has to do.</summary>
internal readonly record struct TransferScript(
    long Send, long Receive, ulong SendKey, ulong ReceiveKey, bool ClosesFirst, bool ShutsDown);

/// <summary>One end of a transfer: sends, receives, compares, closes.</summary>
public sealed class TransferEnd
{
    private const int LargestCall = 16384;
    private const int ShutWrite = 1;

    private readonly string _role;
    private readonly Host _host;
    private readonly Chance _chance;
    private readonly TransferScript _script;
    private readonly long _token;
    private readonly byte[] _outgoing = new byte[LargestCall];
    private readonly byte[] _incoming = new byte[LargestCall];
    private readonly byte[] _expected = new byte[LargestCall];
    private ByteSource _toSend;
    private ByteSource _toExpect;
    private int _outgoingStart;
    private int _outgoingEnd;
    private int _socket = -1;
    private InetEndpoint _remote;
    private bool _connecting;
    private bool _shutDown;
    private bool _sawEnd;

    internal TransferEnd(string role, Host host, Chance chance, in TransferScript script)
    {
        _role = role;
        _host = host;
        _chance = chance;
        _script = script;
        _toSend = new ByteSource(script.SendKey);
        _toExpect = new ByteSource(script.ReceiveKey);
        _token = host.Subscribe(OnEvent);
    }

    /// <summary>Bytes handed to the stack.</summary>
    public long Sent { get; private set; }

    /// <summary>Bytes received, every one of them equal to what was sent.</summary>
    public long Received { get; private set; }

    /// <summary>Whether it has closed its socket, everything moved.</summary>
    public bool IsClosed { get; private set; }

    internal void Connect(InetEndpoint remote)
    {
        _remote = remote;
        _socket = Require("socket", _host.Calls.Socket(2, 1, 0));
        _connecting = true;
        OnEvent(default);
    }

    internal void Adopt(int socket)
    {
        _socket = socket;
        OnEvent(default);
    }

    private void OnEvent(StackEvent stackEvent)
    {
        if (IsClosed || (_connecting && !FinishConnect()))
        {
            return;
        }

        bool mayWrite = Write();
        bool mayRead = Read();
        if (MayClose())
        {
            Require("close", _host.Calls.Close(_socket));
            IsClosed = true;
            return;
        }

        PollMask interest = (mayWrite ? PollMask.Out : PollMask.None) | (mayRead ? PollMask.In : PollMask.None);
        Require("wait", _host.Calls.Wait(_socket, interest, _token));
    }

    private bool FinishConnect()
    {
        int result = _host.Calls.Connect(_socket, _remote);
        if (result is -Errno.EINPROGRESS or -Errno.EALREADY)
        {
            Require("wait", _host.Calls.Wait(_socket, PollMask.Out, _token));
            return false;
        }

        Require("connect", result == -Errno.EISCONN ? 0 : result);
        _connecting = false;
        return true;
    }

    /// <summary>Sends until the stack takes no more.</summary>
    /// <returns>Whether there is more to send.</returns>
    private bool Write()
    {
        while (Sent < _script.Send)
        {
            if (_outgoingStart == _outgoingEnd)
            {
                _outgoingStart = 0;
                _outgoingEnd = (int)Math.Min(1 + _chance.Below(LargestCall), _script.Send - Sent);
                _toSend.Fill(_outgoing.AsSpan(0, _outgoingEnd));
            }

            int taken = _host.Calls.Send(_socket, _outgoing.AsSpan(_outgoingStart, _outgoingEnd - _outgoingStart));
            if (taken == -Errno.EAGAIN)
            {
                return true;
            }

            _outgoingStart += Require("send", taken);
            Sent += taken;
        }

        if (_script.ShutsDown && !_shutDown)
        {
            _shutDown = true;
            Require("shutdown", _host.Calls.Shutdown(_socket, ShutWrite));
        }

        return false;
    }

    /// <summary>Receives until nothing is there.</summary>
    /// <returns>Whether more can come.</returns>
    private bool Read()
    {
        while (!_sawEnd)
        {
            Span<byte> room = _incoming.AsSpan(0, 1 + (int)_chance.Below(LargestCall));
            int count = _host.Calls.Receive(_socket, room);
            if (count == -Errno.EAGAIN)
            {
                return true;
            }

            if (Require("recv", count) == 0)
            {
                Demand(Received == _script.Receive, "the stream ended early");
                _sawEnd = true;
                return false;
            }

            Demand(Received + count <= _script.Receive, "more bytes came than were sent");
            Span<byte> expected = _expected.AsSpan(0, count);
            _toExpect.Fill(expected);
            int same = expected.CommonPrefixLength(room);
            Received += same;
            Demand(same == count, "a byte is not the one that was sent");
        }

        return false;
    }

    private bool MayClose() =>
        Sent == _script.Send && Received == _script.Receive && (_sawEnd || (_script.ClosesFirst && !_script.ShutsDown));

    private int Require(string call, int result)
    {
        if (result < 0)
        {
            Demand(false, $"{call}() failed with {Errno.Name(result)}");
        }

        return result;
    }

    private void Demand(bool holds, string what)
    {
        if (!holds)
        {
            throw new SimulationException(
                $"{_role}: {what}, after {Sent} bytes sent and {Received} bytes received");
        }
    }
}
