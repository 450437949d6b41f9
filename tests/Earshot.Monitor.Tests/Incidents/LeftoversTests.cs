using System;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Incidents;

/// <summary>A run that is killed leaves nothing behind.</summary>
public sealed class LeftoversTests
{
    [RootFact("ip ss python3 nginx setsid xargs")]
    public async Task What_a_killed_run_leaves_is_ended_workers_and_stopped_processes_too()
    {
        var bed = new Bed(); // Not disposed of, as in a run that is killed.
        Process nginx = StoppedTests.Nginx(bed, "listen 7050;");
        await bed.ListensAsync("7050");
        int worker = await Bed.WorkerAsync(nginx);
        Process stopped = await bed.ServeAsync("never 7051 3");
        Bed.Signal(stopped, "STOP");

        using (var leftovers = new Leftovers())
        {
            leftovers.Tell(bed.Name, bed.Folder);
        }

        await nginx.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
        await stopped.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.False(IsRunning(worker));
        Assert.False(File.Exists($"/run/netns/{bed.Name}"));
        Assert.False(Directory.Exists(bed.Folder));
    }

    [RootFact("ip ss python3 setsid xargs")]
    public async Task Who_is_in_another_namespace_is_left_alone()
    {
        using var mine = new Bed();
        Process server = await mine.ServeAsync("never 7052 3");
        var other = new Bed();

        using (var leftovers = new Leftovers())
        {
            leftovers.Tell(other.Name, other.Folder);
        }

        Assert.False(File.Exists($"/run/netns/{other.Name}"));
        Assert.False(server.HasExited);
        Assert.True(File.Exists($"/run/netns/{mine.Name}"));
    }

    // One that is dead and waits for somebody to ask for its code has no command any more.
    private static bool IsRunning(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Length > 0;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
