using Earshot.Monitor.Text;
using Xunit;

namespace Earshot.Monitor.Tests.Text;

/// <summary>What others chose reaches no terminal as they chose it.</summary>
public sealed class SafeTextTests
{
    [Theory]
    [InlineData("nginx", "nginx")]
    [InlineData("worker: größer", "worker: größer")]
    [InlineData("a\e[2Jb", @"a\x1b[2Jb")]
    [InlineData("a\nb\rc\td", @"a\x0ab\x0dc\x09d")]
    [InlineData("a\u009b31mb", @"a\x9b31mb")]
    [InlineData("a\u202eb", @"a\x202eb")]
    [InlineData("a\u007f", @"a\x7f")]
    public void Control_characters_are_shown_and_not_sent(string hostile, string harmless) =>
        Assert.Equal(harmless, SafeText.Clean(hostile));

    [Fact]
    public void A_long_text_is_cut()
    {
        string clean = SafeText.Clean(new string('x', 5000));

        Assert.Equal(257, clean.Length);
        Assert.EndsWith("…", clean);
    }
}
