using System;
using System.Collections.Generic;
using Earshot.Core;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Simulation.Tests;

/// <summary>
/// Many clients against a listener with a small backlog, and a server that accepts slowly; the books are kept.
/// </summary>
internal sealed class Crowd
{
    private const int ShutWrite = 1;

    // The verdicts about each client are looked for in the ledger: too much for every step.
    private const int StepsBetweenClients = 8;

    private readonly World _world;
    private readonly Host _client;
    private readonly Host _server;
    private readonly Chance _chance;
    private readonly InetEndpoint _local;
    private readonly HashSet<InetEndpoint> _accepted = [];
    private readonly List<ListenerRow> _listeners = [];
    private readonly List<SocketRow> _rows = [];
    private readonly HashSet<InetEndpoint> _requests = [];
    private readonly HashSet<InetEndpoint> _queued = [];
    private readonly List<InetEndpoint> _clients = [];
    private readonly HashSet<InetEndpoint> _promoted = [];
    private readonly HashSet<InetEndpoint> _turnedAway = [];
    private readonly SortedSet<int> _open = [];
    private int _listener;
    private int _acceptedAgain;
    private ushort _listenerId;

    /// <summary>Starts the server, and schedules the clients' connects and the server's accepts.</summary>
    internal Crowd(World world, Host client, Host server, InetEndpoint local, int backlog, int clients, Chance chance)
    {
        _world = world;
        _client = client;
        _server = server;
        _chance = chance;
        _local = local;
        Listen(backlog);
        for (int i = 0; i < clients; i++)
        {
            world.Schedule(world.Now + Milliseconds(3000), Connect);
        }

        ScheduleAccept();
    }

    /// <summary>connect() calls made.</summary>
    internal int Opens { get; private set; }

    /// <summary>connect() calls that succeeded.</summary>
    internal int Connected { get; private set; }

    /// <summary>connect() calls that failed.</summary>
    internal int Failed { get; private set; }

    /// <summary>Connections that accept() gave to the server.</summary>
    internal int Accepted { get; private set; }

    /// <summary>What must hold after every step.</summary>
    internal void CheckBooks()
    {
        _listeners.Clear();
        _server.Stack.CopyListeners(_listeners);
        if (_listeners.Count == 0)
        {
            return;
        }

        ListenerRow row = Assert.Single(_listeners);
        _listenerId = row.Id;

        // Of the requests: each SYN that was let in is a request still, a connection, or was removed by a rule.
        long removed = Said(RuleId.RequestReset) + Said(RuleId.RequestSynInWindow) + Said(RuleId.RequestExpired)
            + Said(RuleId.RequestListenerGone) + Said(RuleId.RequestIcmp) + Said(RuleId.RequestOverflowAbort);
        Assert.Equal(Said(RuleId.SynQueued), row.SynCount + Said(RuleId.RequestPromoted) + removed);

        // Of the connections: each that finished its handshake, from a request or a cookie, was accepted or waits.
        long finished = Said(RuleId.RequestPromoted) + Said(RuleId.CookiePromoted);
        Assert.Equal(finished, row.AcceptCount + Said(RuleId.Accepted) + Said(RuleId.ChildReset));
        Assert.Equal(Accepted, Said(RuleId.Accepted));
        Assert.InRange(row.AcceptCount, 0, row.Backlog + 1);
        Assert.InRange(row.YoungCount, 0, row.SynCount);
        if (_world.Steps % StepsBetweenClients == 0)
        {
            CheckClients(row);
        }
    }

    /// <summary>Stops the listener: what waits in its queues is reset or forgotten.</summary>
    internal void StopListening() => Assert.Equal(0, _server.Calls.Close(_listener));

    /// <summary>
    /// Closes the clients that still believe to be connected: nobody told them, or the reset was lost.
    /// </summary>
    internal void StopClients()
    {
        foreach (int socket in _open)
        {
            Assert.Equal(0, _client.Calls.Close(socket));
        }

        _open.Clear();
    }

    // Of the clients: opens = accepted + queued + refused, and nobody is refused without a verdict.
    private void CheckClients(in ListenerRow row)
    {
        CollectWaiting(row);
        CollectVerdicts();
        int accepted = 0;
        int queued = 0;
        int refused = 0;
        int resetInQueue = 0;
        foreach (InetEndpoint client in _clients)
        {
            if (_accepted.Contains(client))
            {
                accepted++;
            }
            else if (_promoted.Contains(client) && !_queued.Contains(client))
            {
                // It was reset since: it has no line of its own any more, but keeps its place in the queue.
                // (A late copy of its SYN may have made a new request beside it.)
                resetInQueue++;
            }
            else if (_queued.Contains(client) || _requests.Contains(client))
            {
                queued++;
            }
            else
            {
                // Nobody is refused without a word: there is a verdict, or nothing of the client has come yet.
                refused++;
                bool knows = _server.Stack.Ledger.TryFindLast(_local.Port, client, out _);
                Assert.Equal(knows, _turnedAway.Contains(client));
            }
        }

        Assert.Equal(Accepted, accepted + _acceptedAgain);
        Assert.Equal(Opens, accepted + queued + resetInQueue + refused);

        // The second connection that a cookie makes of a late third ACK is reset by its client.
        int without = row.AcceptCount - _queued.Count;
        Assert.InRange(resetInQueue, Said(RuleId.CookiePromoted) == 0 ? without : 0, without);
        Assert.Equal(Opens, _client.Stack.Mib[Counter.TcpActiveOpens]);
        Assert.InRange(Connected + Failed, 0, Opens);
    }

    private void CollectWaiting(in ListenerRow row)
    {
        _rows.Clear();
        _requests.Clear();
        _queued.Clear();
        _server.Stack.CopySockets(_rows);
        foreach (SocketRow socket in _rows)
        {
            if (socket.State == TcpState.SynRecv)
            {
                Assert.True(_requests.Add(socket.Remote), $"{socket.Remote} has two requests");
            }
            else if (socket.Descriptor < 0 && !_accepted.Contains(socket.Remote)
                && socket.State is not (TcpState.Listen or TcpState.TimeWait))
            {
                Assert.True(_queued.Add(socket.Remote), $"{socket.Remote} waits twice");
                Assert.False(_requests.Contains(socket.Remote), $"{socket.Remote} is a request and a connection");
            }
        }

        Assert.Equal(row.SynCount, _requests.Count);
    }

    // What the listener has said so far: who finished a handshake, who was turned away.
    private void CollectVerdicts()
    {
        _promoted.Clear();
        _turnedAway.Clear();
        foreach (LedgerEntry entry in _server.Stack.Ledger.Latest)
        {
            if (entry.Rule is RuleId.RequestPromoted or RuleId.CookiePromoted)
            {
                _promoted.Add(entry.Remote);
            }
            else if (entry.Listener == _listenerId)
            {
                _turnedAway.Add(entry.Remote);
            }
        }
    }

    private long Said(RuleId rule) => _server.Stack.Ledger.Tally(_listenerId, rule)?.Count ?? 0;

    private void Listen(int backlog)
    {
        SocketCalls calls = _server.Calls;
        _listener = calls.Socket(2, 1, 0);
        Assert.Equal(0, calls.Bind(_listener, _local));
        Assert.Equal(0, calls.Listen(_listener, backlog));
    }

    private void ScheduleAccept() => _world.Schedule(_world.Now + Milliseconds(400), () =>
    {
        int socket = _server.Calls.Accept(_listener, out InetEndpoint peer);
        if (socket >= 0)
        {
            Accepted++;
            if (!_accepted.Add(peer))
            {
                // A late copy of a third ACK makes a second connection of a cookie.
                Assert.True(Said(RuleId.CookiePromoted) > 0, $"{peer} was accepted twice");
                _acceptedAgain++;
            }

            _world.Schedule(_world.Now + Milliseconds(1500), () => Assert.Equal(0, _server.Calls.Close(socket)));
        }
        else if (socket == -Errno.EBADF)
        {
            return;
        }
        else
        {
            Assert.Equal(-Errno.EAGAIN, socket);
        }

        ScheduleAccept();
    });

    private void Connect()
    {
        Opens++;
        SocketCalls calls = _client.Calls;
        int socket = calls.Socket(2, 1, 0);
        _open.Add(socket);
        bool connected = false;
        bool closed = false;
        long token = 0;
        token = _client.Subscribe(_ => OnEvent());
        Assert.Equal(-Errno.EINPROGRESS, calls.Connect(socket, _local));
        Assert.Equal(0, calls.GetSocketName(socket, out InetEndpoint client));
        _clients.Add(client);
        Assert.Equal(0, calls.Wait(socket, PollMask.Out, token));

        void OnEvent()
        {
            // A wait that close() ended comes back as an event too.
            if (closed || !_open.Contains(socket))
            {
                return;
            }

            if (!connected)
            {
                int result = calls.Connect(socket, _local);
                if (result is -Errno.EALREADY)
                {
                    Assert.Equal(0, calls.Wait(socket, PollMask.Out, token));
                    return;
                }

                connected = result == 0;
                _ = connected ? Connected++ : Failed++;
                if (!connected)
                {
                    Close();
                    return;
                }

                // Some clients say something, some give up at once, most wait for the server to close.
                switch (_chance.Below(8))
                {
                    case 0:
                        Assert.Equal(0, calls.SetOption(socket, SocketOption.Linger, 0));
                        Close();
                        return;
                    case 1:
                        Assert.Equal(0, calls.Shutdown(socket, ShutWrite));
                        break;
                    default:
                        break;
                }
            }

            Span<byte> bytes = stackalloc byte[16];
            if (calls.Receive(socket, bytes) == -Errno.EAGAIN)
            {
                Assert.Equal(0, calls.Wait(socket, PollMask.In, token));
                return;
            }

            Close();
        }

        void Close()
        {
            closed = true;
            _open.Remove(socket);
            Assert.Equal(0, calls.Close(socket));
        }
    }

    private TimeSpan Milliseconds(uint atMost) => TimeSpan.FromMilliseconds(_chance.Below(atMost));
}
