using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;
using Xunit;

namespace Earshot.Core.Tests.Profiles;

public sealed class ProfileTests
{
    // Who asks for which number that not every profile has.
    private static readonly Dictionary<string, Func<KernelProfile, bool>> Asked = new()
    {
        ["SynQueueAdmitsOneMore"] = p => p.Shape is ListenShape.BacklogQueue or ListenShape.GlobalTable,
        ["YoungRequestsTolerated"] = p => p.Shape is ListenShape.BacklogQueue or ListenShape.ListenerTable,
        ["SynTableMinimum"] = p => p.Shape == ListenShape.ListenerTable,
        ["SynTableSizedByBacklog"] = p => p.Shape == ListenShape.ListenerTable,
        ["SynTableBuckets"] = p => p.Name is "linux-2.4" or "linux-2.6.11",
        ["QueueLimitHalves"] = p => p.Shape is ListenShape.FullSocket or ListenShape.SynCache,
        ["QueueLimitAdmitsOneMore"] = p => p.Shape is ListenShape.FullSocket or ListenShape.SynCache,
        ["EvictsUnfinished"] = p => p.Shape == ListenShape.FullSocket,
        ["SynCacheBuckets"] = p => p.Shape == ListenShape.SynCache,
        ["SynCacheBucketLimit"] = p => p.Shape == ListenShape.SynCache,
        ["SynAckTick"] = p => p.SynAckTimer != SynAckTimerKind.PerRequest,
        ["PrunesUnderPressure"] = p => p.SynAckTimer is SynAckTimerKind.PerRequest or SynAckTimerKind.Sweep,
        ["SparesAcknowledgedRequests"] = p => p.SynAckTimer == SynAckTimerKind.Sweep,
        ["OverflowLosesTimerUser"] = p => p.SynAckTimer == SynAckTimerKind.GlobalTick,
        ["RequestLifetime"] = p => p.Name is "bsd-4.4" or "xnu",
        ["ConnectLifetime"] = p => p.Name is "bsd-4.4" or "xnu" or "freebsd",
        ["ConnectTimeoutBase"] = p => p.Name == "linux-2.6.32",
        ["TimestampTick"] = p => !p.Name.StartsWith("linux", StringComparison.Ordinal)
            || p.Name is "linux-6.18" or "linux-6.12" or "linux-6.1" or "linux-5.4",
    };

    public static TheoryData<string> Names => [.. KernelProfile.All.Select(profile => profile.Name)];

    [Fact]
    public void There_are_sixteen_profiles_Linux_newest_first() => Assert.Equal(
        [
            "linux-6.18", "linux-6.12", "linux-6.1", "linux-5.4", "linux-4.10", "linux-4.4", "linux-3.10", "linux-el6",
            "linux-2.6.32", "linux-2.6.11", "linux-2.4", "linux-2.2", "linux-2.0", "freebsd", "xnu", "bsd-4.4",
        ],
        KernelProfile.All.Select(profile => profile.Name));

    [Theory]
    [InlineData("linux-2.0", "2.0.40")]
    [InlineData("linux-2.2", "2.2.1")]
    [InlineData("linux-2.4", "2.4.27")]
    [InlineData("linux-2.6.11", "2.6.11")]
    [InlineData("linux-2.6.32", "2.6.32.69")]
    [InlineData("linux-el6", "2.6.32-642.el6")]
    [InlineData("linux-3.10", "3.10.0")]
    [InlineData("linux-4.4", "4.4.155")]
    [InlineData("linux-4.10", "4.10.17")]
    [InlineData("linux-5.4", "5.4.18")]
    [InlineData("linux-6.1", "6.1.192")]
    [InlineData("linux-6.12", "6.12.117")]
    [InlineData("linux-6.18", "6.18.44")]
    [InlineData("freebsd", "main")]
    [InlineData("xnu", "xnu-11417")]
    [InlineData("bsd-4.4", "4.4BSD-Lite2")]
    public void A_profile_is_one_release(string name, string release)
    {
        Assert.True(KernelProfile.TryFind(name, out KernelProfile profile));
        Assert.Equal((name, release), (profile.Name, profile.Release));
    }

    [Fact]
    public void An_unknown_name_finds_the_reference()
    {
        Assert.False(KernelProfile.TryFind("linux-7.0", out KernelProfile profile));
        Assert.Same(KernelProfile.Linux618, profile);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_profile_has_exactly_the_numbers_that_its_shape_and_timer_ask_for(string name)
    {
        KernelProfile profile = TestHost.Profile(name);
        foreach (PropertyInfo property in typeof(KernelProfile).GetProperties())
        {
            if (Nullable.GetUnderlyingType(property.PropertyType) is not null)
            {
                Assert.True(
                    Asked[property.Name](profile) == property.GetValue(profile) is not null,
                    $"{name}: {property.Name}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_profile_s_sysctls_can_be_read_and_its_constants_cannot(string name)
    {
        using var host = new TestHost(TestHost.Profile(name));
        KernelProfile profile = host.Stack.Profile;
        Assert.Equal(profile.Sysctls.Keys.Order(StringComparer.Ordinal), host.Stack.Sysctls.Names);
        foreach ((string sysctl, string value) in profile.Sysctls)
        {
            Assert.True(host.Stack.Sysctls.TryGet(sysctl, out string read), sysctl);
            Assert.Equal(value, read);
        }

        Assert.DoesNotContain(profile.Constants.Keys, profile.Sysctls.ContainsKey);
        Assert.All(profile.Constants.Keys, constant => Assert.False(host.Stack.Sysctls.TryGet(constant, out _)));
        Assert.All(
            profile.Constants.Keys, constant => Assert.Equal(-Errno.ENOENT, host.Stack.Sysctls.Set(constant, "1")));
    }

    [Fact]
    public void A_constant_out_of_range_breaks_an_invariant()
    {
        KernelProfile wrong = KernelProfile.Linux618 with
        {
            Constants = new Dictionary<string, string> { ["net.inet.tcp.syncookies"] = "2" },
        };
        Assert.Throws<InvariantException>(() => new TestHost(wrong));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_shape_without_one_of_its_numbers_breaks_an_invariant(string name)
    {
        KernelProfile profile = TestHost.Profile(name) with
        {
            SynQueueAdmitsOneMore = null,
            SynTableMinimum = null,
            QueueLimitHalves = null,
        };
        bool asks = profile.Shape is not (ListenShape.OneCounter or ListenShape.PlainQueue);
        Assert.Equal(asks, Record.Exception(() => new TestHost(profile).Stack.Dispose()) is InvariantException);
    }

    // linux-2.0: 128 stands for 0; 2.2: 1 does; XNU: the largest for all that is not positive; 4.4BSD cuts to 5.
    [Theory]
    [InlineData("linux-6.18", 0, 1, 4096, 4096)]
    [InlineData("linux-5.4", 0, 1, 4096, 4096)]
    [InlineData("linux-4.10", 0, 1, 128, 128)]
    [InlineData("linux-el6", 0, 1, 128, 128)]
    [InlineData("linux-2.4", 0, 1, 128, 128)]
    [InlineData("linux-2.2", 1, 1, 128, 128)]
    [InlineData("linux-2.0", 128, 1, 128, 128)]
    [InlineData("bsd-4.4", 0, 1, 5, 0)]
    [InlineData("freebsd", 0, 1, 128, 128)]
    [InlineData("xnu", 128, 1, 128, 128)]
    public void The_backlog_is_cut_as_the_release_cuts_it(string name, uint zero, uint one, uint many, uint negative)
    {
        uint[] cut = new uint[4];
        int[] asked = [0, 1, int.MaxValue, -1];
        for (int i = 0; i < asked.Length; i++)
        {
            using var host = new TestHost(TestHost.Profile(name));
            host.Listen(asked[i]);
            cut[i] = (uint)host.Listener.Backlog;
        }

        Assert.Equal([zero, one, many, negative], cut);
        Assert.Equal(many, (uint)TestHost.Profile(name).LargestBacklog);
    }

    [Theory]
    [InlineData("linux-2.0", -Errno.EAGAIN)]
    [InlineData("linux-2.2", -Errno.EAGAIN)]
    [InlineData("linux-2.4", -Errno.EADDRINUSE)]
    [InlineData("linux-6.18", -Errno.EADDRINUSE)]
    [InlineData("xnu", -Errno.EADDRNOTAVAIL)]
    public void A_listen_that_finds_no_port_says_so_in_the_release_s_words(string name, int error)
    {
        KernelProfile profile = TestHost.Profile(name);
        const string Range = "net.ipv4.ip_local_port_range";
        var one = new Dictionary<string, string> { [Range] = "2000\t2000" };
        profile = profile.Sysctls.ContainsKey(Range)
            ? profile.With(Range, one[Range])
            : profile with { Constants = new Dictionary<string, string>(profile.Constants) { [Range] = one[Range] } };
        using var host = new TestHost(profile);
        Assert.Equal(0, host.Calls.Listen(host.Calls.Socket(2, 1, 0), 1));
        Assert.Equal(error, host.Calls.Listen(host.Calls.Socket(2, 1, 0), 1));
    }

    [Theory]
    [InlineData("linux-6.1", new double[] { 1, 3, 7, 15, 31, 63 }, 127)]
    [InlineData("linux-5.4", new double[] { 1, 3, 7, 15, 31, 63 }, 127)]
    [InlineData("linux-4.4", new double[] { 1, 3, 7, 15, 31, 63 }, 127)]
    [InlineData("linux-3.10", new double[] { 1, 3, 7, 15, 31, 63 }, 127)]
    [InlineData("linux-2.6.32", new double[] { 3, 9 }, 21)]
    [InlineData("linux-2.6.11", new double[] { 3, 9, 21, 45, 93 }, 189)]
    [InlineData("linux-2.4", new double[] { 3, 9, 21, 45, 93 }, 189)]
    [InlineData("linux-2.2", new double[] { 3, 9, 21, 45, 93, 189, 309, 429, 549, 669 }, 789)]
    [InlineData("linux-2.0", new double[] { 3, 9, 21, 45, 93, 189 }, 309)]
    [InlineData("bsd-4.4", new double[] { 6, 18, 42 }, 75)]
    [InlineData("xnu", new double[] { 1, 3, 7, 15, 31, 63 }, 75)]
    [InlineData("freebsd", new double[] { 1, 3, 7, 15, 31, 63 }, 75)]
    public void Connect_sends_its_SYNs_and_gives_up_when_the_release_does(string name, double[] times, double end)
    {
        using var host = new TestHost(TestHost.Profile(name));
        int fd = host.Calls.Socket(2, 1, 0);
        var remote = new InetEndpoint(TestHost.PeerAddress, 9);
        Assert.Equal(-Errno.EINPROGRESS, host.Calls.Connect(fd, remote));
        host.Take();
        double start = host.Now.Seconds;
        Packet[] again = host.Run(end - 0.1);
        Assert.Equal(times.Length, again.Length);
        double slack = host.Stack.Profile.TimerWheel == TimerWheelKind.Levels ? 1.07 : 1;
        for (int i = 0; i < times.Length; i++)
        {
            Assert.InRange(again[i].Time.Seconds - start, times[i] - 0.02, (times[i] * slack) + 0.1);
        }

        Assert.Equal(-Errno.EALREADY, host.Calls.Connect(fd, remote));
        host.Run(0.2 + (end * (slack - 1)));
        Assert.Equal(-Errno.ETIMEDOUT, host.Calls.Connect(fd, remote));
    }

    [Theory]
    [InlineData("linux-6.18", new[] { 64, 96, 33, 65, 32, 97 }, false)]
    [InlineData("linux-2.6.11", new[] { 64, 96, 33, 65, 32, 97 }, true)]
    public void Netstat_meets_the_listeners_bucket_by_bucket_the_newest_first(string name, int[] ports, bool buckets)
    {
        using var host = new TestHost(TestHost.Profile(name));
        foreach (int port in ports)
        {
            host.Listen(1, (ushort)port);
        }

        int[] met = [.. host.Rows().Where(row => row.State == TcpState.Listen).Select(row => (int)row.Local.Port)];
        Assert.Equal(ports.Order(), met.Order());
        Assert.NotEqual(ports, met);
        Assert.Equal(buckets, met.SequenceEqual([32, 96, 64, 97, 65, 33]));
    }

    [Fact]
    public void A_namespace_s_own_number_turns_the_buckets_but_keeps_them_together()
    {
        var orders = new HashSet<string>();
        for (ulong seed = 1; seed <= 60; seed++)
        {
            using var host = new TestHost(TestHost.Profile("linux-2.6.32"), seed);
            foreach (ushort port in new ushort[] { 32, 33, 64, 40 })
            {
                host.Listen(1, port);
            }

            orders.Add(string.Join(' ', host.Rows().Select(row => row.Local.Port)));
        }

        Assert.Equal(["33 40 64 32", "40 64 32 33", "64 32 33 40"], orders.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("linux-6.18", 2)]
    [InlineData("linux-2.6.32", 2)]
    [InlineData("linux-2.6.11", 0)]
    [InlineData("linux-2.2", 0)]
    public void A_listener_s_line_shows_its_queue_from_2_6_20_on(string name, int shown)
    {
        using var host = new TestHost(TestHost.Profile(name));
        host.Listen(5);
        new Peer(host, 1).Connect();
        new Peer(host, 2).Connect();
        SocketRow row = Assert.Single(host.Rows(), row => row.State == TcpState.Listen);
        Assert.Equal(shown, row.ReceiveQueue);
        Assert.Equal(2, host.Listener.AcceptCount);
    }
}
