using System;
using System.IO;
using System.Net.Sockets;
using Earshot.Core;
using Earshot.Lab.Experiments;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;
using Earshot.Links;

namespace Earshot.Cli;

/// <summary>What a command says of an error that ends it, and with which exit code.</summary>
internal static class Failure
{
    /// <summary>Says the error in a line, and what to do when that is known.</summary>
    /// <returns>The exit code.</returns>
    internal static int Tell(Exception error, Terminal terminal)
    {
        switch (error)
        {
            case CommandException ours:
                terminal.Say(ours.Message);
                return ours.ExitCode;
            case PlanException or ScriptException:
                terminal.Say(error.Message);
                return ExitCode.Usage;
            case ExperimentFailedException:
                terminal.Say(error.Message);
                return ExitCode.ExperimentFailed;
            case PlatformNotSupportedException or LinkException or CannotRunHereException:
                terminal.Say(error.Message);
                return ExitCode.CannotRunHere;
            case OperationCanceledException:
                terminal.Say("ended early");
                return ExitCode.ExperimentFailed;
            case InvariantException:
                terminal.Say($"a rule of Earshot's own is broken, please report it: {error.Message}");
                return ExitCode.BrokenInvariant;
            case IOException when IsBrokenPipe(error):
                // Whoever read our output has seen enough, as head does.
                return ExitCode.Fine;
            case FileNotFoundException or DirectoryNotFoundException:
                // Whatever the command reads or writes by itself it looks after; this is a path that it was given.
                terminal.Say(error.Message);
                return ExitCode.Usage;
            case IOException or UnauthorizedAccessException or SocketException:
                terminal.Say(error.Message);
                return ExitCode.CannotRunHere;
            default:
                terminal.Say(
                    $"a defect of Earshot's, please report it: {error.GetType().Name}: {OneLine(error.Message)}");
                return ExitCode.BrokenInvariant;
        }
    }

    private static bool IsBrokenPipe(Exception error)
    {
        const int brokenPipe = 32;
        return error.HResult == brokenPipe
            || error.InnerException is SocketException { SocketErrorCode: SocketError.Shutdown };
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");
}
