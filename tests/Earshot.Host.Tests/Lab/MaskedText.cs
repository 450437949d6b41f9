using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace Earshot.Host.Tests.Lab;

/// <summary>The text of a tool without what two runs cannot share: chosen ports, inodes, addresses in memory, times and
/// what is measured in time. What is left must be the same, in the same columns.</summary>
internal static partial class MaskedText
{
    /// <summary>The lines to compare: the heading, the listeners and the others, both sorted, because the hash decides
    /// their order.</summary>
    public static IReadOnlyList<string> Of(string command, string text)
    {
        List<string> lines = [.. text.TrimEnd('\n').Split('\n')];
        for (int i = lines.Count - 1; i > 0; i--)
        {
            // A socket's second line belongs to its first.
            if (lines[i].StartsWith('\t'))
            {
                lines[i - 1] = $"{lines[i - 1].TrimEnd()}\n{lines[i]}";
                lines.RemoveAt(i);
            }
        }

        Func<string, string> mask = command.Contains("/proc/net/tcp", StringComparison.Ordinal) ? Proc : Tool;
        string[] masked = [.. lines.Select(line => mask(line).TrimEnd())];
        return [.. masked.OrderBy(Rank).ThenBy(line => Rank(line) == 0 ? "" : line, StringComparer.Ordinal)];
    }

    private static int Rank(string line) => line.Contains("LISTEN", StringComparison.Ordinal)
        || line.Contains(" 0A ", StringComparison.Ordinal) ? 1
        : line.StartsWith("Active ", StringComparison.Ordinal) || line.Contains("Send-Q", StringComparison.Ordinal)
            || line.Contains("tx_queue", StringComparison.Ordinal) ? 0 : 2;

    private static string Tool(string line)
    {
        line = Port().Replace(line, match => IsChosen(match.Groups[1].Value, 10) ? ":#####" : match.Value);
        line = NetstatTimer().Replace(line, "($1#/");
        line = NetstatInode().Replace(line, "$1#$2");
        line = SsTimer().Replace(line, "timer:($1,#,");
        line = SsIdentity().Replace(line, " $1:#");
        line = Cgroup().Replace(line, "");
        line = NotKept().Replace(line, "");
        line = Measured().Replace(line, " $1#");
        return Rtt().Replace(line, " rtt:#");
    }

    // "   3: 0100007F:1A0A 0709090A:1389 03 00000000:00000000 01:00000081 00000001     0        0 0 0 0000000070ddf731"
    private static string Proc(string line)
    {
        line = ProcNumber().Replace(line, "");
        line = ProcPort().Replace(line, match => IsChosen(match.Groups[1].Value, 16) ? ":####" : match.Value);
        line = ProcTimer().Replace(line, " $1:######## $2");
        bool isListener = line.Contains(" 0A ", StringComparison.Ordinal);
        return ProcIdentity().Replace(line, match =>
        {
            // Of a connection the references hang on timers that may have lapsed, its timeout on measured times.
            string references = match.Groups[2].Value, timeout = match.Groups[3].Value;
            bool isConnection = !isListener && timeout.Length > 0;
            return $"{match.Groups[1].Value} # {(isConnection ? "#" : references)} #{(isConnection ? " #" : timeout)}";
        });
    }

    private static bool IsChosen(string port, int radix) => Convert.ToInt32(port, radix) is >= 32768 and <= 60999;

    [GeneratedRegex(@"(?<=[\d:\]*]):(\d{5})\b")]
    private static partial Regex Port();

    [GeneratedRegex(@"\(()\d+\.\d\d/")]
    private static partial Regex NetstatTimer();

    // netstat -e: the user, and the inode behind it.
    [GeneratedRegex(@"( [A-Z_12]+ +\d+ +)\d+ *( \w+ \(|$)")]
    private static partial Regex NetstatInode();

    [GeneratedRegex(@"timer:\((\w+),[^,]*,")]
    private static partial Regex SsTimer();

    [GeneratedRegex(@" (ino|sk):\w+")]
    private static partial Regex SsIdentity();

    [GeneratedRegex(@" cgroup:\S+")]
    private static partial Regex Cgroup();

    [GeneratedRegex(@" (rto:|lastsnd:|lastrcv:|lastack:|minrtt:|send |pacing_rate )[\d.]+(bps)?")]
    private static partial Regex Measured();

    // What our stack does not keep (docs/deviations.md, D3).
    [GeneratedRegex(@" (delivery_rate \d+bps|busy:\d+ms)")]
    private static partial Regex NotKept();

    [GeneratedRegex(@" rtt:[\d.e+-]+/[\d.e+-]+")]
    private static partial Regex Rtt();

    [GeneratedRegex(@"^ *\d+: ")]
    private static partial Regex ProcNumber();

    [GeneratedRegex(@":([0-9A-F]{4})\b")]
    private static partial Regex ProcPort();

    [GeneratedRegex(@" (\d\d):[0-9A-F]{8} ([0-9A-F]{8} )")]
    private static partial Regex ProcTimer();

    // User, probes, inode, references, pointer and, of a full socket, the retransmission timeout.
    [GeneratedRegex(@"( +\d+ +\d+) \d+ (\d+) [0-9a-f]{16}( \d+)?")]
    private static partial Regex ProcIdentity();
}
