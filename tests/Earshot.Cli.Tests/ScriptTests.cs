using System.IO;
using System.Runtime.Versioning;
using System.Threading.Tasks;
using Earshot.Cli.Tests.Sessions;
using Earshot.Tests;
using Xunit;

namespace Earshot.Cli.Tests;

/// <summary>The shell scripts around the command: what they say before anything is built.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class ScriptTests
{
    private const string Nobody = "65534";

    [Theory]
    [InlineData("earshot build --help", "usage: ./earshot build native")]
    [InlineData("earshot build -h", "usage: ./earshot build native")]
    [InlineData(".ci/run --help", "Usage: .ci/run")]
    [InlineData(".ci/run -h", "Usage: .ci/run")]
    public async Task Help_goes_to_stdout_and_ends_with_0(string command, string said)
    {
        CommandRun run = await EarshotProcess.RunProgramAsync("bash", $"{RepositoryRoot.Path}/{command}");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains(said, run.Out);
        Assert.Equal("", run.Error);
    }

    [Theory]
    [InlineData("earshot build")]
    [InlineData("earshot build everything")]
    [InlineData("earshot build native --help")]
    public async Task What_a_script_does_not_know_ends_with_2(string command)
    {
        CommandRun run = await EarshotProcess.RunProgramAsync("bash", $"{RepositoryRoot.Path}/{command}");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("sage: ", run.Error);
        Assert.Equal("", run.Out);
    }

    [RootTheory("bash setpriv")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_may_not_write_the_tree_runs_the_build_that_is_there_or_is_told_so(bool isBuilt)
    {
        DirectoryInfo tree = Directory.CreateTempSubdirectory("earshot-tree-");
        try
        {
            Fill(tree.FullName, isBuilt);
            CommandRun run = await EarshotProcess.RunProgramAsync(
                "setpriv",
                $"--reuid {Nobody} --regid {Nobody} --clear-groups env PATH={tree.FullName}:/usr/bin:/bin "
                + $"bash {tree.FullName}/earshot ss -nlt");
            Assert.DoesNotContain("ermission denied", run.Error);
            Assert.Contains($"may not write {tree.FullName}/artifacts", run.Error);
            Assert.Equal(isBuilt ? 0 : 3, run.ExitCode);
            Assert.Equal(
                isBuilt ? $"{tree.FullName}/artifacts/bin/Earshot.Cli/release/earshot.dll ss -nlt\n" : "", run.Out);
        }
        finally
        {
            tree.Delete(recursive: true);
        }
    }

    // A tree of scripts, with a "dotnet" that prints what it is asked for.
    private static void Fill(string tree, bool isBuilt)
    {
        const UnixFileMode all = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        File.SetUnixFileMode(tree, all);
        Directory.CreateDirectory(Path.Combine(tree, ".ci"));
        foreach (string script in (string[])["earshot", ".ci/common.sh", ".ci/native.sh"])
        {
            File.Copy(Path.Combine(RepositoryRoot.Path, script), Path.Combine(tree, script));
        }

        string dotnet = Path.Combine(tree, "dotnet");
        File.WriteAllText(
            dotnet, "#!/bin/sh\nif [ \"$1\" = --list-sdks ]; then echo '10.0.100 [/]'; else echo \"$@\"; fi\n");
        File.SetUnixFileMode(dotnet, all);
        string folder = Directory.CreateDirectory(
            Path.Combine(tree, "artifacts", "bin", "Earshot.Cli", "release")).FullName;
        File.WriteAllText(Path.Combine(tree, "artifacts", "build.lock"), "");
        if (isBuilt)
        {
            File.WriteAllText(Path.Combine(folder, "earshot.dll"), "");
        }
    }
}
