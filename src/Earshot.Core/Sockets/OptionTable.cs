using System.Collections.Generic;

namespace Earshot.Core.Sockets;

/// <summary>The socket options whose value is an int and which need no code of their own, one a line, by level and
/// number.</summary>
/// <remarks>An option that is to do something gets an <see cref="OptionRule.Effect"/> here.</remarks>
internal static partial class OptionTable
{
    private static readonly Dictionary<int, OptionRule> Rules = Make();

    /// <summary>Finds the rule of an option.</summary>
    internal static bool TryFind(int level, int name, out OptionRule rule) =>
        Rules.TryGetValue(OptionKey.Of(level, name), out rule!);

    private static Dictionary<int, OptionRule> Make()
    {
        var rules = new Dictionary<int, OptionRule>();
        foreach (OptionRule[] level in (OptionRule[][])[SocketLevel(), IpLevel(), TcpLevel(), IPv6Level(), UdpLevel()])
        {
            foreach (OptionRule rule in level)
            {
                rules.Add(rule.Key, rule);
            }
        }

        return rules;
    }

    /// <summary>0 or 1.</summary>
    private static OptionRule Flag(int level, int name, int otherwise = 0) =>
        new() { Key = OptionKey.Of(level, name), IsFlag = true, Otherwise = otherwise };

    /// <summary>A number in a range.</summary>
    private static OptionRule Number(
        int level, int name, int least = int.MinValue, int most = int.MaxValue, int otherwise = 0) =>
        new() { Key = OptionKey.Of(level, name), Least = least, Most = most, Otherwise = otherwise };

    /// <summary>A number that never changes; setting it is an error.</summary>
    private static OptionRule Fixed(int level, int name, int value, int error = Errno.ENOPROTOOPT) =>
        new() { Key = OptionKey.Of(level, name), Otherwise = value, SetError = error };

    /// <summary>Known and refused.</summary>
    private static OptionRule Refused(int level, int name, int set, int get) =>
        new() { Key = OptionKey.Of(level, name), SetError = set, GetError = get };
}
