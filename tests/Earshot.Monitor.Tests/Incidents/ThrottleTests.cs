using System.Diagnostics;
using System.Threading.Tasks;
using Earshot.Monitor.Processes;
using Xunit;

namespace Earshot.Monitor.Tests.Incidents;

/// <summary>What a quota does to a process counts from when its listener came into trouble.</summary>
public sealed class ThrottleTests
{
    [QuotaFact("python3")]
    public async Task What_a_quota_did_in_an_earlier_trouble_does_not_count_in_the_next()
    {
        using var quota = new CpuQuota(0.05);
        using Process busy = Process.Start(Bed.Interpreter, "-c \"while True: pass\"");
        try
        {
            quota.Add(busy.Id);
            var facts = new ProcessFacts(busy.Id, 3, "busy", null, null, null);
            var watch = new ThrottleWatch();
            Assert.Null(watch.Since(busy.Id));

            watch.Update([facts]);
            await Task.Delay(1500);
            watch.Update([facts]);
            Assert.True(watch.Since(busy.Id)?.Throttled > 5);

            watch.Update([]);
            Assert.Null(watch.Since(busy.Id));

            watch.Update([facts]);
            Assert.InRange(watch.Since(busy.Id)!.Value.Throttled, 0, 4);
        }
        finally
        {
            busy.Kill();
            await busy.WaitForExitAsync();
        }
    }
}
