using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Core.Profiles;
using Earshot.Lab.Packetdrill;
using Earshot.Lab.Targets;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot drill FILE…</c>: runs packet scripts on the stack or on the host kernel.</summary>
internal static class DrillVerb
{
    private const string HostName = "host";
    private const string StackName = "stack";
    private const string Everything = "all";
    private const string Pattern = "*.pkt";

    internal static Command Create(Terminal terminal)
    {
        var files = new Argument<string[]>("FILE")
        {
            Arity = ArgumentArity.OneOrMore,
            Description = $"Scripts, or folders with scripts ({Pattern}, also in folders below).",
        };
        var target = new Option<string>("--target")
        {
            HelpName = $"{StackName}|{HostName}",
            Description = "Run them on the stack in virtual time (the default), or on the host's own kernel behind a "
                + $"TUN device in network namespaces of their own, {ScriptBatch.AtOnceOnHost} at a time (root).",
            DefaultValueFactory = static _ => StackName,
        };
        target.AcceptOnlyFromAmong(StackName, HostName);
        Option<KernelProfile> profile = Arguments.Profile();
        var define = new Option<string[]>("-D")
        {
            HelpName = "NAME=VALUE",
            Description = "Put VALUE wherever a script has the word NAME; may be given several times.",
        };
        var version = new Option<string?>("--ip-version")
        {
            HelpName = "V",
            Description = $"Run them over {IpVersions.Names}, or {Everything} of them; without it over the first that "
                + "the script allows.",
        };
        version.AcceptOnlyFromAmong(["ipv4", "ipv6", "ipv4-mapped-ipv6", Everything]);
        var command = new Command("drill", "Run packet scripts and compare what a kernel or the stack does.")
        {
            files, target, profile, define, version,
        };
        command.Validators.Add(result => Judge(result, define, target, profile));
        command.SetAction((parsed, cancellation) =>
        {
            using var end = new EndSignal(cancellation);
            IPacketTargetMaker maker = parsed.GetRequiredValue(target) == HostName
                ? new HostPacketTargetMaker()
                : new StackPacketTargetMaker(parsed.GetRequiredValue(profile));
            return Task.FromResult(Run(
                Read(parsed.GetRequiredValue(files), Definitions(parsed.GetValue(define) ?? [])),
                maker,
                parsed.GetValue(version),
                terminal,
                end.Token));
        });
        return command;
    }

    private static void Judge(
        CommandResult result, Option<string[]> define, Option<string> target, Option<KernelProfile> profile)
    {
        // Of the words as they were typed: what could not be read has told its error already and has no value.
        foreach (string definition in result.GetResult(define)?.Tokens.Select(token => token.Value) ?? [])
        {
            int equals = definition.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || !definition.AsSpan(0, equals).ContainsOnlyWord())
            {
                result.AddError($"-D is '{definition}', not NAME=VALUE");
            }
        }

        if (result.GetResult(target) is { Tokens: [.., { Value: HostName }] }
            && result.GetResult(profile) is { Implicit: false })
        {
            result.AddError($"{target.Name} {HostName} and {profile.Name} do not go together");
        }
    }

    private static bool ContainsOnlyWord(this ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
            {
                return false;
            }
        }

        return true;
    }

    private static Dictionary<string, string> Definitions(string[] definitions)
    {
        var table = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string definition in definitions)
        {
            string[] sides = definition.Split('=', 2);
            table[sides[0]] = sides[1];
        }

        return table;
    }

    // All are read before the first runs: a script that cannot be read ends the command with nothing done.
    private static List<Script> Read(string[] paths, Dictionary<string, string> definitions)
    {
        var scripts = new List<Script>();
        foreach (string path in paths)
        {
            string[] found = Directory.Exists(path)
                ? [.. Directory.GetFiles(path, Pattern, SearchOption.AllDirectories).Order(StringComparer.Ordinal)]
                : [path];
            if (found.Length == 0)
            {
                throw new CommandException(ExitCode.Usage, $"{path}: the folder has no script ({Pattern})");
            }

            foreach (string file in found)
            {
                scripts.Add(Script.Parse(file, Text(file), definitions));
            }
        }

        return scripts;
    }

    private static string Text(string file)
    {
        Files.RefuseFolder(file);
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, $"{file}: cannot be read: {e.Message}");
        }
    }

    private static int Run(
        List<Script> scripts,
        IPacketTargetMaker maker,
        string? version,
        Terminal terminal,
        CancellationToken cancellation)
    {
        (Script Script, IpVersion Version)[] runs =
            [.. scripts.SelectMany(script => Versions(script, version).Select(v => (script, v)))];
        int skipped = scripts.Count(script => !Versions(script, version).Any());
        IReadOnlyList<ScriptVerdict> verdicts = ScriptBatch.Run(
            runs, maker, verdict => terminal.Out.WriteLine(verdict.ToString()), cancellation);
        int passed = verdicts.Count(static v => v.Passed);
        terminal.Out.WriteLine(
            $"{passed} passed, {verdicts.Count - passed} failed"
            + (skipped > 0 ? $", {skipped} skipped (not for {version})" : "") + $" on {maker.Name}");
        return passed == verdicts.Count ? ExitCode.Fine : ExitCode.Findings;
    }

    private static IEnumerable<IpVersion> Versions(Script script, string? asked) => asked switch
    {
        null => script.IpVersions.Take(1),
        Everything => script.IpVersions,
        _ => script.IpVersions.Where(v => v.Name() == asked),
    };
}
