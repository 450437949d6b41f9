using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Earshot.Monitor.Doctoring;
using Earshot.Monitor.Reading;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Doctoring;

/// <summary>What files of servers ask of listen(), and what the doctor says of it.</summary>
public sealed class DoctorTests
{
    [Theory]
    [InlineData("nginx.conf", "80", 4096L)]
    [InlineData("nginx.conf", "[::]:80", 511L)]
    [InlineData("nginx.conf", "unix:/run/web.sock", 4294967295L)]
    [InlineData("redis.conf", "port 6379", 1024L)]
    [InlineData("redis.conf", "/run/redis/redis-server.sock", 1024L)]
    [InlineData("haproxy.cfg", "*:80", 300L)]
    [InlineData("haproxy.cfg", "*:8080", 21L)]
    [InlineData("haproxy.cfg", "127.0.0.1:9000", 77L)]
    [InlineData("envoy.yaml", "0.0.0.0:10000", 64L)]
    [InlineData("envoy.yaml", "127.0.0.1:10001", null)]
    [InlineData("postgresql.conf", "port 5432", 444L)]
    [InlineData("app.socket", "8123", 128L)]
    [InlineData("app.socket", "/run/app.sock", 128L)]
    [InlineData("www.conf", "/run/php/php8.2-fpm.sock", 4294967295L)]
    [InlineData("appsettings.json", "http://*:5000", 512L)]
    public void A_file_asks_for_the_backlog_its_server_would(string file, string where, long? asked)
    {
        AskedListener found = Assert.Single(Read(file).Listeners, one => one.Where == where);

        Assert.Equal(asked, found.Asked);
    }

    [Fact]
    public void A_comment_asks_for_nothing() =>
        Assert.DoesNotContain(Read("nginx.conf").Listeners, one => one.Port == 8080);

    [Fact]
    public void A_listener_made_before_somaxconn_was_raised_needs_a_restart()
    {
        var running = new List<(ListenerFacts, uint?)> { (Listener(6379), 128) };

        Diagnosis found = Judge("redis.conf", running, ("net.core.somaxconn", 4096))
            .First(one => one.What == "port 6379");

        Assert.Equal("1024 asked, 1024 possible, 128 in force: the running listener was made with less", found.Problem);
        Assert.StartsWith("restart Redis", found.NextStep);
    }

    [Fact]
    public void A_backlog_above_somaxconn_needs_the_sysctl_first()
    {
        Diagnosis found = Judge("nginx.conf", [], ("net.core.somaxconn", 1000)).First(one => one.What == "80");

        Assert.Equal("4096 asked, somaxconn allows 1000", found.Problem);
        Assert.StartsWith("sysctl -w net.core.somaxconn=4096, then restart nginx", found.NextStep);
    }

    [Fact]
    public void A_small_backlog_is_told_with_the_key_that_changes_it()
    {
        Diagnosis found = Judge("haproxy.cfg", [], ("net.core.somaxconn", 4096)).First(one => one.What == "*:8080");

        Assert.Contains("bind ... backlog 511", found.NextStep);
    }

    [Fact]
    public void A_server_that_has_what_it_asked_for_is_fine()
    {
        var running = new List<(ListenerFacts, uint?)> { (Listener(5432), 444) };

        Assert.All(Judge("postgresql.conf", running, ("net.core.somaxconn", 4096)), one => Assert.True(one.IsFine));
    }

    [Fact]
    public void Sysctls_of_a_file_are_compared_with_the_kernels()
    {
        var found = Judge(
            "99-net.conf", [], ("net.core.somaxconn", 256), ("net.ipv4.tcp_syncookies", 1),
            ("net.ipv4.tcp_max_syn_backlog", 4096)).ToDictionary(one => one.What);

        Assert.Contains("clamps every backlog", found["net.core.somaxconn"].Problem);
        Assert.Equal("the file says 0, the kernel has 1", found["net.ipv4.tcp_syncookies"].Problem);
        Assert.True(found["net.ipv4.tcp_max_syn_backlog"].IsFine);
        Assert.Equal(3, found.Count);
    }

    [Fact]
    public void The_sysctls_of_a_pod_are_its_own()
    {
        var found = Judge("pod.yaml", [], ("net.core.somaxconn", 4096)).ToDictionary(one => one.What);

        Assert.Contains("clamps every backlog", found["net.core.somaxconn"].Problem);
        Assert.Contains("resets clients", found["net.ipv4.tcp_abort_on_overflow"].Problem);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[1, 2]")]
    [InlineData("just words")]
    public void What_is_no_configuration_is_not_taken_for_one(string text)
    {
        Assert.Null(ConfigFile.Read("appsettings.json", text));
        Assert.Null(ConfigFile.Read("notes.txt", text));
    }

    private static ConfigFacts Read(string file) => ConfigFile.Read(
        file, File.ReadAllText(Path.Combine(
            RepositoryRoot.Path, "tests", "Earshot.Monitor.Tests", "Configs", file)))
        ?? throw new InvalidOperationException($"{file} is not known");

    private static IEnumerable<Diagnosis> Judge(
        string file, List<(ListenerFacts Facts, uint? Limit)> running, params (string Name, long Value)[] sysctls) =>
        Doctor.Judge(file, Read(file), running, sysctls.ToDictionary(one => one.Name, one => one.Value));

    private static ListenerFacts Listener(ushort port) =>
        new(port, ListenerKind.Tcp, DiagProtocol.Inet, "0.0.0.0", port, 0, 1, 0, null);
}
