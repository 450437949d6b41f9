using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Monitor.Processes;
using Earshot.Monitor.Reading;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Verdicts;
using Xunit;

namespace Earshot.Monitor.Tests.Reports;

/// <summary>Which listeners a user means by a word.</summary>
public sealed class FilterTests
{
    private static readonly string Container = new('a', 64);

    [Theory]
    [InlineData("80", "80")]
    [InlineData("7", "80 8080")]
    [InlineData("9", "9")]
    [InlineData("nginx", "80 8080")]
    [InlineData("nginx.service", "80 8080")]
    [InlineData("redis", "6379")]
    [InlineData("redis.service", "6379")]
    [InlineData("0.0.0.0:6379", "6379")]
    [InlineData("/run/app.sock", "0")]
    [InlineData("aaaaaaaaaaaa", "9")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "9")]
    [InlineData("81", null)]
    [InlineData("ngin", null)]
    [InlineData("", null)]
    public void A_port_comes_before_a_process_and_a_unit_may_be_named_without_its_ending(string what, string? ports)
    {
        HostReport? report = ListenerFilter.Apply(Report(), what);

        Assert.Equal(
            ports, report is null
                ? null
                : string.Join(' ', report.Windows.SelectMany(one => one.Listeners).Select(one => one.Facts.Port)));
    }

    [Fact]
    public void Findings_of_others_go_and_those_of_the_namespace_stay()
    {
        HostReport report = ListenerFilter.Apply(Report(), "6379")!;

        Assert.Equal(["of 6379", "of the namespace"], report.Findings.Select(one => one.Summary));
    }

    private static HostReport Report()
    {
        ListenerWindow[] listeners =
        [
            Listener(1, 80, new ProcessFacts(7, 3, "nginx", "nginx.service", null, null)),
            Listener(2, 8080, new ProcessFacts(7, 4, "nginx", "nginx.service", null, null)),
            Listener(3, 6379, new ProcessFacts(8, 3, "redis-server", "redis.service", null, null)),
            Listener(4, 9, new ProcessFacts(80, 3, "app", null, Container[..12], null)),
            Listener(5, 0, new ProcessFacts(11, 3, "uwsgi", null, null, null)) with
            {
                Facts = new ListenerFacts(5, ListenerKind.Unix, 1, "/run/app.sock", 0, 0, 5, null, null),
            },
        ];
        return new HostReport
        {
            From = DateTimeOffset.UnixEpoch,
            To = DateTimeOffset.UnixEpoch,
            Windows =
            [
                new NamespaceWindow
                {
                    Name = "host",
                    Length = TimeSpan.FromSeconds(1),
                    Moved = new Dictionary<string, long>(),
                    Sysctls = new Dictionary<string, long>(),
                    Listeners = listeners,
                },
            ],
            Findings = [Found("of 80", 1), Found("of 6379", 3), Found("of the namespace", null)],
            Unknown = [],
        };
    }

    private static ListenerWindow Listener(ulong cookie, ushort port, ProcessFacts process) => new()
    {
        Facts = new ListenerFacts(
            cookie, ListenerKind.Tcp, DiagProtocol.Inet, "0.0.0.0", port, 0, (uint)cookie, null, null),
        Holders = new Holders([process], true),
    };

    private static Finding Found(string summary, ulong? cookie) => new()
    {
        Rule = RuleNames.AcceptBurst,
        Severity = Severity.Warning,
        Confidence = Confidence.High,
        Namespace = "host",
        Cookie = cookie,
        Queue = "accept queue",
        Summary = summary,
        Effect = "",
        NextStep = "",
        Evidence = [],
    };
}
