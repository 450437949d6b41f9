using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Reflection;
using Earshot.Core.Profiles;
using Xunit;

namespace Earshot.Core.Tests.Profiles;

/// <summary>The numbers and rules of every release, as the fact sheets have them.</summary>
/// <remarks>
/// Typed from the history of the releases (its sections 1, 2, 3 and C) and from the sheets of 6.1, 6.12 and 6.18; what
/// those leave open is marked (unverified) in the profile's own page, and typed here from that page, so that it does
/// not change unnoticed.
/// </remarks>
public sealed class ReleaseNumberTests
{
    private const string NotInLinux = "; freebsd: False; xnu: False; bsd-4.4: False";

    // The rules of the listening side: sections 1, 2 and C of the history.
    public static TheoryData<string, string> ListeningRules => new()
    {
        {
            "Shape",
            "2.0: OneCounter; 2.2: PlainQueue; 2.4: ListenerTable; 4.4: BacklogQueue; 4.10: GlobalTable; "
                + "freebsd: SynCache; xnu: FullSocket; bsd-4.4: FullSocket"
        },
        {
            "SynAckTimer",
            "2.0: PerRequest; 2.2: GlobalTick; 2.4: Sweep; 4.4: PerRequest; freebsd: PerRequest; xnu: PerRequest; "
                + "bsd-4.4: SlowTicks"
        },
        { "ZeroBacklog", "2.0: Largest; 2.2: One; 2.4: Zero; freebsd: Zero; xnu: Largest; bsd-4.4: Zero" },
        { "NegativeBacklog", "2.0: Largest; freebsd: Largest; xnu: Largest; bsd-4.4: Zero" },
        { "LargestBacklog", "2.0: 128; 5.4: 4096; freebsd: 128; xnu: 128; bsd-4.4: 5" },
        {
            "DroppedSyns",
            "2.0: AttemptFails; 2.6.32: Nothing; 3.10: ListenCounters; freebsd: ListenCounters; xnu: ListenCounters; "
                + "bsd-4.4: Nothing"
        },
        { "SynQueueAdmitsOneMore", "4.4: False; 6.1: True" },
        { "YoungRequestsTolerated", "2.4: 1; 4.10: -" },
        { "SynTableMinimum", "2.4: 64; 2.6.32: 8; 4.4: -" },
        { "SynTableSizedByBacklog", "2.4: False; 2.6.32: True; 4.4: -" },
        { "SynTableBuckets", "2.4: 512; 2.6.32: -" },
        { "QueueLimitHalves", "freebsd: 3; xnu: 2; bsd-4.4: 3" },
        { "QueueLimitAdmitsOneMore", "freebsd: True; xnu: False; bsd-4.4: True" },
        { "EvictsUnfinished", "xnu: True; bsd-4.4: False" },
        { "SynCacheBuckets", "freebsd: 512" },
        { "SynCacheBucketLimit", "freebsd: 30" },
        { "SynAckTick", "2.2: 0.5; 2.4: 0.2; 4.4: -; bsd-4.4: 0.5" },
        { "PrunesUnderPressure", "2.0: False; 2.2: -; 2.4: True; freebsd: False; xnu: False" },
        { "SparesAcknowledgedRequests", "2.4: True; 2.6.32: False; 4.4: -" },
        { "OverflowLosesTimerUser", "2.2: True; 2.4: -" },
        { "RequestLifetime", "xnu: 75; bsd-4.4: 75" },
        { "DefersForEver", "2.0: False; 2.4: True; 2.6.32: False" + NotInLinux },
        { "DuplicateSynRearms", "2.0: False; 3.10: True; freebsd: True; xnu: False; bsd-4.4: False" },
        { "RemembersPeers", "2.0: False; 3.10: True" + NotInLinux },
        { "CountsRequestTimeouts", "2.0: False; 6.1: True" + NotInLinux },
        { "ChallengesInexactResets", "2.0: False; 6.1: True; freebsd: True; xnu: False; bsd-4.4: False" },
        { "ChallengesOddSegments", "2.0: False; 3.10: True; freebsd: True; xnu: True; bsd-4.4: False" },
        { "ChecksTimestampEcho", "2.0: False; 6.18: True" + NotInLinux },
        { "ChecksSegmentEnd", "2.0: False; 6.18: True" + NotInLinux },
        { "TakesFinAtClosedWindow", "2.0: False" + NotInLinux },
        { "CookiesMayBeForced", "2.0: False; 4.4: True" + NotInLinux },
    };

    // Clients, timers, windows, ports and what netstat shows: section 3 of the history, section 12 of the newest.
    public static TheoryData<string, string> OtherRules => new()
    {
        { "InitialRto", "2.0: 3; el6: 1; freebsd: 1; xnu: 1; bsd-4.4: 6" },
        { "FallbackRto", "2.0: 3; freebsd: 3; xnu: 3; bsd-4.4: 6" },
        { "MaximumRto", "2.0: 120; freebsd: 64; xnu: 64; bsd-4.4: 64" },
        { "ConnectLifetime", "freebsd: 75; xnu: 75; bsd-4.4: 75" },
        { "ConnectTimeoutBase", "2.6.32: 0.2; el6: -" },
        { "TimerWheel", "2.0: Exact; 4.10: Levels; freebsd: Exact; xnu: Exact; bsd-4.4: Exact" },
        { "Hz", "2.0: 100; 2.6.11: 1000; 4.4: 250; freebsd: 1000; xnu: 100; bsd-4.4: 100" },
        { "TimestampTick", "5.4: 0.001; freebsd: 0.001; xnu: 0.001; bsd-4.4: 0.5" },
        { "TimestampOffsets", "2.0: False; 4.10: True; freebsd: True; xnu: True; bsd-4.4: False" },
        { "InitialWindow", "2.0: 1; 2.2: 2; 2.6.11: 3; el6: 10; freebsd: 10; xnu: 10; bsd-4.4: 1" },
        {
            "InitialWindowBytesLimit",
            "2.0: 32767; 2.4: 65535; 6.12: 2147483647; freebsd: 65535; xnu: 65535; bsd-4.4: 65535"
        },
        { "InitialReceiveSegments", "2.0: 0; 2.4: 4; el6: 10; 3.10: 20; 5.4: 0; freebsd: 0; xnu: 0; bsd-4.4: 0" },
        { "WindowShareShift", "2.0: 1; 2.4: 2; 3.10: 1; freebsd: 31; xnu: 31; bsd-4.4: 31" },
        { "MeasuresPacketShare", "2.0: False; 6.12: True" + NotInLinux },
        { "ScalesForLargestBuffer", "2.0: False; 2.6.11: True; freebsd: True; xnu: True; bsd-4.4: False" },
        {
            "LoopbackMtu",
            "2.0: 3584; 2.2: 3924; 2.4: 16436; 3.10: 65536; freebsd: 16384; xnu: 16384; bsd-4.4: 1536"
        },
        {
            "EphemeralPortStep",
            "2.0: 1; el6: 2; 3.10: 1; 4.4: 2; freebsd: 1; xnu: 1; bsd-4.4: 1"
        },
        { "EphemeralPortLeaps", "2.0: False; 6.1: True" + NotInLinux },
        { "RequestsListedFirst", "2.0: False; 2.2: True; 4.4: False" + NotInLinux },
        { "ListenRowShowsQueue", "2.0: False; 2.6.32: True" + NotInLinux },
        { "ListenDropsWord", "2.0: ignored; 3.10: dropped; freebsd: dropped; xnu: dropped; bsd-4.4: dropped" },
        {
            "ListenerOrder",
            "2.0: NewestFirst; 2.2: PortBuckets; 2.6.32: SaltedPortBuckets; 6.1: AddressAndPort; "
                + "freebsd: NewestFirst; xnu: NewestFirst; bsd-4.4: NewestFirst"
        },
        { "NoPortError", "2.0: 11; 2.4: 98; freebsd: 99; xnu: 99; bsd-4.4: 99" },
    };

    // Sections 2 and 3 of the history: "Cookies", "Log text". 4.4BSD and XNU have neither.
    public static TheoryData<string, string> Cookies => new()
    {
        { "Form", "2.0: LowBits; 2.2: Sum; freebsd: Sum" },
        {
            "MssTable",
            "2.0: 64 256 512 536 1024 1440 1460 4312; 3.10: 64 512 536 1024 1440 1460 4312 8960; "
                + "4.4: 536 1300 1440 1460; freebsd: 216 536 1200 1360 1400 1440 1452 1460"
        },
        {
            "MssTableIPv6",
            "2.0: 64 256 512 536 1024 1440 1460 4312; 3.10: 64 512 536 1220 1420 1440 4400 8940; "
                + "4.4: 1220 1420 1440 8940; freebsd: 216 536 1200 1360 1400 1440 1452 1460"
        },
        { "Period", "2.0: 60; freebsd: 15" },
        { "Ages", "2.0: 4; 4.4: 2; freebsd: 2" },
        { "Gate", "2.0: 922337203685.4775807; 2.2: 3; 4.4: 120; freebsd: 15" },
        { "GateIsShared", "2.0: True; 2.6.32: False; freebsd: False" },
        { "Stamp", "2.0: None; 2.6.32: Scales; 3.10: ScaleSackEcn; freebsd: None" },
        { "CountsClosedGate", "2.0: True; 4.4: False; freebsd: False" },
    };

    public static TheoryData<string, string> FloodLogs => new()
    {
        {
            "Text",
            "2.0: Warning: possible SYN flood from {peer} on {local}:{port}.  {action}.; "
                + "2.2: possible SYN flooding on port {port}. {action}.; "
                + "3.10: TCP: {protocol}: Possible SYN flooding on port {port}. {action}.  Check SNMP counters.; "
                + "4.4: TCP: {slab}: Possible SYN flooding on port {port}. {action}.  Check SNMP counters.; "
                + "6.12: TCP: {slab}: Possible SYN flooding on port {endpoint}. {action}."
        },
        { "Limit", "2.0: OncePerMinute; 3.10: OncePerListener" },
        { "TellsDrops", "2.0: False; 3.10: True" },
        { "IsSilentWhenAlways", "2.0: False; 4.4: True" },
    };

    [Theory]
    [MemberData(nameof(ListeningRules))]
    [MemberData(nameof(OtherRules))]
    public void A_rule_holds_from_the_release_that_brought_it(string rule, string line) =>
        Assert.Empty(ReleaseTable.Disagreements(line, profile => Text(profile, rule)));

    [Theory]
    [MemberData(nameof(Cookies))]
    public void A_cookie_is_made_as_the_release_makes_it(string rule, string line) =>
        Assert.Empty(ReleaseTable.Disagreements(
            line, profile => profile.Cookies is null ? null : Text(profile.Cookies, rule)));

    [Theory]
    [MemberData(nameof(FloodLogs))]
    public void The_line_about_a_flood_is_the_release_s(string rule, string line) =>
        Assert.Empty(ReleaseTable.Disagreements(
            line,
            profile => profile.Name.StartsWith("linux", StringComparison.Ordinal)
                ? Text(profile.FloodLog, rule) : null));

    [Fact]
    public void A_rate_limited_line_without_a_hint_is_3_0_s() => Assert.Equal(
        ("TCP: Possible SYN flooding on port {port}. {action}.", FloodLogLimit.Limited, true, false),
        (SynFloodLog.Plain.Text, SynFloodLog.Plain.Limit, SynFloodLog.Plain.TellsDrops,
            SynFloodLog.Plain.IsSilentWhenAlways));

    [Fact]
    public void Every_rule_of_a_profile_is_in_the_tables()
    {
        string[] elsewhere =
            ["Name", "Release", "Summary", "Sysctls", "Constants", "LacksCounters", "Cookies", "FloodLog"];
        IEnumerable<string> listed = ListeningRules.Concat(OtherRules).Select(row => (string)row[0]);
        Assert.Equal(
            typeof(KernelProfile).GetProperties(BindingFlags.Instance | BindingFlags.Public)
                .Select(property => property.Name).Except(elsewhere).Order(StringComparer.Ordinal),
            listed.Order(StringComparer.Ordinal));
    }

    // The history, section 1: FreeBSD and XNU count "listendrop", 4.4BSD has no counter of the listening side.
    [Theory]
    [InlineData("freebsd", true)]
    [InlineData("xnu", true)]
    [InlineData("bsd-4.4", false)]
    public void Of_the_drops_of_a_listener_the_others_count(string name, bool counts) =>
        Assert.Equal(counts, !TestHost.Profile(name).LacksCounters.Contains(Counter.TcpExtListenDrops));

    [Fact]
    public void Every_profile_says_in_words_of_its_own_what_is_particular_about_it()
    {
        Assert.All(KernelProfile.All, profile => Assert.True(profile.Summary.Length > 20, profile.Name));
        Assert.Equal(KernelProfile.All.Count, KernelProfile.All.Select(profile => profile.Summary).Distinct().Count());
    }

    private static string? Text(object of, string rule) => of.GetType().GetProperty(rule)!.GetValue(of) switch
    {
        null => null,
        TimeSpan time => ((decimal)time.Ticks / TimeSpan.TicksPerSecond).ToString(CultureInfo.InvariantCulture),
        IEnumerable items when items is not string => string.Join(' ', items.Cast<object>()),
        var value => Convert.ToString(value, CultureInfo.InvariantCulture),
    };
}
