using System.Threading.Tasks;

namespace Earshot.Cli;

/// <summary>The entry point.</summary>
internal static class Program
{
    private static Task<int> Main(string[] arguments) => CommandLine.RunAsync(arguments, Terminal.OfProcess());
}
