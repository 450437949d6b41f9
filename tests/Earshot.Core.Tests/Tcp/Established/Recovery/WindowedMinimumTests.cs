using Earshot.Core.Tcp.Established.Recovery;
using Xunit;

namespace Earshot.Core.Tests.Tcp.Established.Recovery;

/// <summary>The least round trip of the last minutes.</summary>
public sealed class WindowedMinimumTests
{
    private const uint Window = 1000;

    [Fact]
    [Trait("Linux", "minmax_running_min")]
    public void A_smaller_value_counts_at_once_and_a_larger_one_when_the_smaller_is_too_old()
    {
        var minimum = default(WindowedMinimum);
        Assert.Equal(50u, minimum.Update(0, 50, Window));
        Assert.Equal(40u, minimum.Update(10, 40, Window));
        Assert.Equal(40u, minimum.Update(300, 60, Window));
        Assert.Equal(40u, minimum.Update(600, 70, Window));
        Assert.Equal(40u, minimum.Update(1010, 80, Window));
        Assert.Equal(60u, minimum.Update(1011, 80, Window));
        Assert.Equal(70u, minimum.Update(1350, 90, Window));
    }

    [Fact]
    public void After_a_long_pause_the_new_value_counts()
    {
        var minimum = default(WindowedMinimum);
        minimum.Update(uint.MaxValue - 10, 5, Window);
        Assert.Equal(5u, minimum.Update(20, 90, Window));
        Assert.Equal(90u, minimum.Update(Window + 20, 90, Window));
    }
}
