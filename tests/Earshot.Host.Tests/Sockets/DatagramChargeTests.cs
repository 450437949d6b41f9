using System;
using System.Collections.Generic;
using System.Net;
using System.Threading.Tasks;
using Earshot.Core.Profiles;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Sockets;

/// <summary>What datagrams cost their socket while they wait in a device's queue, behind a token bucket, on the stack
/// and on the host kernel.</summary>
public sealed class DatagramChargeTests
{
    private const uint OutputQueue = 0x5411;

    [TunTheory]
    [InlineData("192.0.2.1")]
    [InlineData("2001:db8::1")]
    public async Task What_waits_in_the_device_counts_until_it_has_left(string to)
    {
        var options = new PacketTargetOptions { HasBucket = true };
        IReadOnlyList<string> host = await OwnThread.Start(() => new HostPacketTargetMaker().Run(options, Ask));
        IReadOnlyList<string> stack = await OwnThread.Start(
            () => new StackPacketTargetMaker(KernelProfile.Linux618).Run(options, Ask));
        Assert.Equal(string.Join('\n', host), string.Join('\n', stack));

        IReadOnlyList<string> Ask(IPacketTarget target) => new Run(target, IPAddress.Parse(to)).Ask();
    }

    private sealed class Run(IPacketTarget target, IPAddress to)
    {
        private readonly List<string> _said = [];
        private readonly ISocketCalls _calls = target.Calls;
        private int _fd;
        private int _other;

        internal IReadOnlyList<string> Ask()
        {
            bool isIPv6 = to.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
            string counter = isIPv6 ? "Udp6SndbufErrors" : "UdpSndbufErrors";

            // The burst is one packet of 1500 bytes, the next of that length leaves after 0.12 s.
            target.PutBefore(new TokenBucket(100_000, 1500));
            int family = isIPv6 ? SocketAddressBytes.Inet6 : SocketAddressBytes.Inet;
            _fd = _calls.Socket(family, 2 | 0x800, 0);
            _other = _calls.Socket(family, 2 | 0x800, 0);
            int full = 1500 - (isIPv6 ? 48 : 28);
            Send("burst", full);
            foreach (int length in (int[])[full, 0, 180, 190, 197, 198, 632, 633, 645, 646])
            {
                Send($"{length}", length);
            }

            Send("cut in two", full + 1);
            Send("cut in three", 3000);
            Send("another socket", 100, _other);
            long before = target.Counters()[counter];
            _said.Add($"buffer {_calls.SetOption(_other, 1, 7, [0, 9, 0, 0])}");
            for (int i = 0; i < 8; i++)
            {
                Send("small buffer", 500, _other);
            }

            _said.Add($"{counter} {target.Counters()[counter] - before}");
            int epoll = _calls.EpollCreate(0);
            _calls.EpollControl(epoll, 1, _other, new EpollEntry(0x80000304, 7));
            Wait(2);
            _said.Add($"woken {_calls.EpollWait(epoll, new EpollEntry[2], 0)}");
            Send("after it left", 10, _other);
            Wait(0.3);
            return _said;
        }

        private void Wait(double seconds)
        {
            target.WaitUntil(target.Now + TimeSpan.FromSeconds(seconds));
            _said.Add($"waited: {Unsent(_fd)} {Unsent(_other)} {Ready(_other)}");
        }

        private void Send(string what, int length, int fd = -1)
        {
            fd = fd < 0 ? _fd : fd;
            long sent = _calls.Send(fd, new byte[length], 0, SocketAddressBytes.Make(to, 5000));
            target.WaitUntil(target.Now);
            _said.Add($"{what}: {sent}, {Unsent(fd)} {Ready(fd)}");
        }

        private int Unsent(int fd)
        {
            int value = -1;
            _calls.IoControl(fd, OutputQueue, ref value);
            return value;
        }

        private short Ready(int fd)
        {
            var entries = new PollEntry[] { new(fd, 0x304) };
            _calls.Poll(entries, 0);
            return entries[0].Returned;
        }
    }
}
