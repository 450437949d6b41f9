using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Sockets;

/// <summary>Random sequences of calls with what a kernel 6.18.44 answered to each, recorded once
/// (record-bind-sequences.py says how), given to our stack.</summary>
public sealed class BindSequenceTests
{
    [Fact]
    [Trait("Linux", "inet_csk_get_port")]
    public void Bind_and_listen_answer_as_the_kernel_did_in_recorded_sequences()
    {
        var differences = new List<string>();
        int sequences = 0;
        foreach (string[] sequence in Sequences())
        {
            sequences++;
            using var replay = new Replay();
            if (replay.Run(sequence) is { } difference)
            {
                differences.Add(difference);
            }
        }

        Assert.True(sequences > 100, "the recording is there");
        Assert.True(differences.Count == 0, $"{differences.Count} differ\n{string.Join("\n\n", differences.Take(5))}");
    }

    private static IEnumerable<string[]> Sequences()
    {
        string recording = Path.Combine(AppContext.BaseDirectory, "Sockets", "BindSequences.txt");
        return File.ReadAllText(recording).Split("seq ", StringSplitOptions.RemoveEmptyEntries)
            .Select(text => text.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private sealed class Replay : IDisposable
    {
        private readonly TestHost _host = new(moreInterfaces: 2);
        private readonly Dictionary<int, int> _sockets = [];
        private readonly List<(int Client, int Server)> _connections = [];

        private SocketCalls Calls => _host.Calls;

        public void Dispose() => _host.Dispose();

        internal string? Run(string[] lines)
        {
            for (int i = 1; i < lines.Length; i++)
            {
                string[] parts = lines[i].Split(" = ");
                string? answer = Do(parts[0].Split(' '), parts.Length > 1 ? parts[1] : "");
                if (answer is null)
                {
                    // A group chose another member than the kernel's secret hash did: the ways part here.
                    return null;
                }

                if (parts.Length > 1 && answer != parts[1])
                {
                    return $"seq {string.Join('\n', lines[..(i + 1)])}\n   here: {answer}";
                }
            }

            return null;
        }

        private string? Do(string[] words, string expected)
        {
            int fd = words.Length > 1 && int.TryParse(words[1], out int number)
                ? _sockets.GetValueOrDefault(number) : 0;
            switch (words[0])
            {
                case "new":
                    Calls.Credentials = SocketCredentials.Root with { Uid = uint.Parse(words[3]) };
                    _sockets[int.Parse(words[1])] = Calls.Socket(words[2] == "4" ? 2 : 10, 1, 0);
                    return "";
                case "opt":
                    SocketOption option = words[2] switch
                    {
                        "reuseaddr" => SocketOption.ReuseAddress,
                        "reuseport" => SocketOption.ReusePort,
                        "v6only" => SocketOption.IPv6Only,
                        _ => SocketOption.BindToInterface,
                    };
                    int value = int.Parse(words[3]);
                    return Name(Calls.SetOption(
                        fd, option, option == SocketOption.BindToInterface ? value + 2 : value));
                case "bind":
                    return Name(Calls.Bind(
                        fd, new InetEndpoint(InetAddress.Parse(words[2]), ushort.Parse(words[3]))));
                case "listen":
                    return Name(Calls.Listen(fd, 5));
                case "shut":
                    return Name(Calls.Shutdown(fd, 0));
                case "unspec":
                    return Name(Calls.Disconnect(fd));
                case "close":
                    Calls.Close(fd);
                    _sockets.Remove(int.Parse(words[1]));
                    return "";
                case "migrate":
                    _host.Set("net.ipv4.tcp_migrate_req", 1);
                    return "";
                case "name":
                    Calls.GetSocketName(fd, out InetEndpoint local);
                    string port = local.Port is 0 or 7000 or 7001 ? local.Port.ToString() : "*";
                    return $"{Plain(local.Address.ToString(), expected)} {port}";
                case "kid":
                    return Connect(words[1], ushort.Parse(words[2]), expected);
                default:
                    return Disconnect(int.Parse(words[1]), words[2] == "1");
            }
        }

        private string? Connect(string address, ushort port, string expected)
        {
            Calls.Credentials = SocketCredentials.Root;
            int client = Calls.Socket(address.Contains(':') ? 10 : 2, 1, 0);
            var remote = new InetEndpoint(InetAddress.Parse(address), port);
            int result = Calls.Connect(client, remote);
            result = result == -Errno.EINPROGRESS ? Calls.Connect(client, remote) : result;
            if (result != 0)
            {
                Calls.Close(client);
                return Name(result);
            }

            foreach ((int number, int fd) in _sockets)
            {
                int child = Calls.Accept(fd, out _);
                if (child >= 0)
                {
                    _connections.Add((client, child));
                    string answer = $"0 {number}";
                    Calls.GetOption(fd, SocketOption.ReusePort, out int shared);
                    return answer != expected && shared != 0 && expected.StartsWith('0') ? null : answer;
                }
            }

            return "nobody";
        }

        private string Disconnect(int index, bool serverFirst)
        {
            (int client, int server) = _connections[index];
            _connections.RemoveAt(index);
            Calls.Close(serverFirst ? server : client);
            Calls.Close(serverFirst ? client : server);
            return "";
        }

        private static string Plain(string address, string expected) =>
            expected.StartsWith("::ffff:", StringComparison.Ordinal) ? $"::ffff:{address}" : address;

        private static string Name(int result) => result == 0 ? "0" : Errno.Name(result);
    }
}
