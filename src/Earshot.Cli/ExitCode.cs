namespace Earshot.Cli;

/// <summary>What the command's exit codes mean.</summary>
internal static class ExitCode
{
    /// <summary>All went well.</summary>
    internal const int Fine = 0;

    /// <summary>There are findings, or two things differ.</summary>
    internal const int Findings = 1;

    /// <summary>The command line, or a file that it names, is wrong.</summary>
    internal const int Usage = 2;

    /// <summary>Something is missing here: root, a device, a stack that is up.</summary>
    internal const int CannotRunHere = 3;

    /// <summary>The experiment could not be carried out.</summary>
    internal const int ExperimentFailed = 4;

    /// <summary>A defect of Earshot's own, a broken invariant above all.</summary>
    internal const int BrokenInvariant = 70;
}
