using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Lab.Packetdrill;

/// <summary>One sysctl that a command sets.</summary>
internal readonly record struct SysctlStep(string Name, string Value);

/// <summary>Reads the commands that scripts may have: <c>sysctl -q NAME=VALUE …</c>, several separated by <c>;</c>,
/// <c>&amp;&amp;</c> or a new line.</summary>
internal static class SysctlCommand
{
    /// <summary>Reads a command.</summary>
    /// <exception cref="ScriptException">It is something else than sysctls that are set.</exception>
    public static IReadOnlyList<SysctlStep> Parse(Lexer lexer, Token token)
    {
        var steps = new List<SysctlStep>();
        foreach (string part in token.Text.Split([";", "&&", "\n"], StringSplitOptions.TrimEntries))
        {
            if (part.Length == 0)
            {
                continue;
            }

            List<string> words = Words(lexer, token, part);
            if (words[0] != "sysctl")
            {
                throw lexer.Error(token.Line, $"the command '{part}' is not understood; only sysctl and tc are");
            }

            // sysctl NAME = VALUE is also written NAME="VALUE with blanks".
            foreach (string word in words.Skip(1).Where(static w => w is not ("-q" or "-w" or "-qw" or "-wq")))
            {
                string[] sides = word.Split('=', 2);
                if (sides.Length != 2 || sides[0].Length == 0 || sides[0].StartsWith('-')
                    || !sides[0].All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
                {
                    throw lexer.Error(token.Line, $"'{word}' of the command '{part}' is not NAME=VALUE");
                }

                steps.Add(new SysctlStep(sides[0], sides[1]));
            }
        }

        return steps.Count > 0 ? steps : throw lexer.Error(token.Line, "the command sets nothing");
    }

    private static List<string> Words(Lexer lexer, Token token, string part)
    {
        var words = new List<string>();
        string word = "";
        bool begun = false;
        char quote = '\0';
        foreach (char c in part)
        {
            if (quote != '\0')
            {
                quote = c == quote ? '\0' : quote;
                word += c == quote || (c is '"' or '\'' && quote == '\0') ? "" : c;
            }
            else if (c is '"' or '\'')
            {
                (quote, begun) = (c, true);
            }
            else if (char.IsWhiteSpace(c))
            {
                Add();
            }
            else
            {
                (word, begun) = (word + c, true);
            }
        }

        Add();
        return quote == '\0' ? words : throw lexer.Error(token.Line, $"a quote of the command '{part}' does not end");

        void Add()
        {
            if (begun)
            {
                words.Add(word);
            }

            (word, begun) = ("", false);
        }
    }
}
