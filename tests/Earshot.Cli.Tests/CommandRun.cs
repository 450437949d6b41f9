using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace Earshot.Cli.Tests;

/// <summary>What a command did inside the test's own process.</summary>
internal sealed record CommandRun(int ExitCode, string Out, string Error)
{
    /// <summary>Runs a command to its end.</summary>
    public static Task<CommandRun> OfAsync(string arguments, CancellationToken cancellation = default) =>
        OfWordsAsync(arguments.Split(' ', System.StringSplitOptions.RemoveEmptyEntries), cancellation);

    /// <summary>Runs a command whose words may be empty or hold blanks, to its end.</summary>
    public static async Task<CommandRun> OfWordsAsync(string[] words, CancellationToken cancellation = default)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = await CommandLine.RunAsync(words, new Terminal(output, error), cancellation);
        return new CommandRun(code, output.ToString(), error.ToString());
    }
}
