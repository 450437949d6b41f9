using System;
using System.Diagnostics;

namespace Earshot.Monitor.Tests.Incidents;

/// <summary>Ends what a test run leaves that is killed: a shell in a session of its own waits until the run is gone,
/// ends whoever is still in the namespaces it was told of, and takes these and their folders away.</summary>
/// <remarks>PR_SET_PDEATHSIG would not do: it is sent when the thread goes that started the process, as those of the
/// thread pool do, and a server's workers do not inherit it.</remarks>
internal sealed class Leftovers : IDisposable
{
    private const string Script = """
        exec > /dev/null 2>&1
        list=$(cat)
        echo "$list" | while read -r name folder; do
          [ -e "/run/netns/$name" ] || continue
          ip netns pids "$name" | xargs -r kill -9
          ip netns del "$name"
          rm -rf "$folder"
        done
        """;

    private static readonly Lazy<Leftovers> Lazily = new(() => new Leftovers());
    private readonly Process _shell;

    public Leftovers() => _shell = Process.Start(new ProcessStartInfo("setsid", ["sh", "-c", Script])
    {
        RedirectStandardInput = true,
    })!;

    /// <summary>Those of this run; the kernel closes the shell's input with it, however it ends.</summary>
    public static Leftovers OfThisRun => Lazily.Value;

    /// <summary>Tells of a namespace and a folder, to be taken away when the run ends and they are still
    /// there.</summary>
    public void Tell(string name, string folder)
    {
        lock (_shell)
        {
            _shell.StandardInput.WriteLine($"{name} {folder}");
            _shell.StandardInput.Flush();
        }
    }

    /// <summary>Closes the shell's input, as the kernel does when the run is killed.</summary>
    public void Dispose()
    {
        _shell.StandardInput.Close();
        _shell.WaitForExit();
        _shell.Dispose();
    }
}
