using System;
using Earshot.Core;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Earshot.Simulation.Programs;

namespace Earshot.Simulation.Scenarios;

/// <summary>One end of a scenario's connection: sends, receives with pauses, compares, ends as it is told.</summary>
internal sealed partial class TalkEndpoint
{
    private const int ShutWrite = 1;

    private readonly World _world;
    private readonly Host _host;
    private readonly ScenarioTalk _talk;
    private readonly Chance _chance;
    private readonly TransferScript _script;
    private readonly bool _aborts;
    private readonly bool _leaves;
    private readonly long _token;
    private readonly byte[] _outgoing;
    private readonly byte[] _incoming;
    private readonly byte[] _expected;
    private ByteSource _toSend;
    private ByteSource _toExpect;
    private int _outgoingStart;
    private int _outgoingEnd;
    private int _socket = -1;
    private InetEndpoint _remote;
    private bool _connecting;
    private bool _shutDown;
    private bool _sawEnd;
    private bool _isPausing;

    internal TalkEndpoint(
        World world, Host host, ScenarioTalk talk, bool isClient, Chance chance, in TransferScript script)
    {
        _world = world;
        _host = host;
        _talk = talk;
        _chance = chance;
        _script = script;
        _aborts = talk.End == (isClient ? TalkEnd.ClientAborts : TalkEnd.ServerAborts);
        _leaves = talk.End == (isClient ? TalkEnd.ClientLeaves : TalkEnd.ServerLeaves);
        _toSend = new ByteSource(script.SendKey);
        _toExpect = new ByteSource(script.ReceiveKey);
        _outgoing = new byte[talk.Call];
        _incoming = new byte[talk.Call];
        _expected = new byte[talk.Call];
        _token = host.Subscribe(_ => OnEvent());
        Role = isClient ? "client" : "server";
    }

    internal string Role { get; }

    internal long Sent { get; private set; }

    internal long Received { get; private set; }

    /// <summary>Whether it has closed its socket.</summary>
    internal bool IsClosed { get; private set; }

    /// <summary>The errno that it met; 0: none.</summary>
    internal int Error { get; private set; }

    /// <summary>Which end it is.</summary>
    public override string ToString() => $"{Role} of port {_talk.Port}";

    internal void Connect(InetEndpoint remote)
    {
        _remote = remote;
        _socket = _host.Calls.Socket(remote.Address.IsIPv4 ? 2 : 10, 1, 0);
        Demand(_socket >= 0, "socket() failed");
        Prepare(_socket, remote, isListener: false);
        _connecting = true;
        OnEvent();
    }

    internal void Adopt(int socket)
    {
        _socket = socket;
        OnEvent();
    }

    /// <summary>Sets what the talk asks for.</summary>
    internal void Prepare(int socket, InetEndpoint peer, bool isListener)
    {
        PrepareHabits(socket, peer, isListener);
        Set(socket, SocketOption.SendBuffer, _talk.SendBuffer);
        Set(socket, SocketOption.ReceiveBuffer, _talk.ReceiveBuffer);
        Set(socket, SocketOption.NoDelay, _talk.NoDelay ? 1 : 0);
    }

    /// <summary>Time is up: the socket is closed whatever there is.</summary>
    internal void GiveUp()
    {
        if (!IsClosed && _socket >= 0)
        {
            Error = Error == 0 ? Errno.ETIMEDOUT : Error;
            Close();
        }
    }

    private void Set(int socket, SocketOption option, int value)
    {
        if (value != 0)
        {
            Demand(_host.Calls.SetOption(socket, option, value) == 0, "setsockopt() failed");
        }
    }

    private void OnEvent()
    {
        if (IsClosed || (_connecting && !FinishConnect()))
        {
            return;
        }

        bool mayWrite = Write();
        bool mayRead = !IsClosed && Read();
        if (IsClosed)
        {
            return;
        }

        if ((_aborts || _leaves) && Sent + Received >= _talk.Middle)
        {
            if (_aborts)
            {
                int set = _host.Calls.SetOption(_socket, SocketOption.Linger, 0);
                Demand(set is 0 or -Errno.EINVAL, "SO_LINGER failed");
            }

            Close();
            return;
        }

        if (Sent == _script.Send && (_sawEnd || (Received == _script.Receive && _script.ClosesFirst
            && !_script.ShutsDown)))
        {
            Close();
            return;
        }

        PollMask interest = (mayWrite ? PollMask.Out : PollMask.None)
            | (mayRead && !_isPausing ? PollMask.In : PollMask.None);
        if (interest != PollMask.None)
        {
            // While it pauses, the end of the pause brings it back: errors and hang-ups would wake it at once.
            Demand(_host.Calls.Wait(_socket, interest, _token) >= 0, "wait() failed");
        }
    }

    private void Close()
    {
        Demand(_host.Calls.Close(_socket) == 0, "close() failed");
        IsClosed = true;
    }

    private bool FinishConnect()
    {
        int result = _host.Calls.Connect(_socket, _remote);
        if (result is -Errno.EINPROGRESS or -Errno.EALREADY)
        {
            _host.Calls.Wait(_socket, PollMask.Out, _token);
            return false;
        }

        _connecting = false;
        if (result is not (0 or -Errno.EISCONN))
        {
            Fail(result);
            return false;
        }

        return true;
    }

    private void Fail(int result)
    {
        Error = -result;
        Close();
    }

    private bool Write()
    {
        while (Sent < _script.Send && !IsClosed)
        {
            if (_outgoingStart == _outgoingEnd)
            {
                _outgoingStart = 0;
                _outgoingEnd = (int)Math.Min(1 + _chance.Below((uint)_talk.Call), _script.Send - Sent);
                _toSend.Fill(_outgoing.AsSpan(0, _outgoingEnd));
            }

            Fidget();
            int taken = _host.Calls.Send(
                _socket, _outgoing.AsSpan(_outgoingStart, _outgoingEnd - _outgoingStart), SendFlags());
            if (taken is -Errno.EAGAIN or -Errno.EINPROGRESS)
            {
                return true;
            }

            if (taken < 0)
            {
                Fail(taken);
                return false;
            }

            _outgoingStart += taken;
            Sent += taken;
        }

        if (_script.ShutsDown && !_shutDown && !IsClosed)
        {
            _shutDown = true;
            int result = _host.Calls.Shutdown(_socket, ShutWrite);
            if (result < 0)
            {
                Fail(result);
            }
        }

        return false;
    }

    private bool Read()
    {
        while (!_sawEnd && !IsClosed)
        {
            if (_isPausing)
            {
                return true;
            }

            Span<byte> room = _incoming.AsSpan(0, 1 + (int)_chance.Below((uint)_talk.Call));
            int count = _host.Calls.Receive(_socket, room);
            if (count == -Errno.EAGAIN)
            {
                return true;
            }

            if (count < 0)
            {
                Fail(count);
                return false;
            }

            if (count == 0)
            {
                Demand(
                    Received == _script.Receive || _talk.EndsEarly,
                    $"the stream ended at {Received} of {_script.Receive}");
                _sawEnd = true;
                return false;
            }

            Compare(room[..count]);
            if (_talk.Pause > 0)
            {
                Pause();
            }
        }

        return false;
    }

    private void Compare(ReadOnlySpan<byte> bytes)
    {
        Demand(Received + bytes.Length <= _script.Receive, "more bytes came than were sent");
        Span<byte> expected = _expected.AsSpan(0, bytes.Length);
        _toExpect.Fill(expected);
        int same = expected.CommonPrefixLength(bytes);
        Received += same;
        Demand(same == bytes.Length, "a byte is not the one that was sent");
    }

    private void Pause()
    {
        _isPausing = true;
        var span = TimeSpan.FromMilliseconds(1 + _chance.Below((uint)_talk.Pause));
        _world.Schedule(_world.Now + span, () =>
        {
            _isPausing = false;
            OnEvent();
        });
    }

    private void Demand(bool holds, string what)
    {
        if (!holds)
        {
            throw new SimulationException(
                $"{this}: {what}, after {Sent} bytes sent and {Received} bytes received");
        }
    }
}
