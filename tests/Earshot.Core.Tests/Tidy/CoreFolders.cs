using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace Earshot.Core.Tests.Tidy;

/// <summary>Which folder of Earshot.Core may use which, read from the usings.</summary>
internal static partial class CoreFolders
{
    private const string Core = "src/Earshot.Core/";
    private const string Front = "NetworkStack";

    // What lies in the root folder (Sysctls, Mib, Ledger, Verdict, Chance, Invariant) and Profiles serves every folder.
    private static readonly Dictionary<string, string[]> May = new()
    {
        ["Memory"] = [],
        ["Wire"] = [],
        ["Time"] = [],
        ["Profiles"] = ["Wire", "Time", "Tcp"],
        ["Ip"] = ["Wire", "Time", "Memory", "Profiles"],
        ["Congestion"] = ["Wire"],
        ["Tcp"] = ["Congestion", "Ip", "Wire", "Time", "Memory", "Profiles"],
        ["Sockets"] = ["Congestion", "Tcp", "Ip", "Wire", "Time", "Memory", "Profiles"],
        [""] = ["Congestion", "Wire", "Time", "Memory", "Profiles"],
    };

    /// <summary>Every using that points the wrong way, and every namespace that does not follow its folder.</summary>
    public static IEnumerable<string> Violations(IEnumerable<SourceFile> files) =>
        files.Where(file => file.Path.StartsWith(Core)).SelectMany(Violations);

    private static IEnumerable<string> Violations(SourceFile file)
    {
        string[] folders = file.Path[Core.Length..].Split('/')[..^1];
        string folder = folders.FirstOrDefault("");
        string expected = string.Join('.', new[] { "Earshot.Core" }.Concat(folders));
        if (!May.TryGetValue(folder, out string[]? may))
        {
            yield return file.At(1, $"the folder {folder} is not in the design's list of who may use whom");
            yield break;
        }

        bool isFront = folder == "" && file.Path[Core.Length..].StartsWith(Front);
        for (int i = 0; i < file.Lines.Length; i++)
        {
            Match space = Namespace().Match(file.Lines[i]);
            if (space.Success && space.Groups[1].Value != expected)
            {
                yield return file.At(i + 1, $"namespace {space.Groups[1].Value} in the folder of {expected}");
            }

            string used = Using().Match(file.Lines[i]).Groups[1].Value;
            if (used != "" && used != folder && !isFront && !may.Contains(used))
            {
                yield return file.At(i + 1, $"Core/{folder} may not use {used}; it may use: {string.Join(", ", may)}");
            }
        }
    }

    [GeneratedRegex(@"^namespace\s+([\w.]+)\s*;")]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^\s*(?:global\s+)?using\s+(?:static\s+)?(?:\w+\s*=\s*)?(?:global::)?"
        + @"Earshot\.Core\.(Congestion|Memory|Wire|Time|Profiles|Ip|Tcp|Sockets)\b")]
    private static partial Regex Using();
}
