using System.Net;
using Earshot.Cli.Forwarding;
using Xunit;

namespace Earshot.Cli.Tests.Forwarding;

public sealed class ForwardRuleTests
{
    [Theory]
    [InlineData("5201:127.0.0.1:5202", null, 5201, "127.0.0.1:5202")]
    [InlineData("80:localhost:8080", null, 80, "127.0.0.1:8080")]
    [InlineData("10.0.0.2:80:[fd00::1]:8080", "10.0.0.2", 80, "[fd00::1]:8080")]
    [InlineData("[::]:1:10.0.0.1:65535", "::", 1, "10.0.0.1:65535")]
    public void A_rule_is_what_ssh_would_make_of_it(string text, string? local, int port, string target)
    {
        ForwardRule rule = Assert.IsType<ForwardRule>(ForwardRule.Parse(text));

        Assert.Equal(local is null ? null : IPAddress.Parse(local), rule.Local);
        Assert.Equal(port, rule.Port);
        Assert.Equal(IPEndPoint.Parse(target), rule.Target);
    }

    [Theory]
    [InlineData("")]
    [InlineData("80")]
    [InlineData("80:127.0.0.1")]
    [InlineData("0:127.0.0.1:80")]
    [InlineData("80:127.0.0.1:65536")]
    [InlineData("80:example.org:80")]
    [InlineData("80:fd00::1:80")]
    [InlineData("80:[127.0.0.1]:80")]
    [InlineData("x:80:127.0.0.1:80")]
    [InlineData("1:2:3:4:5")]
    public void What_is_no_rule_is_none(string text) => Assert.Null(ForwardRule.Parse(text));
}
