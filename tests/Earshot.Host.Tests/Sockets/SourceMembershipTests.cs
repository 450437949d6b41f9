using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net;
using System.Threading.Tasks;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Sockets;

/// <summary>Groups of which only some sources are heard, on the stack and on the host kernel: the same errnos, the same
/// datagrams, the same reports to routers.</summary>
public sealed class SourceMembershipTests
{
    private const int Ip = 0, Ip6 = 41, Device = 2, Port = 5000, Again = 11;

    /// <summary>The families.</summary>
    public static TheoryData<bool> Families => new() { false, true };

    [TunTheory]
    [MemberData(nameof(Families))]
    public async Task Every_call_has_the_same_answer(bool isIPv6) =>
        await Same(target => new Run(target, isIPv6).Ask());

    [TunFact]
    public async Task The_calls_that_IPv4_alone_has_answer_the_same() =>
        await Same(static target => new Run(target, false).AskOld());

    [TunTheory]
    [MemberData(nameof(Families))]
    public async Task A_socket_hears_the_sources_that_it_wants(bool isIPv6) =>
        await Same(target => new Run(target, isIPv6).Hear());

    [TunTheory]
    [MemberData(nameof(Families))]
    public async Task A_sender_of_the_same_host_is_heard(bool isIPv6) =>
        await Same(target => new Run(target, isIPv6).Loop());

    [SlowTheory(Needs = Needs.Tun)]
    [MemberData(nameof(Families))]
    public async Task Routers_are_told_of_sources(bool isIPv6) =>
        await Same(target => new Run(target, isIPv6).Report());

    private static async Task Same(Func<IPacketTarget, IReadOnlyList<string>> ask)
    {
        (IReadOnlyList<string> stack, IReadOnlyList<string> host) = await OwnThread.AskBoth(ask);
        Assert.NotEmpty(host);
        Assert.Equal(string.Join('\n', host), string.Join('\n', stack));
    }

    private sealed class Run(IPacketTarget target, bool isIPv6)
    {
        private readonly List<string> _said = [];
        private readonly ISocketCalls _calls = target.Calls;
        private readonly IPAddress _group = Address(isIPv6, "239.1.2.3", "ff15::1:3");
        private readonly IPAddress _other = Address(isIPv6, "239.1.2.4", "ff15::1:4");
        private readonly IPAddress _none = Address(isIPv6, "10.1.2.3", "fd00:9::1");

        private int Level => isIPv6 ? Ip6 : Ip;

        private int Domain => isIPv6 ? SocketAddressBytes.Inet6 : SocketAddressBytes.Inet;

        public IReadOnlyList<string> Ask()
        {
            int fd = _calls.Socket(Domain, 2, 0);
            Say("block before", Source(fd, 43, _group, 1));
            Say("leave before", Group(fd, 45, _group));
            Say("leave source before", Source(fd, 47, _group, 1));
            Say("join no group", Group(fd, 42, _none));
            Say("join source of no group", Source(fd, 46, _none, 1));
            Say("block of no group", Source(fd, 43, _none, 1));
            Say("no such device",
                Group(fd, 42, _group, 77), Source(fd, 46, _group, 1, 77), Source(fd, 43, _group, 1, 77));
            Say("join", Group(fd, 42, _group), Group(fd, 42, _group), Group(fd, 42, _group, 0));
            Say("source of what is joined", Source(fd, 46, _group, 1), Source(fd, 46, _group, 1), Get(fd, _group, 9));
            Say("block of included", Source(fd, 43, _group, 2), Source(fd, 44, _group, 1));
            Say("leave unknown source", Source(fd, 47, _group, 9));
            Say("two", Source(fd, 46, _group, 2), Get(fd, _group, 9), Get(fd, _group, 1), Get(fd, _group, 0));
            Say("leave one", Source(fd, 47, _group, 1), Get(fd, _group, 9));
            Say("leave last",
                Source(fd, 47, _group, 2), Source(fd, 47, _group, 2), Group(fd, 45, _group), Get(fd, _group, 9));
            Say("block",
                Group(fd, 42, _group), Source(fd, 43, _group, 1), Source(fd, 43, _group, 1), Get(fd, _group, 9));
            Say("join source of excluded", Source(fd, 46, _group, 3), Source(fd, 47, _group, 1));
            Say("unblock",
                Source(fd, 44, _group, 9), Source(fd, 44, _group, 1), Source(fd, 44, _group, 1), Get(fd, _group, 9));
            Say("join source of emptied", Source(fd, 46, _group, 3), Get(fd, _group, 9));
            Say("leave group", Group(fd, 45, _group), Group(fd, 45, _group));
            Filters(fd);
            Limits(fd);
            Families(fd);
            return _said;
        }

        public IReadOnlyList<string> AskOld()
        {
            int fd = _calls.Socket(Domain, 2, 0);
            foreach (int name in (int[])[37, 38, 39, 40])
            {
                Say($"{name}", Old(fd, name, 1), Old(fd, name, 1));
                Say("elsewhere", Old(fd, name, 2, "10.9.9.9"), Old(fd, name, 2, "0.0.0.0"));
                Say($"{name} of no group", _calls.SetOption(fd, Ip, name, new byte[12]));
                Say("short", _calls.SetOption(fd, Ip, name, new byte[11]));
                Say("long", _calls.SetOption(fd, Ip, name, new byte[13]));
                Say("now", GetOld(fd, 9));
            }

            Say("leave", Membership(fd, 36), Membership(fd, 35), Old(fd, 38, 1), GetOld(fd, 9));
            Say("filter", FilterOld(fd, 1, 1, 2, 3), GetOld(fd, 9), GetOld(fd, 2), GetOld(fd, 0));
            Say("filter exclude",
                FilterOld(fd, 0, 4), GetOld(fd, 9), FilterOld(fd, 2, 4), FilterOld(fd, 0), GetOld(fd, 9));
            Say("filter short", _calls.SetOption(fd, Ip, 41, new byte[15]), _calls.SetOption(fd, Ip, 41, new byte[16]));
            Say("many", FilterOld(fd, 0, [.. Enumerable.Range(1, 10)]), FilterOld(fd, 0, [.. Enumerable.Range(1, 11)]));
            Say("empty", FilterOld(fd, 1), GetOld(fd, 9), Membership(fd, 36));
            Say("of another", FilterOld(fd, 0, 1));
            Say("join by any", Membership(fd, 35, "0.0.0.0"), Membership(fd, 35), Membership(fd, 36, "10.9.9.9"));
            Say("leave by any", Membership(fd, 36, "0.0.0.0"), Membership(fd, 36, "0.0.0.0"));
            Say("leave by address", Membership(fd, 35), Membership(fd, 36, "0.0.0.0"), Membership(fd, 36));
            Say("leave other", Membership(fd, 35, "0.0.0.0"), Membership(fd, 36), Membership(fd, 36, "0.0.0.0"));
            int stream = _calls.Socket(Domain, 1, 0);
            foreach (int name in (int[])[35, 36, 37, 38, 39, 40])
            {
                Say($"stream {name}", Old(stream, name, 1));
            }

            Say("stream", FilterOld(stream, 0, 1), GetOld(stream, 9));
            return _said;
        }

        public IReadOnlyList<string> Hear()
        {
            int plain = Bound(), include = Bound(), exclude = Bound(), none = Bound(), only = Bound();
            int[] all = [plain, include, exclude, none, only];
            All(only, 0);
            Say("join", Group(plain, 42, _group), Source(include, 46, _group, 1), Group(exclude, 42, _group));
            Say("block", Source(exclude, 43, _group, 2));
            Heard(all, 1);
            Heard(all, 2);
            Heard(all, 3);
            Say("leave", Group(plain, 45, _group));
            Heard(all, 1);
            Heard(all, 2);
            Heard(all, 3);
            Say("leave", Group(exclude, 45, _group));
            Heard(all, 1);
            Heard(all, 2);
            Say("leave", Source(include, 47, _group, 1));
            Heard(all, 1);
            Say("block alone", Group(exclude, 42, _group), Source(exclude, 43, _group, 2));
            Heard(all, 1);
            Heard(all, 2);
            return _said;
        }

        public IReadOnlyList<string> Loop()
        {
            int one = Bound(), two = Bound(), sender = _calls.Socket(Domain, 2, 0);
            int[] all = [one, two];
            All(two, 0);
            Say("via", Via(sender));
            Sent("nobody", sender, all);
            Say("join", Group(one, 42, _group), Group(two, 42, _other));
            Sent("one is in it", sender, all);
            Say("join", Group(two, 42, _group));
            Sent("both are", sender, all);
            Say("no hops", Hops(sender, 0));
            Sent("within the host", sender, all);
            Say("hops", Hops(sender, 3));
            Say("not looped", Looped(sender, 0));
            Sent("not looped", sender, all);
            Say("no hops", Hops(sender, 0));
            Sent("nowhere", sender, all);
            Say("looped", Looped(sender, 1), Hops(sender, 1));
            Say("block the sender", Block(two, target.Options));
            Sent("blocked", sender, all);
            Say("left", Group(one, 45, _group));
            Sent("blocked by the last", sender, all);
            Say("over lo", Group(one, 42, _group, 1), Group(two, 42, _other, 1), Via(sender, isLoopback: true));
            Sent("one is in it on lo", sender, all);
            Say("not looped", Looped(sender, 0), Hops(sender, 0));
            Sent("all the same", sender, all);
            Say("left", Group(one, 45, _group, 1), Looped(sender, 1));
            Sent("nobody on lo", sender, all);
            Via(sender);
            Sent("by the device again", sender, all);
            if (!isIPv6)
            {
                Say("device", _calls.SetOption(sender, 1, 25, "tun0"u8));
                Sent("to all, not allowed", sender, all, IPAddress.Broadcast);
                Say("allowed", _calls.SetOption(sender, 1, 6, [1, 0, 0, 0]));
                Sent("to all", sender, all, IPAddress.Broadcast);
            }

            return _said;
        }

        public IReadOnlyList<string> Report()
        {
            int fd = _calls.Socket(Domain, 2, 0), other = _calls.Socket(Domain, 2, 0);
            See(1);
            _said.Clear();
            Tell("join a source", () => Source(fd, 46, _group, 1));
            Tell("another", () => Source(fd, 46, _group, 2));
            Tell("for another socket too", () => Source(other, 46, _group, 2), 0.3);
            Tell("a question", () => Question(null), 0.3);
            Tell("a question for one", () => Question(_group), 0.3);
            Tell("for sources", () => Question(_group, 2, 7), 0.3);
            Tell("for strange sources", () => Question(_group, 7), 0.3);
            Tell("leave one", () => Source(fd, 47, _group, 1));
            Tell("leave the same of two", () => Source(fd, 47, _group, 2), 0.3);
            Tell("the last", () => Source(other, 47, _group, 2));
            Tell("join", () => Group(fd, 42, _group));
            Tell("block", () => Source(fd, 43, _group, 1));
            Tell("include elsewhere", () => Source(other, 46, _group, 1));
            Tell("a question for all", () => Question(null), 0.3);
            Tell("for blocked sources", () => Question(_group, 1), 0.3);
            Tell("leave elsewhere", () => Source(other, 47, _group, 1));
            Tell("for blocked sources again", () => Question(_group, 1), 0.3);
            Tell("for one that is not", () => Question(_group, 1, 5), 0.3);
            Tell("a question for all again", () => Question(null), 0.3);
            Tell("two at once", () => Filter(fd, 0, 2, 3));
            Tell("mode", () => Filter(fd, 1, 3, 4));
            Tell("back", () => Filter(fd, 0, 4));
            Tell("leave", () => Group(fd, 45, _group));
            return _said;
        }

        private static IPAddress Address(bool six, string four, string other) => IPAddress.Parse(six ? other : four);

        private IPAddress Address(string four, string other) => Address(isIPv6, four, other);

        private IPAddress Peer(int number) => Address($"192.0.2.{number}", $"2001:db8::{number:x}");

        private byte[] Storage(IPAddress address)
        {
            byte[] bytes = new byte[128];
            SocketAddressBytes.Make(address, 0).CopyTo(bytes, 0);
            return bytes;
        }

        private int Group(int fd, int name, IPAddress group, int device = Device) =>
            _calls.SetOption(fd, Level, name, [.. Head(device), .. Storage(group)]);

        private int Source(int fd, int name, IPAddress group, int number, int device = Device) =>
            _calls.SetOption(fd, Level, name, [.. Head(device), .. Storage(group), .. Storage(Peer(number))]);

        private int Block(int fd, PacketTargetOptions options) => _calls.SetOption(
            fd, Level, 43,
            [.. Head(Device), .. Storage(_group), .. Storage(isIPv6 ? options.Local6 : options.Local4)]);

        private static byte[] Head(int device) => [(byte)device, 0, 0, 0, 0, 0, 0, 0];

        private int Filter(int fd, int mode, params int[] numbers) => _calls.SetOption(
            fd, Level, 48,
            [
                .. Head(Device), .. Storage(_group), (byte)mode, 0, 0, 0, (byte)numbers.Length, 0, 0, 0,
                .. numbers.SelectMany(n => Storage(Peer(n))),
            ]);

        private string Get(int fd, IPAddress group, int room)
        {
            const int Size = 128;
            byte[] value =
            [
                .. Head(Device), .. Storage(group), 9, 0, 0, 0, (byte)room, 0, 0, 0, .. new byte[Size * room],
            ];
            int result = _calls.GetOption(fd, Level, 48, value, out int length);
            int count = value[140];
            var sources = Enumerable.Range(0, Math.Min(count, room))
                .Select(i => Text(value.AsSpan(144 + (i * Size), Size)));
            return $"{result} {length} mode {value[136]} {count}: {string.Join(' ', sources)}";
        }

        private string Text(ReadOnlySpan<byte> name) => new IPAddress(
            isIPv6 ? name.Slice(8, 16) : name.Slice(4, 4)).ToString();

        private void Filters(int fd)
        {
            Say("filter before", Filter(fd, 0, 1), Get(fd, _group, 9));
            Say("join", Group(fd, 42, _group), Get(fd, _group, 9), Get(fd, _none, 9));
            Say("include", Filter(fd, 1, 3, 1, 2), Get(fd, _group, 9), Get(fd, _group, 2));
            Say("exclude", Filter(fd, 0, 5), Get(fd, _group, 9));
            Say("twice the same", Filter(fd, 0, 5, 5), Get(fd, _group, 9));
            Say("no mode", Filter(fd, 2, 5), Get(fd, _group, 9));
            Say("exclude none", Filter(fd, 0), Get(fd, _group, 9));
            Say("include none", Filter(fd, 1), Get(fd, _group, 9), Group(fd, 45, _group));
            foreach (int length in (int[])[0, 4, 135, 136, 143, 144, 145, 263, 264])
            {
                Say($"length {length}", [.. ((int[])[42, 43, 46, 48]).Select(n => (object)_calls.SetOption(
                    fd, Level, n, new byte[length]))]);
                Say($"get {length}", _calls.GetOption(fd, Level, 48, new byte[length], out int got), got);
            }
        }

        private void Limits(int fd)
        {
            // A namespace has no file of its own for IPv6's limit, which is 64.
            const string Sources = "net.ipv4.igmp_max_msf";
            int most = isIPv6 ? 64 : 10;
            Say("join", Group(fd, 42, _group));
            Say("blocked",
                Enumerable.Range(1, most).Count(n => Source(fd, 43, _group, n) == 0), Source(fd, 43, _group, 200));
            Say("filter",
                Filter(fd, 0, [.. Enumerable.Range(1, most)]), Filter(fd, 0, [.. Enumerable.Range(1, most + 1)]));
            Say("sysctl", target.TryGetSysctl(Sources, out string value), value, target.SetSysctl(Sources, "2"));
            Say("fewer", Filter(fd, 0, 1, 2), Filter(fd, 0, 1, 2, 3), Source(fd, 43, _group, 9));
            target.SetSysctl(Sources, value);
            Say("leave", Group(fd, 45, _group));
            int joined = Enumerable.Range(1, 30)
                .Count(n => Group(fd, 42, Address($"239.9.9.{n}", $"ff15::9:{n:x}")) == 0);
            Say("groups", joined, Group(fd, 42, _group), Source(fd, 46, _group, 1));
            if (!isIPv6)
            {
                const string Groups = "net.ipv4.igmp_max_memberships";
                Say("limit", target.TryGetSysctl(Groups, out value), value, target.SetSysctl(Groups, "22"));
                Say("more", Group(fd, 42, _group), Source(fd, 46, _other, 1), Group(fd, 42, Peer(5)));
                target.SetSysctl(Groups, value);
            }
        }

        private void Families(int fd)
        {
            IPAddress four = IPAddress.Parse("239.7.7.7"), six = IPAddress.Parse("ff15::7:7");
            foreach (int name in (int[])[42, 43, 46, 48])
            {
                foreach (IPAddress group in (IPAddress[])[four, six])
                {
                    byte[] request = [.. Head(Device), .. Storage(group), .. Storage(group)];
                    Say($"{name} {group}", _calls.SetOption(fd, Level, name, request));
                    Say("longer", _calls.SetOption(fd, Level, name, [.. request, .. new byte[8]]));
                }
            }

            int stream = _calls.Socket(Domain, 1, 0);
            Say("stream", Group(stream, 42, _group), Source(stream, 46, _group, 1), Source(stream, 43, _group, 1));
            Say("stream leaves",
                Group(stream, 45, _group), Source(stream, 47, _group, 1), Source(stream, 44, _group, 1));
            Say("stream filters", Filter(stream, 0, 1), Get(stream, _group, 2));
            if (isIPv6)
            {
                int both = _calls.Socket(Domain, 2, 0);
                byte[] name = [.. Head(Device), .. Storage(four)];
                Say("IPv4's on a socket of IPv6",
                    _calls.SetOption(both, Ip, 42, name), _calls.SetOption(both, Ip, 42, name));
            }
        }

        private byte[] OldRequest(int number, string device) =>
        [
            .. _group.GetAddressBytes(), .. IPAddress.Parse(device).GetAddressBytes(),
            .. Peer(number).GetAddressBytes(),
        ];

        private string OwnName => target.Options.Local4.ToString();

        private int Old(int fd, int name, int number, string? device = null) =>
            _calls.SetOption(fd, Ip, name, OldRequest(number, device ?? OwnName));

        private int Membership(int fd, int name, string? device = null) =>
            _calls.SetOption(fd, Ip, name, OldRequest(1, device ?? OwnName).AsSpan(0, 8));

        private int FilterOld(int fd, int mode, params int[] numbers) => _calls.SetOption(
            fd, Ip, 41,
            [
                .. OldRequest(1, OwnName)[..8], (byte)mode, 0, 0, 0, (byte)numbers.Length, 0, 0, 0,
                .. numbers.SelectMany(n => Peer(n).GetAddressBytes()),
            ]);

        private string GetOld(int fd, int room)
        {
            byte[] value = [.. OldRequest(1, OwnName)[..8], 9, 0, 0, 0, (byte)room, 0, 0, 0, .. new byte[4 * room]];
            int result = _calls.GetOption(fd, Ip, 41, value, out int length);
            return $"{result} {length} {Convert.ToHexString(value.AsSpan(8))}";
        }

        private int Bound()
        {
            int fd = _calls.Socket(Domain, 2 | 0x800, 0);
            _calls.SetOption(fd, 1, 2, [1, 0, 0, 0]);
            int bound = _calls.Bind(fd, SocketAddressBytes.Make(isIPv6 ? IPAddress.IPv6Any : IPAddress.Any, Port));
            return bound == 0 ? fd : bound;
        }

        private void All(int fd, byte on) => Say("all", _calls.SetOption(fd, Level, isIPv6 ? 29 : 49, [on, 0, 0, 0]));

        private int Via(int fd, bool isLoopback = false) => isIPv6
            ? _calls.SetOption(fd, Ip6, 17, [(byte)(isLoopback ? 1 : Device), 0, 0, 0])
            : _calls.SetOption(
                fd, Ip, 32, (isLoopback ? IPAddress.Loopback : target.Options.Local4).GetAddressBytes());

        private int Hops(int fd, byte hops) => _calls.SetOption(fd, Level, isIPv6 ? 18 : 33, [hops, 0, 0, 0]);

        private int Looped(int fd, byte on) => _calls.SetOption(fd, Level, isIPv6 ? 19 : 34, [on, 0, 0, 0]);

        private void Sent(string what, int sender, int[] all, IPAddress? to = null)
        {
            long sent = _calls.Send(sender, "abc"u8, 0, SocketAddressBytes.Make(to ?? _group, Port));
            target.WaitUntil(target.Now + TimeSpan.FromMilliseconds(20));
            int seen = 0;
            while (target.TryTake(out SeenPacket packet))
            {
                seen += packet.Bytes[isIPv6 ? 6 : 9] == 17 ? 1 : 0;
            }

            Say(what, sent, "seen", seen, "heard", string.Join(' ', all.Select(Take)));
        }

        private void Heard(int[] all, int number)
        {
            target.Inject(Datagram(Peer(number)));
            target.WaitUntil(target.Now + TimeSpan.FromMilliseconds(5));
            Say($"from {number}", string.Join(' ', all.Select(Take)));
        }

        private string Take(int fd)
        {
            long got = _calls.Receive(fd, new byte[100], 0, new byte[28], out _);
            return got == -Again ? "-" : got.ToString(CultureInfo.InvariantCulture);
        }

        private void Say(string what, params object[] results) => _said.Add($"{what}: {string.Join(", ", results)}");

        private void Tell(string what, Func<int> act, double seconds = 1.3)
        {
            _said.Add($"{what}: {act()}");
            See(seconds);
        }

        private void See(double seconds)
        {
            target.WaitUntil(target.Now + TimeSpan.FromSeconds(seconds));
            while (target.TryTake(out SeenPacket packet))
            {
                bool isReport = isIPv6 ? packet.Bytes[0] >> 4 == 6 && packet.Bytes[6] == 0
                    : packet.Bytes[0] >> 4 == 4 && packet.Bytes[9] == 2;
                if (isReport)
                {
                    _said.Add(Convert.ToHexString(packet.Bytes.AsSpan(isIPv6 ? 54 : 30)));
                }
            }
        }

        private int Question(IPAddress? group, params int[] sources)
        {
            byte[] tail = [2, 125, 0, (byte)sources.Length, .. sources.SelectMany(n => Peer(n).GetAddressBytes())];
            byte[] asked = (group ?? (isIPv6 ? IPAddress.IPv6Any : IPAddress.Any)).GetAddressBytes();
            IPAddress to = group ?? Address("224.0.0.1", "ff02::1");
            byte[] message = isIPv6
                ? [130, 0, 0, 0, 0, 1, 0, 0, .. asked, .. tail] : [0x11, 1, 0, 0, .. asked, .. tail];
            target.Inject(isIPv6
                ? Packet6(IPAddress.Parse("fe80::9"), to, 58, message, 2, [58, 0, 5, 2, 0, 0, 1, 0])
                : Packet4(Peer(1), to, 2, message, 2));
            return 0;
        }

        private byte[] Datagram(IPAddress from)
        {
            byte[] message = [0x10, 0, Port >> 8, Port & 0xff, 0, 11, 0, 0, .. "abc"u8];
            return isIPv6 ? Packet6(from, _group, 17, message, 6, []) : Packet4(from, _group, 17, message, -1);
        }

        // Of IPv4's datagram the sum stays 0, which says that there is none.
        private static byte[] Packet4(IPAddress from, IPAddress to, byte protocol, byte[] message, int sumAt)
        {
            if (sumAt >= 0)
            {
                BinaryPrimitives.WriteUInt16BigEndian(
                    message.AsSpan(sumAt), SegmentBytes.Finish(SegmentBytes.Sum(message, 0)));
            }

            byte[] packet =
            [
                0x45, 0, 0, (byte)(20 + message.Length), 0, 1, 0, 0, 1, protocol, 0, 0, .. from.GetAddressBytes(),
                .. to.GetAddressBytes(), .. message,
            ];
            BinaryPrimitives.WriteUInt16BigEndian(
                packet.AsSpan(10), SegmentBytes.Finish(SegmentBytes.Sum(packet.AsSpan(0, 20), 0)));
            return packet;
        }

        private static byte[] Packet6(
            IPAddress from, IPAddress to, byte protocol, byte[] message, int sumAt, byte[] extension)
        {
            byte[] addresses = [.. from.GetAddressBytes(), .. to.GetAddressBytes()];
            byte[] pseudo = [.. addresses, 0, 0, 0, (byte)message.Length, 0, 0, 0, protocol, .. message];
            BinaryPrimitives.WriteUInt16BigEndian(
                message.AsSpan(sumAt), SegmentBytes.Finish(SegmentBytes.Sum(pseudo, 0)));
            byte first = extension.Length > 0 ? (byte)0 : protocol;
            return
            [
                0x60, 0, 0, 0, 0, (byte)(extension.Length + message.Length), first, 1, .. addresses, .. extension,
                .. message,
            ];
        }
    }
}
