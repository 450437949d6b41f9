using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Threading.Tasks;
using Earshot.Host.Tests.Lab;
using Earshot.Lab.Targets;
using Earshot.Lab.Views;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Views;

/// <summary>Datagram sockets beside others, in ss and /proc/net: the stack's text against that of the real tools in the
/// namespace of the host's kernel.</summary>
public sealed class DatagramTextTests
{
    private static readonly string[] Commands =
    [
        "ss -nu", "ss -nua", "ss -nul", "ss -ntu", "ss -ntua", "ss -ntul", "ss -ntuaH", "ss -ntuae", "ss -nuam",
        "ss -ntuam", "ss -nuai", "ss -ntuaO", "ss -nua4", "ss -ntua6", "cat /proc/net/sockstat",
        "cat /proc/net/sockstat6",
    ];

    [TunFact]
    public async Task Datagram_sockets_stand_where_the_real_tools_put_them()
    {
        (string[] stack, string[] host) = await OwnThread.AskBoth(Ask);
        Assert.Equal(string.Join('\n', host), string.Join('\n', stack));
    }

    private static string[] Ask(IPacketTarget target)
    {
        ISocketCalls calls = target.Calls;
        var said = new List<string>();
        Say();
        int server = Bound(SocketAddressBytes.Inet, 2, "127.0.0.1", 5000);
        int client = Bound(SocketAddressBytes.Inet, 2, "127.0.0.1", 5001);
        calls.Connect(client, SocketAddressBytes.Make(IPAddress.Loopback, 5000));
        Bound(SocketAddressBytes.Inet6, 2, "::", 5002);
        int only = calls.Socket(SocketAddressBytes.Inet6, 2, 0);
        calls.SetOption(only, 41, 26, [1, 0, 0, 0]);
        calls.Bind(only, SocketAddressBytes.Make(IPAddress.IPv6Any, 5003));
        Bound(SocketAddressBytes.Inet6, 2, "::1", 5004);
        calls.Socket(SocketAddressBytes.Inet, 2, 0);
        calls.Listen(Bound(SocketAddressBytes.Inet, 1, "127.0.0.1", 5005), 5);
        Say();
        calls.Send(client, new byte[10], 0, []);
        calls.Send(client, new byte[300], 0, []);
        calls.Shutdown(client, 0);
        Say();
        target.Inject(Piece(1));
        target.Inject(Piece(2));
        Say();
        calls.Close(server);
        Say();
        return [.. said];

        int Bound(int family, int type, string address, int port)
        {
            int fd = calls.Socket(family, type, 0);
            said.Add($"{calls.Bind(fd, SocketAddressBytes.Make(IPAddress.Parse(address), port))}");
            return fd;
        }

        void Say()
        {
            IReadOnlyDictionary<string, string> texts = target is StackPacketTarget { Stack: { } stack }
                ? StackView.Texts(Commands, stack) : HostTools.Texts(Commands);
            foreach (string command in Commands)
            {
                said.Add(command);
                said.AddRange(command.Contains("sockstat", StringComparison.Ordinal)
                    ? Files(texts[command]) : MaskedText.Of(command, texts[command]));
            }
        }
    }

    // What is the whole machine's is left out: orphan, alloc and mem; the sockets with which the lab looks; and what a
    // device's driver says that fragments cost.
    private static IEnumerable<string> Files(string text) => text.TrimEnd('\n').Split('\n')
        .Where(line => !line.StartsWith("sockets", StringComparison.Ordinal))
        .Select(line => line.Split(' '))
        .Select(words => string.Join(' ', words[..3]));

    // The first eight bytes of a datagram that never is whole.
    private static byte[] Piece(byte id)
    {
        byte[] packet =
        [
            0x45, 0, 0, 28, 0, id, 0x20, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 168, 0, 1, 1, 2, 3, 4, 0, 100, 0, 0,
        ];
        int sum = 0;
        for (int i = 0; i < 20; i += 2)
        {
            sum += (packet[i] << 8) | packet[i + 1];
        }

        sum = ~((sum & 0xffff) + (sum >> 16));
        packet[10] = (byte)(sum >> 8);
        packet[11] = (byte)sum;
        return packet;
    }
}
