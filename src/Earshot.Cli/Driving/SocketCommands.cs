using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core;
using Earshot.Core.Wire;
using Earshot.Sockets;
using SocketOption = Earshot.Core.Sockets.SocketOption;

namespace Earshot.Cli.Driving;

/// <summary>The driver's socket calls: a command each, named and answered as the call.</summary>
internal sealed class SocketCommands
{
    /// <summary>Seconds that accept, recv and connect wait unless told otherwise.</summary>
    internal const double DefaultWait = 10;

    /// <summary>Bytes that one recv gives at most, whatever it asks for.</summary>
    internal const int LargestReceive = 1 << 22;

    private const int AddressFamilyInet = 2;
    private const int AddressFamilyInet6 = 10;
    private const int Stream = 1;
    private const int Datagram = 2;

    private static readonly (PollMask Bit, string Name)[] PollNames =
    [
        (PollMask.In, "IN"), (PollMask.Pri, "PRI"), (PollMask.Out, "OUT"), (PollMask.Err, "ERR"),
        (PollMask.Hup, "HUP"), (PollMask.ReadHup, "RDHUP"),
    ];

    private readonly EarshotStack _stack;
    private readonly Dictionary<string, DrivenSocket> _sockets = new(StringComparer.Ordinal);

    internal SocketCommands(EarshotStack stack) => _stack = stack;

    /// <summary>The commands.</summary>
    internal IEnumerable<DriveCommand> Commands =>
    [
        new("socket ID tcp|udp", SocketAsync),
        new("bind ID IP PORT", BindAsync),
        new("listen ID BACKLOG", ListenAsync),
        new("connect ID IP PORT [timeout]", ConnectAsync),
        new("accept ID NEWID [timeout]", AcceptAsync),
        new("recv ID N [timeout]", ReceiveAsync),
        new("send ID HEX", SendAsync),
        new("shutdown ID rd|wr|rdwr", ShutdownAsync),
        new("close ID", CloseAsync),
        new("setopt ID NAME N", SetOptionAsync),
        new("getopt ID NAME", GetOptionAsync),
        new("getname ID", GetNameAsync),
        new("poll ID", PollAsync),
    ];

    /// <summary>Closes every socket.</summary>
    internal Task CloseAllAsync()
    {
        int[] descriptors = [.. _sockets.Values.Select(socket => socket.Descriptor)];
        _sockets.Clear();
        return _stack.InvokeAsync(stack =>
        {
            foreach (int descriptor in descriptors)
            {
                stack.Calls.Close(descriptor);
            }

            return descriptors.Length;
        });
    }

    private async Task<JsonObject> SocketAsync(CommandWords words, CancellationToken cancellation)
    {
        string name = NewName(words, "ID");
        string kind = words.Take("tcp|udp");
        words.End();
        (int family, int type) = kind switch
        {
            "tcp" or "tcp4" => (AddressFamilyInet, Stream),
            "udp" or "udp4" => (AddressFamilyInet, Datagram),
            "tcp6" => (AddressFamilyInet6, Stream),
            "udp6" => (AddressFamilyInet6, Datagram),
            _ => throw DriveException.Argument($"the socket's kind is '{kind}', not tcp or udp"),
        };
        int descriptor = await CallAsync(stack => stack.Calls.Socket(family, type, 0)).ConfigureAwait(false);
        _sockets.Add(name, new DrivenSocket(descriptor, family) { OpenType = kind is "tcp" or "udp" ? type : 0 });
        return DriveReply.Ok();
    }

    private async Task<JsonObject> BindAsync(CommandWords words, CancellationToken cancellation)
    {
        DrivenSocket socket = Find(words);
        InetEndpoint local = words.TakeEndpoint();
        words.End();
        await ChooseFamilyAsync(socket, local.Address).ConfigureAwait(false);
        await CallAsync(stack => stack.Calls.Bind(socket.Descriptor, local)).ConfigureAwait(false);
        socket.Settle();
        return DriveReply.Ok();
    }

    private async Task<JsonObject> ListenAsync(CommandWords words, CancellationToken cancellation)
    {
        DrivenSocket socket = Find(words);
        int backlog = words.TakeNumber("BACKLOG", int.MinValue, int.MaxValue);
        words.End();
        await CallAsync(stack => stack.Calls.Listen(socket.Descriptor, backlog)).ConfigureAwait(false);
        socket.Settle();
        return DriveReply.Ok();
    }

    private async Task<JsonObject> ConnectAsync(CommandWords words, CancellationToken cancellation)
    {
        DrivenSocket socket = Find(words);
        InetEndpoint remote = words.TakeEndpoint();
        TimeSpan timeout = words.TakeSeconds("timeout", DefaultWait);
        words.End();
        await ChooseFamilyAsync(socket, remote.Address).ConfigureAwait(false);
        socket.Settle();

        // A wait that ends too early answers as the first attempt did, as with SO_SNDTIMEO. Linux:
        // __inet_stream_connect.
        int first = 0;
        await RetryAsync(
            socket, PollMask.Out, timeout,
            stack =>
            {
                int result = stack.Calls.Connect(socket.Descriptor, remote);
                bool pending = result is -Errno.EINPROGRESS or -Errno.EALREADY;
                first = first == 0 ? result : first;
                return (pending ? first : result, pending);
            },
            cancellation).ConfigureAwait(false);
        return DriveReply.Ok();
    }

    private async Task<JsonObject> AcceptAsync(CommandWords words, CancellationToken cancellation)
    {
        DrivenSocket socket = Find(words);
        string name = NewName(words, "NEWID");
        TimeSpan timeout = words.TakeSeconds("timeout", DefaultWait);
        words.End();
        InetEndpoint peer = default;
        int descriptor = await RetryAsync(
            socket, PollMask.In, timeout,
            stack => Once(stack.Calls.Accept(socket.Descriptor, out peer)), cancellation).ConfigureAwait(false);
        _sockets.Add(name, new DrivenSocket(descriptor, socket.Family));
        return DriveReply.Ok("peer", peer.ToString());
    }

    private async Task<JsonObject> ReceiveAsync(CommandWords words, CancellationToken cancellation)
    {
        DrivenSocket socket = Find(words);
        int most = words.TakeNumber("N", 0, int.MaxValue);
        TimeSpan timeout = words.TakeSeconds("timeout", DefaultWait);
        words.End();
        byte[] bytes = new byte[Math.Min(most, LargestReceive)];
        int count = await RetryAsync(
            socket, PollMask.In | PollMask.ReadHup, timeout,
            stack => Once(stack.Calls.Receive(socket.Descriptor, bytes)), cancellation).ConfigureAwait(false);
        JsonObject reply = DriveReply.Ok("hex", Convert.ToHexStringLower(bytes.AsSpan(0, count)));
        reply["n"] = count;
        return reply;
    }

    private async Task<JsonObject> SendAsync(CommandWords words, CancellationToken cancellation)
    {
        DrivenSocket socket = Find(words);

        // No bytes are no word, and send() of none is a call as well.
        byte[] bytes = words.IsAtEnd ? [] : words.TakeHex();
        words.End();
        int count = await CallAsync(stack => stack.Calls.Send(socket.Descriptor, bytes)).ConfigureAwait(false);
        return DriveReply.Ok("n", count);
    }

    private async Task<JsonObject> ShutdownAsync(CommandWords words, CancellationToken cancellation)
    {
        DrivenSocket socket = Find(words);
        string side = words.Take("rd|wr|rdwr");
        words.End();
        int how = side switch
        {
            "rd" => 0,
            "wr" => 1,
            "rdwr" => 2,
            _ => throw DriveException.Argument($"the side is '{side}', not rd, wr or rdwr"),
        };
        await CallAsync(stack => stack.Calls.Shutdown(socket.Descriptor, how)).ConfigureAwait(false);
        return DriveReply.Ok();
    }

    private async Task<JsonObject> CloseAsync(CommandWords words, CancellationToken cancellation)
    {
        string name = words.Take("ID");
        words.End();
        DrivenSocket socket = Find(name);
        _sockets.Remove(name);
        await CallAsync(stack => stack.Calls.Close(socket.Descriptor)).ConfigureAwait(false);
        return DriveReply.Ok();
    }

    private async Task<JsonObject> SetOptionAsync(CommandWords words, CancellationToken cancellation)
    {
        DrivenSocket socket = Find(words);
        string name = words.Take("NAME");
        SocketOption option = OptionNames.Find(name);
        int value = OptionNames.ToStack(name, words.TakeNumber("N", int.MinValue, int.MaxValue));
        words.End();
        await CallAsync(stack => stack.Calls.SetOption(socket.Descriptor, option, value)).ConfigureAwait(false);
        if (socket.OpenType != 0)
        {
            socket.Options.Add((option, value));
        }

        return DriveReply.Ok();
    }

    private async Task<JsonObject> GetOptionAsync(CommandWords words, CancellationToken cancellation)
    {
        DrivenSocket socket = Find(words);
        string name = words.Take("NAME");
        SocketOption option = OptionNames.Find(name);
        words.End();
        int value = 0;
        await CallAsync(stack => stack.Calls.GetOption(socket.Descriptor, option, out value)).ConfigureAwait(false);
        return DriveReply.Ok("value", OptionNames.FromStack(name, value));
    }

    private async Task<JsonObject> GetNameAsync(CommandWords words, CancellationToken cancellation)
    {
        DrivenSocket socket = Find(words);
        words.End();
        InetEndpoint local = default;
        await CallAsync(stack => stack.Calls.GetSocketName(socket.Descriptor, out local)).ConfigureAwait(false);
        return DriveReply.Ok("name", local.ToString());
    }

    private async Task<JsonObject> PollAsync(CommandWords words, CancellationToken cancellation)
    {
        DrivenSocket socket = Find(words);
        words.End();
        var mask = (PollMask)await CallAsync(stack => stack.Calls.Poll(socket.Descriptor)).ConfigureAwait(false);
        var events = new JsonArray();
        foreach ((PollMask bit, string name) in PollNames)
        {
            if ((mask & bit) != 0)
            {
                events.Add((JsonNode)name);
            }
        }

        return DriveReply.Ok("events", events);
    }

    private static (int Result, bool IsToWait) Once(int result) => (result, result == -Errno.EAGAIN);

    /// <summary>Makes a call until it need not wait any more or the time is over; then it is that call's
    /// errno.</summary>
    private async Task<int> RetryAsync(
        DrivenSocket socket,
        PollMask interest,
        TimeSpan timeout,
        Func<NetworkStack, (int Result, bool IsToWait)> call,
        CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            (int result, bool isToWait) = await _stack.InvokeAsync(call).ConfigureAwait(false);
            TimeSpan left = timeout - Stopwatch.GetElapsedTime(start);
            if (!isToWait || left <= TimeSpan.Zero || cancellation.IsCancellationRequested)
            {
                return DriveException.Check(result);
            }

            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(left);
            try
            {
                await _stack.WaitAsync(socket.Descriptor, interest, limit.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // The call is made once more, for what came in the last moment.
            }
        }
    }

    private async Task<int> CallAsync(Func<NetworkStack, int> call) =>
        DriveException.Check(await _stack.InvokeAsync(call).ConfigureAwait(false));

    /// <summary>Gives the socket the family of an address, unless that is settled: another descriptor in its
    /// place.</summary>
    private async Task ChooseFamilyAsync(DrivenSocket socket, InetAddress address)
    {
        int family = address.IsIPv4 ? AddressFamilyInet : AddressFamilyInet6;
        if (socket.OpenType == 0 || socket.Family == family)
        {
            return;
        }

        int other = await CallAsync(stack => stack.Calls.Socket(family, socket.OpenType, 0)).ConfigureAwait(false);
        await CallAsync(stack =>
        {
            stack.Calls.Close(socket.Descriptor);
            foreach ((SocketOption option, int value) in socket.Options)
            {
                stack.Calls.SetOption(other, option, value);
            }

            return other;
        }).ConfigureAwait(false);
        socket.Descriptor = other;
        socket.Family = family;
    }

    private string NewName(CommandWords words, string what)
    {
        string name = words.Take(what);
        return !_sockets.ContainsKey(name) ? name
            : throw new DriveException(DriveException.Exists, $"there is a socket '{name}' already");
    }

    private DrivenSocket Find(CommandWords words) => Find(words.Take("ID"));

    private DrivenSocket Find(string name) => _sockets.TryGetValue(name, out DrivenSocket? socket) ? socket
        : throw new DriveException(nameof(Errno.EBADF), $"there is no socket '{name}'");
}
