using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Threading.Tasks;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;
using Earshot.Tests;
using Xunit;

namespace Earshot.Host.Tests.Sockets;

/// <summary>Options of IPv4 and extension headers of IPv6 on datagrams, on the stack and on the host kernel: the same
/// errnos and the same packets but for what is drawn.</summary>
public sealed class DatagramHeaderTests
{
    private const int Ip = 0;
    private const int Ip6 = 41;
    private const int Options = 4;
    private const int Hops = 54;
    private const int BeforeRoute = 55;
    private const int Destination = 59;

    [TunFact]
    public async Task Options_of_IPv4_are_on_datagrams() => await Same(static target => new Run(target).Ask4());

    [TunFact]
    public async Task Extension_headers_of_IPv6_are_on_datagrams() =>
        await Same(static target => new Run(target).Ask6());

    [TunFact]
    public async Task An_answer_that_is_cut_has_the_options_that_answer() =>
        await Same(static target => new Run(target).Echo());

    private static async Task Same(Func<IPacketTarget, IReadOnlyList<string>> ask)
    {
        (IReadOnlyList<string> stack, IReadOnlyList<string> host) = await OwnThread.AskBoth(ask);
        Assert.NotEmpty(host);
        Assert.Equal(string.Join('\n', host), string.Join('\n', stack));
    }

    private sealed class Run(IPacketTarget target)
    {
        private static readonly byte[] Route = [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0];
        private static readonly byte[] Alert = [0x94, 4, 0, 0];
        private static readonly byte[] Pad = [0, 0, 1, 4, 0, 0, 0, 0];
        private static readonly byte[] Long = [0, 1, 1, 4, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 0];
        private readonly ISocketCalls _calls = target.Calls;
        private readonly List<string> _said = [];
        private int _fd;
        private IPAddress _to = IPAddress.Any;

        internal IReadOnlyList<string> Ask4()
        {
            _said.Add("4");
            Open(SocketAddressBytes.Inet, "192.0.2.1");
            Send("none", 100);
            Set("route", Ip, Options, Route);
            Send("with it", 100);
            Send("too long for a packet", 3000);
            Send("the longest", 65535 - 28 - 12);
            Send("too long", 65535 - 28 - 11);
            Set("both", Ip, Options, [.. Alert, .. Route]);
            Send("cut", 3000);
            Send("by a message", 100, Message(Ip, 7, Alert));
            Send("by a message, cut", 3000, Message(Ip, 7, [.. Route, 1, .. Alert]));
            Send("none by a message", 100, Message(Ip, 7, []));
            Send("a bad one", 100, Message(Ip, 7, [7, 2]));
            Send("two", 100, [.. Message(Ip, 7, Alert), .. Message(Ip, 7, Route)]);
            Set("must fit", Ip, 10, [2, 0, 0, 0]);
            Send("just", 1500 - 28 - 16);
            Send("one more", 1500 - 28 - 15);
            Set("segments", 17, 103, [100, 5, 0, 0]);
            Send("that fit", 4000);
            Set("segments", 17, 103, [181, 5, 0, 0]);
            Send("that do not", 4000);
            Set("no segments", 17, 103, [0, 0, 0, 0]);
            Set("none", Ip, Options, []);
            Send("without", 1472);
            return _said;
        }

        internal IReadOnlyList<string> Ask6()
        {
            _said.Add("6");
            Open(SocketAddressBytes.Inet6, "2001:db8::1");
            Set("hops", Ip6, Hops, Pad);
            Send("with them", 100);
            Send("cut", 3000);
            Set("destination", Ip6, Destination, Long);
            Send("with both", 100);
            Send("both cut", 3000);
            Send("the longest", 65535 - 8 - 40);
            Send("too long", 65535 - 8 - 39);
            Set("before a route", Ip6, BeforeRoute, Pad);
            Send("which is not there", 100);
            Set("no hops", Ip6, Hops, []);
            Send("destination alone", 100);
            Send("destination cut", 3000);
            Send("by a message", 100, Message(Ip6, Hops, Long));
            Send("by two", 100, [.. Message(Ip6, Hops, Pad), .. Message(Ip6, Destination, Pad)]);
            Send("by two of a kind", 100, [.. Message(Ip6, Hops, Pad), .. Message(Ip6, Hops, Pad)]);
            Send("and the other", 100, [.. Message(Ip6, Destination, Pad), .. Message(Ip6, Destination, Long)]);
            Send("the other by its old name", 100, [.. Message(Ip6, Destination, Pad), .. Message(Ip6, 4, Pad)]);
            Send("by old names", 100, [.. Message(Ip6, 3, Pad), .. Message(Ip6, 4, Pad)]);
            Send("before a route", 100, Message(Ip6, BeforeRoute, Pad));
            Send("half", 100, Message(Ip6, Hops, Pad[..7]));
            Send("shorter than it says", 100, Message(Ip6, Destination, [0, 1, .. new byte[6]]));
            Set("must fit", Ip6, 62, [1, 0, 0, 0]);
            Send("just", 1500 - 48 - 32);
            Send("one more", 1500 - 48 - 31);
            Send("just by a message", 1500 - 48 - 8, Message(Ip6, Hops, Pad));
            Send("one more by a message", 1500 - 48 - 7, Message(Ip6, Hops, Pad));
            Set("none", Ip6, Destination, []);
            Send("without", 1500 - 48);
            _to = IPAddress.Parse("::ffff:192.0.2.1");
            Set("hops", Ip6, Hops, Pad);
            Set("and options", Ip, Options, Route);
            Send("to IPv4", 100);
            return _said;
        }

        internal IReadOnlyList<string> Echo()
        {
            _said.Add("echo");
            const int Length = 2000, First = 1400;
            byte[] echo = [8, 0, 0, 0, 0, 1, 0, 1, .. new byte[Length - 8]];
            BinaryPrimitives.WriteUInt16BigEndian(echo.AsSpan(2), SegmentBytes.Finish(SegmentBytes.Sum(echo, 0)));
            target.Inject(Piece([.. Route, 1], echo.AsSpan(0, First), 0x2000));
            target.Inject(Piece([.. Enumerable.Repeat((byte)1, 12)], echo.AsSpan(First), First / 8));
            See();
            return _said;
        }

        private byte[] Piece(byte[] options, ReadOnlySpan<byte> data, int offset)
        {
            int length = 20 + options.Length + data.Length;
            byte[] packet =
            [
                (byte)(0x45 + (options.Length / 4)), 0, (byte)(length >> 8), (byte)length, 0, 7, (byte)(offset >> 8),
                (byte)offset, 64, 1, 0, 0, 192, 0, 2, 1, .. target.Options.Local4.GetAddressBytes(), .. options,
                .. data,
            ];
            ushort sum = SegmentBytes.Finish(SegmentBytes.Sum(packet.AsSpan(0, 20 + options.Length), 0));
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), sum);
            return packet;
        }

        private static byte[] Message(int level, int type, byte[] value)
        {
            int length = 16 + value.Length;
            byte[] bytes = new byte[(length + 7) & ~7];
            bytes[0] = (byte)length;
            bytes[8] = (byte)level;
            bytes[12] = (byte)type;
            value.CopyTo(bytes, 16);
            return bytes;
        }

        private void Open(int family, string to)
        {
            _fd = _calls.Socket(family, 2, 0);
            _to = IPAddress.Parse(to);
            IPAddress any = family == SocketAddressBytes.Inet ? IPAddress.Any : IPAddress.IPv6Any;
            _said.Add($"bind {_calls.Bind(_fd, SocketAddressBytes.Make(any, 4000))}");
        }

        private void Set(string what, int level, int name, byte[] value) =>
            _said.Add($"{what}: {_calls.SetOption(_fd, level, name, value)}");

        // Sums and identifications are left out, and what is in the data.
        private void Send(string what, int length, byte[]? control = null)
        {
            long result = _calls.SendMessage(
                _fd,
                new SocketMessage
                {
                    Name = SocketAddressBytes.Make(_to, 5000),
                    Parts = [new byte[length]],
                    Control = control ?? [],
                },
                0);
            _said.Add($"{what}: {result}");
            See();
        }

        private void See()
        {
            const int Shown = 80;
            target.WaitUntil(target.Now + TimeSpan.FromMilliseconds(3));
            while (target.TryTake(out SeenPacket packet))
            {
                byte[] bytes = packet.Bytes;
                int at = 40;
                if (bytes[0] >> 4 == 4)
                {
                    bytes.AsSpan(4, 2).Clear();
                    bytes.AsSpan(10, 2).Clear();
                    at = (bytes[0] & 15) * 4;
                }
                else
                {
                    bytes.AsSpan(1, 3).Clear();
                    for (byte next = bytes[6]; next != 17; next = bytes[at], at += (bytes[at + 1] + 1) * 8)
                    {
                        if (next == 44)
                        {
                            bytes.AsSpan(at + 4, 4).Clear();
                            if (((bytes[at + 2] << 8) | (bytes[at + 3] & 0xf8)) != 0)
                            {
                                at = bytes.Length;
                                break;
                            }
                        }
                    }
                }

                if (bytes.Length >= at + 8 && (bytes[at] != 0 || bytes[at + 1] != 0))
                {
                    bytes.AsSpan(at + 6, 2).Clear();
                }

                _said.Add($"{bytes.Length} {Convert.ToHexString(bytes.Take(Shown).ToArray())}");
            }
        }
    }
}
