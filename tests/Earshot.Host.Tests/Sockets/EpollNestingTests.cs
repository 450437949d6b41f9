using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Threading.Tasks;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Sockets;

/// <summary>Epolls that watch epolls, on the stack and on the host kernel: the same answers and the same events in the
/// same order.</summary>
public sealed class EpollNestingTests
{
    private const int Add = 1;
    private const int Delete = 2;
    private const int Modify = 3;
    private const uint In = 1;

    // Above every limit: a smaller number may be a descriptor of another test of this process.
    private const int NoDescriptor = 1 << 30;

    [TunFact]
    public async Task Bounds_of_depth_and_of_ways_are_the_same() => await Same(Bounds);

    [TunTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task Random_calls_have_the_same_answers(int seed) => await Same(target => Random(target.Calls, seed));

    private static async Task Same(Func<IPacketTarget, IReadOnlyList<string>> ask)
    {
        (IReadOnlyList<string> stack, IReadOnlyList<string> host) = await OwnThread.AskBoth(ask);
        int same = host.Zip(stack).TakeWhile(static pair => pair.First == pair.Second).Count();
        string before = string.Join('\n', host.Take(same).TakeLast(40));
        Assert.True(
            same == host.Count && same == stack.Count,
            $"{before}\nhost  {host.ElementAtOrDefault(same)}\nstack {stack.ElementAtOrDefault(same)}");
    }

    private static List<string> Bounds(IPacketTarget target)
    {
        ISocketCalls calls = target.Calls;
        var said = new List<string>();
        int[] up = Make(8), down = Make(8), some = Make(6);
        Say("up", Enumerable.Range(0, 7).Select(i => Watch(up[i + 1], up[i])));
        Say("down", Enumerable.Range(0, 7).Select(i => Watch(down[i], down[i + 1])));
        Say("two rows", [Watch(some[0], some[1]), Watch(some[1], some[2]), Watch(some[3], some[4])]);
        Say("joined", [Watch(some[4], some[5]), Watch(some[2], some[3]), Watch(some[2], some[4])]);
        int[] circle = Make(3);
        Say("circle", [Watch(circle[0], circle[1]), Watch(circle[1], circle[2]), Watch(circle[2], circle[0])]);
        Say("itself", [Watch(circle[0], circle[0]), Watch(circle[0], circle[1])]);
        Say("exclusive", [Watch(circle[0], circle[2], 1u << 28)]);
        int file = calls.Socket(SocketAddressBytes.Inet, 2, 0);
        Say("no epoll", [Watch(file, circle[0]), Watch(file, file), Watch(circle[0], NoDescriptor)]);

        // Five hundred ways of two epolls, a hundred of three.
        int middle = Make(1)[0];
        Say("first", [Watch(middle, file)]);
        int[] tops = Make(502);
        Say("ways", tops.Select(top => Watch(top, middle)).CountBy(r => r).Select(g => (g.Key * 1000) + g.Value));
        int empty = Make(1)[0];
        Say("unseen", tops[..501].Select(top => Watch(top, empty)).Distinct());
        Say("seen", [Watch(empty, file)]);
        int above = Make(1)[0];
        Say("three", [Watch(above, middle)]);
        calls.EpollControl(tops[0], Delete, middle, default);
        Say("one less", [Watch(above, middle)]);
        IEnumerable<int> three = Make(101).Select(top => Watch(top, above));
        Say("of three", three.CountBy(r => r).Select(g => (g.Key * 1000) + g.Value));
        return said;

        int[] Make(int count) => [.. Enumerable.Range(0, count).Select(_ => calls.EpollCreate(0))];

        int Watch(int epoll, int descriptor, uint flags = 0) =>
            calls.EpollControl(epoll, Add, descriptor, new EpollEntry(In | flags, 0));

        void Say(string what, IEnumerable<int> results) => said.Add($"{what}: {string.Join(' ', results)}");
    }

    private static List<string> Random(ISocketCalls calls, int seed)
    {
        const int Epolls = 5, Sockets = 3, Steps = 1500;
        uint[] wishes = [In, In | (1u << 31), In | (1u << 30), 4, 5, In | (1u << 28), 0, 0x40, In | 0xc0000000];
        var random = new Random(seed);
        var said = new List<string>();
        int[] files =
        [
            .. Enumerable.Range(0, Epolls).Select(_ => calls.EpollCreate(0)),
            .. Enumerable.Range(0, Sockets).Select(Bound),
        ];
        int sender = calls.Socket(SocketAddressBytes.Inet, 2, 0);
        var events = new EpollEntry[4];
        for (int i = 0; i < Steps; i++)
        {
            int epoll = random.Next(Epolls), file = random.Next(files.Length), socket = random.Next(Sockets);
            uint wanted = wishes[random.Next(wishes.Length)];
            int kind = random.Next(20), most = random.Next(1, 4), operation = random.Next(4);
            switch (kind)
            {
                case < 6:
                    operation = operation == 0 ? Delete : operation == 1 ? Modify : Add;
                    var entry = new EpollEntry(wanted, (ulong)file);
                    int result = calls.EpollControl(files[epoll], operation, files[file], entry);
                    said.Add($"{i} ctl {epoll} {operation} {file} {wanted:x}: {result}");
                    break;
                case < 10:
                    byte[] name = SocketAddressBytes.Make(IPAddress.Loopback, 6000 + socket);
                    long sent = calls.Send(sender, "a"u8, 0, name);
                    said.Add($"{i} send {socket}: {sent}");
                    break;
                case < 12:
                    long got = calls.Receive(files[Epolls + socket], new byte[4], 0, new byte[28], out _);
                    said.Add($"{i} receive {socket}: {got}");
                    break;
                case < 17:
                    int found = calls.EpollWait(files[epoll], events.AsSpan(0, most), 0);
                    said.Add($"{i} wait {epoll} {most}: {found} {string.Join(' ', events.Take(Math.Max(found, 0)))}");
                    break;
                default:
                    var entries = new PollEntry[] { new(files[file], 0x47) };
                    said.Add($"{i} poll {file}: {calls.Poll(entries, 0)} {entries[0].Returned:x}");
                    break;
            }
        }

        return said;

        int Bound(int number)
        {
            int fd = calls.Socket(SocketAddressBytes.Inet, 2 | 0x800, 0);
            calls.Bind(fd, SocketAddressBytes.Make(IPAddress.Loopback, 6000 + number));
            return fd;
        }
    }
}
