using Earshot.Core;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;

namespace Earshot.Simulation.Programs;

/// <summary>Who closes a transfer's connection, and how.</summary>
public enum ClosePattern
{
    /// <summary>
    /// The client closes once it has sent and received everything; the server follows at the end of the stream.
    /// </summary>
    ClientFirst,

    /// <summary>
    /// The server closes once it has sent and received everything; the client follows at the end of the stream.
    /// </summary>
    ServerFirst,

    /// <summary>Each side closes as soon as it has sent and received everything; the FINs may cross.</summary>
    BothAtOnce,

    /// <summary>
    /// Each side shuts its sending direction down when it has sent everything, and reads on to the end.
    /// </summary>
    HalfClose,
}

/// <summary>What a transfer does.</summary>
public sealed record TransferOptions
{
    /// <summary>Bytes from the client to the server, 0 or more.</summary>
    public long ToServer { get; init; } = 1 << 20;

    /// <summary>Bytes from the server to the client, 0 or more.</summary>
    public long ToClient { get; init; } = 1 << 20;

    /// <summary>How the connection ends.</summary>
    public ClosePattern Close { get; init; }

    /// <summary>Where the server listens, one of its host's addresses.</summary>
    public InetEndpoint Server { get; init; }

    /// <summary>The backlog that the server asks for.</summary>
    public int Backlog { get; init; } = 5;
}

/// <summary>Two programs: a server that accepts one connection and a client that makes it.</summary>
/// <remarks>Both send pseudo-random bytes, compare what they receive with what was sent, and close.</remarks>
public sealed class Transfer
{
    private readonly Host _serverHost;
    private readonly TransferOptions _options;
    private readonly Chance _chance;
    private readonly ulong _keyToServer;
    private readonly ulong _keyToClient;
    private readonly long _listenerToken;
    private int _listener;

    /// <summary>Starts the server and the client.</summary>
    /// <param name="client">The client's host.</param>
    /// <param name="server">The server's host.</param>
    /// <param name="options">What to do.</param>
    /// <param name="chance">Draws the bytes and the sizes of the calls; see <see cref="World.ProgramChance"/>.</param>
    /// <exception cref="SimulationException">A call of the set-up failed.</exception>
    public Transfer(Host client, Host server, TransferOptions options, Chance chance)
    {
        _serverHost = server;
        _options = options;
        _chance = chance;
        _keyToServer = chance.Next();
        _keyToClient = chance.Next();
        _listenerToken = server.Subscribe(OnListener);
        Listen();
        Client = new TransferEnd("client", client, chance, Script(
            options.ToServer, options.ToClient, _keyToServer, _keyToClient, ClosePattern.ClientFirst));
        Client.Connect(options.Server);
    }

    /// <summary>The client's end.</summary>
    public TransferEnd Client { get; }

    /// <summary>The server's end; null until the connection was accepted.</summary>
    public TransferEnd? Server { get; private set; }

    /// <summary>
    /// Whether both ends have moved every byte and closed their sockets, and the server its listener.
    /// </summary>
    public bool IsDone => Client.IsClosed && Server is { IsClosed: true } && _listener < 0;

    private void Listen()
    {
        SocketCalls calls = _serverHost.Calls;
        _listener = Require("socket", calls.Socket(2, 1, 0));
        Require("setsockopt", calls.SetOption(_listener, SocketOption.ReuseAddress, 1));
        Require("bind", calls.Bind(_listener, _options.Server));
        Require("listen", calls.Listen(_listener, _options.Backlog));
        Require("wait", calls.Wait(_listener, PollMask.In, _listenerToken));
    }

    private void OnListener(StackEvent stackEvent)
    {
        SocketCalls calls = _serverHost.Calls;
        int accepted = calls.Accept(_listener, out _);
        if (accepted == -Errno.EAGAIN)
        {
            Require("wait", calls.Wait(_listener, PollMask.In, _listenerToken));
            return;
        }

        Require("accept", accepted);
        Require("close", calls.Close(_listener));
        _listener = -1;
        Server = new TransferEnd("server", _serverHost, _chance, Script(
            _options.ToClient, _options.ToServer, _keyToClient, _keyToServer, ClosePattern.ServerFirst));
        Server.Adopt(accepted);
    }

    private TransferScript Script(long send, long receive, ulong sendKey, ulong receiveKey, ClosePattern mine) => new(
        send, receive, sendKey, receiveKey,
        ClosesFirst: _options.Close == mine || _options.Close == ClosePattern.BothAtOnce,
        ShutsDown: _options.Close == ClosePattern.HalfClose);

    private static int Require(string call, int result) => result >= 0
        ? result
        : throw new SimulationException($"server: {call}() failed with {Errno.Name(result)}");
}
