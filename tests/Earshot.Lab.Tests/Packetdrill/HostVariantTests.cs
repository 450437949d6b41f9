using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Profiles;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;
using Xunit;

namespace Earshot.Lab.Tests.Packetdrill;

/// <summary>What kernels of one release do not all do alike: the stack does as the fact sheets say, or the other way.
/// </summary>
public sealed class HostVariantTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_FIN_at_a_closed_window_is_refused_or_taken_as_the_profile_says(bool taken)
    {
        KernelProfile profile = KernelProfile.Linux618 with { TakesFinAtClosedWindow = taken };
        Script script = taken ? HostVariant.FinTaken : HostVariant.FinRefused;
        IReadOnlyList<ScriptVerdict> verdicts = ScriptBatch.Run(
            [.. script.IpVersions.Select(version => (script, version))], new StackPacketTargetMaker(profile));
        Assert.Equal(3, verdicts.Count);
        Assert.All(verdicts, static verdict => Assert.True(verdict.Passed, verdict.ToString()));
    }

    [Fact]
    public void The_reference_refuses_it() => Assert.False(KernelProfile.Linux618.TakesFinAtClosedWindow);
}
