using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Sockets;
using Earshot.Core.Wire;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Earshot.Core.Tests.Sockets;

public sealed class BindConflictTests : HostTest
{
    private const int InUse = -Errno.EADDRINUSE;

    [Theory]
    [Trait("Linux", "inet_csk_bind_conflict")]
    [InlineData("0.0.0.0", "", false, "0.0.0.0", "", InUse, 0)]
    [InlineData("0.0.0.0", "", false, "0.0.0.0", "RA RP", InUse, 0)]
    [InlineData("0.0.0.0", "RA", false, "0.0.0.0", "RA", 0, InUse)]
    [InlineData("0.0.0.0", "RA", true, "0.0.0.0", "RA", InUse, 0)]
    [InlineData("0.0.0.0", "RA", false, "0.0.0.0", "", InUse, 0)]
    [InlineData("0.0.0.0", "RP", true, "0.0.0.0", "RP", 0, 0)]
    [InlineData("0.0.0.0", "RP", true, "0.0.0.0", "RP U", InUse, 0)]
    [InlineData("0.0.0.0", "RP", true, "0.0.0.0", "RA", InUse, 0)]
    [InlineData("0.0.0.0", "RA RP", true, "0.0.0.0", "RP", 0, 0)]
    [InlineData("10.0.0.1", "", true, "127.0.0.1", "", 0, 0)]
    [InlineData("10.0.0.1", "", true, "0.0.0.0", "", InUse, 0)]
    [InlineData("10.0.0.1", "RA", false, "0.0.0.0", "RA", 0, InUse)]
    [InlineData("::", "", false, "0.0.0.0", "", InUse, 0)]
    [InlineData("0.0.0.0", "", false, "::", "", InUse, 0)]
    [InlineData("::", "V6", true, "0.0.0.0", "", 0, 0)]
    [InlineData("0.0.0.0", "", true, "::", "V6", 0, 0)]
    [InlineData("::1", "", true, "0.0.0.0", "", 0, 0)]
    [InlineData("0.0.0.0", "", true, "::1", "", 0, 0)]
    [InlineData("::ffff:10.0.0.1", "6", true, "0.0.0.0", "", InUse, 0)]
    [InlineData("0.0.0.0", "", true, "::ffff:10.0.0.1", "6", InUse, 0)]
    [InlineData("::", "RP", true, "0.0.0.0", "RP", 0, 0)]
    [InlineData("::", "", false, "::1", "", InUse, 0)]
    [InlineData("::1", "", true, "2001:db8::1", "", 0, 0)]
    [InlineData("::ffff:10.0.0.1", "6 V6", false, "::", "", 0, 0)]
    public void The_second_socket_of_a_port_is_told_at_bind_or_at_listen(
        string first, string firstFlags, bool listens, string second, string secondFlags, int bind, int listen)
    {
        (int one, int boundOne) = Bind(first, firstFlags);
        if (firstFlags.Contains("6 V6"))
        {
            Assert.Equal(-Errno.EINVAL, boundOne);
            return;
        }

        Assert.Equal(0, boundOne);
        if (listens)
        {
            Assert.Equal(0, Host.Calls.Listen(one, 1));
        }

        (int two, int bound) = Bind(second, secondFlags);
        Assert.Equal(bind, bound);
        Assert.Equal(0, Host.Calls.Listen(one, 1));
        if (bound == 0)
        {
            Assert.Equal(listen, Host.Calls.Listen(two, 1));
        }
    }

    [Theory]
    [Trait("Linux", "inet_bind_conflict")]
    [InlineData(0, 0, false)]
    [InlineData(2, 0, false)]
    [InlineData(0, 2, false)]
    [InlineData(2, 2, false)]
    [InlineData(2, 3, true)]
    public void Sockets_bound_to_different_interfaces_share_a_port(int first, int second, bool share)
    {
        (int one, int two) = (Host.Calls.Socket(2, 1, 0), Host.Calls.Socket(2, 1, 0));
        Host.Calls.SetOption(one, SocketOption.BindToInterface, first);
        Host.Calls.SetOption(two, SocketOption.BindToInterface, second);
        Assert.Equal(0, Host.Calls.Bind(one, InetEndpoint.Parse("0.0.0.0:80")));
        Assert.Equal(share ? 0 : InUse, Host.Calls.Bind(two, InetEndpoint.Parse("0.0.0.0:80")));
    }

    [Theory]
    [Trait("Linux", "inet_csk_bind_conflict")]
    [InlineData("0.0.0.0", false, false, InUse)]
    [InlineData("0.0.0.0", true, false, InUse)]
    [InlineData("0.0.0.0", false, true, InUse)]
    [InlineData("0.0.0.0", true, true, 0)]
    [InlineData("10.0.0.1", true, false, InUse)]
    [InlineData("127.0.0.1", false, false, 0)]
    public void A_connection_holds_its_port_on_its_own_address(string address, bool its, bool reuse, int result)
    {
        int listener = Host.Calls.Socket(2, 1, 0);
        Host.Calls.SetOption(listener, SocketOption.ReuseAddress, its ? 1 : 0);
        Assert.Equal(0, Host.Calls.Bind(listener, InetEndpoint.Parse("0.0.0.0:80")));
        Assert.Equal(0, Host.Calls.Listen(listener, 1));
        Peer peer = new Peer(Host).Establish(listener);
        Host.Calls.Close(listener);
        Assert.Equal(result, TryBind(address, reuse));

        // And so does what TIME_WAIT keeps of it.
        Host.Calls.Shutdown(peer.Fd, 1);
        peer.Expected++;
        peer.Ack();
        peer.Fin();
        Host.Calls.Close(peer.Fd);
        Assert.Equal(TcpState.TimeWait, Host.State(peer));
        Assert.Equal(result, TryBind(address, reuse));
        Host.Run(61);
        Assert.Equal(0, TryBind(address, false));
    }

    [Fact]
    [Trait("Linux", "sk_reuseport_match")]
    public void What_the_last_SO_REUSEPORT_socket_was_at_its_bind_decides_for_the_next()
    {
        (int one, _) = Bind("10.0.0.1", "RP");
        Host.Calls.SetOption(one, SocketOption.ReusePort, 0);
        (int two, int bound) = Bind("10.0.0.1", "RP");
        Assert.Equal(0, bound);
        Assert.Equal(InUse, Host.Calls.Listen(one, 1));
        Assert.Equal(0, Host.Calls.Listen(two, 1));
    }

    [Fact]
    [Trait("Linux", "inet_csk_find_open_port")]
    public void Automatic_ports_are_odd_first_never_shared_and_end_with_the_range()
    {
        Assert.Equal(0, Host.Stack.Sysctls.Set("net.ipv4.ip_local_port_range", "40000 40009"));
        Assert.Equal(0, Host.Stack.Sysctls.Set("net.ipv4.ip_local_reserved_ports", "40003,40008-40009"));
        int[] ports = [.. Enumerable.Range(0, 7).Select(_ => Automatic(reuse: false))];
        Assert.Equal([40001, 40005, 40007], ports[..3].Order());
        Assert.Equal([40000, 40002, 40004, 40006], ports[3..].Order());
        Assert.Equal(InUse, Host.Calls.Listen(Host.Calls.Socket(2, 1, 0), 1));
    }

    [Fact]
    [Trait("Linux", "inet_csk_find_open_port")]
    public void Automatic_ports_are_shared_when_ip_autobind_reuse_says_so_and_the_range_is_used_up()
    {
        Assert.Equal(0, Host.Stack.Sysctls.Set("net.ipv4.ip_local_port_range", "40000 40003"));
        Assert.Equal([40000, 40001, 40002, 40003], Enumerable.Range(0, 4).Select(_ => Automatic(reuse: true)).Order());
        int fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(InUse, Host.Calls.Bind(fd, InetEndpoint.None));
        Host.Calls.SetOption(fd, SocketOption.ReuseAddress, 1);
        Assert.Equal(InUse, Host.Calls.Bind(fd, InetEndpoint.None));
        Host.Set("net.ipv4.ip_autobind_reuse", 1);
        Assert.Equal(0, Host.Calls.Bind(fd, InetEndpoint.None));
    }

    [Fact]
    [Trait("Linux", "inet_csk_find_open_port")]
    public void With_SO_REUSEADDR_the_lower_half_of_the_range_is_used_first()
    {
        Assert.Equal(0, Host.Stack.Sysctls.Set("net.ipv4.ip_local_port_range", "40000 40015"));
        int[] ports = [.. Enumerable.Range(0, 16).Select(_ => Automatic(reuse: true))];
        Assert.All(ports[..8], port => Assert.InRange(port, 40000, 40007));
        Assert.All(ports[8..], port => Assert.InRange(port, 40008, 40015));
    }

    [Fact]
    [Trait("Linux", "inet_sk_get_local_port_range")]
    public void A_socket_can_have_a_narrower_range_of_its_own()
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(0, Host.Calls.SetOption(fd, SocketOption.LocalPortRange, 40000 | (40000 << 16)));
        Assert.Equal(0, Host.Calls.Bind(fd, InetEndpoint.None));
        Host.Calls.GetSocketName(fd, out InetEndpoint name);
        Assert.Equal(40000, name.Port);
        fd = Host.Calls.Socket(2, 1, 0);
        Assert.Equal(0, Host.Calls.SetOption(fd, SocketOption.LocalPortRange, 100 | (200 << 16)));
        Assert.Equal(0, Host.Calls.Bind(fd, InetEndpoint.None));
        Host.Calls.GetSocketName(fd, out name);
        Assert.InRange(name.Port, 32768, 60999);
    }

    /// <summary>The rule of the fact sheet as a few lines, against random sockets that only bind and listen.</summary>
    [Fact]
    [Trait("Linux", "inet_bind_conflict")]
    public void Bind_and_listen_agree_with_a_naive_model()
    {
        Gen<(int Address, int Flags, bool Listens)> socket =
            from address in Gen.Choose(0, 6)
            from flags in Gen.Choose(0, 15)
            from listens in Gen.Elements(true, false)
            select (address, flags, listens);
        Prop.ForAll(
            Arb.From(socket.ArrayOf()),
            sockets =>
            {
                using var host = new TestHost();
                var model = new List<Model>();
                foreach ((int address, int flags, bool listens) in sockets)
                {
                    var wanted = Model.Of(address, flags);
                    int fd = wanted.Open(host);
                    int bound = host.Calls.Bind(fd, new InetEndpoint(wanted.Address, 80));
                    if (bound != 0 || !wanted.MayFollow(model.LastOrDefault()))
                    {
                        Assert.Equal(model.Exists(wanted.Conflicts) ? InUse : 0, bound);
                    }

                    if (bound != 0)
                    {
                        continue;
                    }

                    if (listens)
                    {
                        int result = host.Calls.Listen(fd, 1);
                        if (result != 0 || !wanted.MayFollow(wanted))
                        {
                            Assert.Equal(model.Exists(wanted.Conflicts) ? InUse : 0, result);
                        }

                        wanted.IsListening = result == 0;
                    }

                    model.Add(wanted);
                }
            }).QuickCheckThrowOnFailure();
    }

    private (int Fd, int Result) Bind(string address, string flags)
    {
        bool six = address.Contains(':') || flags.Contains('6');
        Host.Calls.Credentials = SocketCredentials.Root with { Uid = flags.Contains('U') ? 1000u : 0 };
        int fd = Host.Calls.Socket(six ? 10 : 2, 1, 0);
        Host.Calls.SetOption(fd, SocketOption.ReuseAddress, flags.Contains("RA") ? 1 : 0);
        Host.Calls.SetOption(fd, SocketOption.ReusePort, flags.Contains("RP") ? 1 : 0);
        if (flags.Contains("V6"))
        {
            Assert.Equal(0, Host.Calls.SetOption(fd, SocketOption.IPv6Only, 1));
        }

        return (fd, Host.Calls.Bind(fd, new InetEndpoint(InetAddress.Parse(address), 8080)));
    }

    private int TryBind(string address, bool reuse)
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Host.Calls.SetOption(fd, SocketOption.ReuseAddress, reuse ? 1 : 0);
        int result = Host.Calls.Bind(fd, new InetEndpoint(InetAddress.Parse(address), 80));
        Host.Calls.Close(fd);
        return result;
    }

    private int Automatic(bool reuse)
    {
        int fd = Host.Calls.Socket(2, 1, 0);
        Host.Calls.SetOption(fd, SocketOption.ReuseAddress, reuse ? 1 : 0);
        Assert.Equal(0, Host.Calls.Bind(fd, InetEndpoint.None));
        Host.Calls.GetSocketName(fd, out InetEndpoint name);
        return name.Port;
    }

    private sealed class Model
    {
        private static readonly string[] Addresses =
            ["0.0.0.0", "127.0.0.1", "10.0.0.1", "::", "::1", "::ffff:10.0.0.1", "2001:db8::1"];

        internal bool IsListening { get; set; }

        internal required InetAddress Address { get; init; }

        private bool Six { get; init; }

        private bool Only { get; init; }

        private bool Reuse { get; init; }

        private bool Share { get; init; }

        private uint Uid { get; init; }

        internal static Model Of(int address, int flags) => new()
        {
            Address = InetAddress.Parse(Addresses[address]),
            Six = address >= 3,
            Only = address is 4 or 6 || (address == 3 && (flags & 8) != 0),
            Reuse = (flags & 1) != 0,
            Share = (flags & 2) != 0,
            Uid = (uint)(flags & 4),
        };

        internal int Open(TestHost host)
        {
            host.Calls.Credentials = SocketCredentials.Root with { Uid = Uid };
            int fd = host.Calls.Socket(Six ? 10 : 2, 1, 0);
            host.Calls.SetOption(fd, SocketOption.ReuseAddress, Reuse ? 1 : 0);
            host.Calls.SetOption(fd, SocketOption.ReusePort, Share ? 1 : 0);
            if (Only)
            {
                host.Calls.SetOption(fd, SocketOption.IPv6Only, 1);
            }

            return fd;
        }

        internal bool Conflicts(Model other)
        {
            bool share = Share && other.Share && Uid == other.Uid;
            bool reuse = Reuse && other.Reuse && !other.IsListening;
            return Covers(other).Intersect(other.Covers(this)).Any() && !share && !reuse;
        }

        /// <summary>Whether the short cut for SO_REUSEPORT may have let it in without looking at all others.</summary>
        internal bool MayFollow(Model? last) => Share && last is { Share: true } && last.Uid == Uid;

        /// <summary>The places of both, of which a wildcard has all that its family gives it.</summary>
        private IEnumerable<string> Covers(Model other)
        {
            string[] all = ["4/0.0.0.0", "6/::", $"{other.Family}/{other.Address}"];
            return Address != (Address.IsIPv4 ? InetAddress.Any : InetAddress.IPv6Any) ? [$"{Family}/{Address}"]
                : Address.IsIPv4 ? all.Where(place => place[0] == '4')
                : all.Where(place => place[0] == '6' || !Only);
        }

        private int Family => Address.IsIPv4 ? 4 : 6;
    }
}
