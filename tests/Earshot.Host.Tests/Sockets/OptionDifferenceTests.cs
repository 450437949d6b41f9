using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Sockets;

/// <summary>Every socket option number, with every length and the values at the edges of all ranges, on the stack and
/// on the host kernel: the same errnos, the same values read back.</summary>
public sealed class OptionDifferenceTests
{
    private static readonly int[] Values =
    [
        int.MinValue, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 15, 31, 64, 100, 127, 128, 255, 256, 1000, 4000, 32767, 32768,
        65535, 65536, 100_000, 200_000, 1 << 20, int.MaxValue,
    ];

    // What a machine has compiled in or set up: packet filters, congestion control's default and memory, cookies.
    private static readonly (int Level, int Name)[] Elsewhere =
    [
        (0, 66), (0, 67), (0, 80), (0, 83), (41, 80), (41, 32), (6, 13), (6, 24), (6, 26), (6, 35), (1, 57), (1, 71),
        (1, 18), (1, 25), (1, 50), (1, 51), (1, 52), (1, 68),
    ];

    /// <summary>The kinds of sockets that are asked.</summary>
    public static TheoryData<string, int, int> Kinds => new()
    {
        { "TCP over IPv4", 2, 1 }, { "TCP over IPv6", 10, 1 }, { "UDP over IPv4", 2, 2 }, { "UDP over IPv6", 10, 2 },
    };

    [TunTheory]
    [MemberData(nameof(Kinds))]
    public async Task Every_option_answers_as_on_the_host(string kind, int domain, int type)
    {
        (IReadOnlyList<string> stack, IReadOnlyList<string> host) =
            await OwnThread.AskBoth(target => Ask(target.Calls, domain, type));
        Assert.Equal(host.Count, stack.Count);
        string[] differing =
        [
            .. host.Zip(stack).Where(static p => p.First != p.Second)
                .Select(static p => $"host  {p.First}\nstack {p.Second}"),
        ];
        Assert.True(differing.Length == 0, $"{kind}: {differing.Length} differ\n{string.Join('\n', differing)}");
    }

    // What tells of the moment, the machine or the route and not of the listener's options; the last three are left of
    // the SYN's own packet (docs/deviations.md, D66).
    private static readonly (int Level, int Name)[] OfTheMoment =
    [
        (6, 2), (6, 11), (1, 28), (1, 49), (1, 55), (1, 7), (1, 8), (0, 14), (41, 24), (0, 52), (6, 10), (0, 33),
        (41, 17), (41, 18),
    ];

    [TunTheory]
    [InlineData(2)]
    [InlineData(10)]
    public async Task A_child_has_of_each_option_what_it_has_on_the_host(int domain)
    {
        (IReadOnlyList<string> stack, IReadOnlyList<string> host) =
            await OwnThread.AskBoth(target => AskChildren(target.Calls, domain));
        string[] differing =
        [
            .. host.Zip(stack).Where(static p => p.First != p.Second)
                .Select(static p => $"host  {p.First}\nstack {p.Second}"),
        ];
        Assert.True(differing.Length == 0, $"{differing.Length} differ\n{string.Join('\n', differing)}");
    }

    private static List<string> AskChildren(ISocketCalls calls, int domain)
    {
        var seen = new List<string>();
        foreach (int level in (int[])[1, 0, 6, 41])
        {
            for (int name = 0; name <= 112; name++)
            {
                if (!Elsewhere.Contains((level, name)) && !OfTheMoment.Contains((level, name)))
                {
                    seen.Add(AskChild(calls, domain, level, name));
                }
            }
        }

        return seen;
    }

    private static string AskChild(ISocketCalls calls, int domain, int level, int name)
    {
        const int NonBlocking = 0x800;
        string text = $"{level}/{name}:";
        foreach (int value in (int[])[1, 7, 5000])
        {
            int listener = calls.Socket(domain, 1 | NonBlocking, 0);
            string set = Errno(calls.SetOption(listener, level, name, BitConverter.GetBytes(value)));
            byte[] address = SocketAddressBytes.Make(
                domain == 2 ? System.Net.IPAddress.Loopback : System.Net.IPAddress.IPv6Loopback, 0);
            string bound = Errno(calls.Bind(listener, address));
            calls.Listen(listener, 1);
            calls.GetSocketName(listener, address, out _);
            int client = calls.Socket(domain, 1 | NonBlocking, 0);
            calls.Connect(client, address);
            int child = calls.Accept(listener, new byte[28], out _, 0);
            text += $" {value} {set} {bound} {(child < 0 ? Errno(child) : Get(calls, child, level, name, 4))}"
                + $" client {Get(calls, client, level, name, 4)};";
            calls.Close(child);
            calls.Close(client);
            calls.Close(listener);
        }

        return text;
    }

    private static List<string> Ask(ISocketCalls calls, int domain, int type)
    {
        var seen = new List<string>();
        foreach (int level in (int[])[1, 0, 6, 41, 17, 255])
        {
            for (int name = 0; name <= (level == 255 ? 2 : 112); name++)
            {
                if (!Elsewhere.Contains((level, name)))
                {
                    seen.Add(Ask(calls, domain, type, level, name));
                }
            }
        }

        return seen;
    }

    private static string Ask(ISocketCalls calls, int domain, int type, int level, int name)
    {
        int fd = calls.Socket(domain, type, 0);
        string fresh = string.Join(' ', new[] { 0, 1, 4, 8, 36 }.Select(room => Get(calls, fd, level, name, room)));
        string brief = string.Join(' ', new[] { 0, 1, 3 }.Select(
            length => Errno(calls.SetOption(fd, level, name, new byte[] { 1, 0, 0 }.AsSpan(0, length)))));
        calls.Close(fd);
        var answers = new List<(int Value, string Answer)>();
        foreach (int value in Values)
        {
            fd = calls.Socket(domain, type, 0);
            string set = Errno(calls.SetOption(fd, level, name, BitConverter.GetBytes(value)));
            answers.Add((value, $"{set},{Get(calls, fd, level, name, sizeof(int))}"));
            calls.Close(fd);
        }

        IEnumerable<string> grouped = answers.GroupBy(static a => a.Answer)
            .Select(static g => $"{g.Key}[{string.Join(',', g.Select(static a => a.Value))}]");
        return $"{level}/{name}: get {fresh}; short {brief}; set {string.Join(' ', grouped)}";
    }

    private static string Get(ISocketCalls calls, int fd, int level, int name, int room)
    {
        var value = new byte[room];
        int result = calls.GetOption(fd, level, name, value, out int length);
        return result < 0 ? Errno(result) : length == 0 ? "empty" : Convert.ToHexStringLower(value.AsSpan(0, length));
    }

    private static string Errno(int result) => result >= 0 ? "ok" : Core.Errno.Name(result);
}
