using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace Earshot.Core.Tests.Tidy;

/// <summary>A method, constructor or property with code: its name, first line and number of lines.</summary>
internal readonly record struct MethodSpan(string Name, int Line, int Length);

/// <summary>Finds the members of the types in a file by counting braces. A heuristic: it needs no compiler.</summary>
internal static partial class MethodLengths
{
    /// <summary>Every member with code, in the file's order. Fields are data, however long, and left out.</summary>
    public static IReadOnlyList<MethodSpan> In(string text)
    {
        string code = CSharpText.CodeOnly(text);
        var found = new List<MethodSpan>();
        Scan(code, 0, code.Length, found);
        return found;
    }

    // Reads declarations one after another: a type or namespace is entered, a member is measured.
    private static void Scan(string code, int from, int to, List<MethodSpan> found)
    {
        int at = from;
        while (at < to)
        {
            int start = SkipAttributes(code, at, to);
            int stop = HeaderEnd(code, start, to);
            if (stop >= to)
            {
                return;
            }

            string header = code[start..stop];
            bool entered = code[stop] == '{' && TypeOrNamespace().IsMatch(header);
            int end = code[stop] is ';' or '}' ? stop + 1 : BodyEnd(code, stop, to);
            if (entered)
            {
                Scan(code, stop + 1, end - 1, found);
            }
            else if (code[stop] is '{' or '>' && !TypeOrNamespace().IsMatch(header))
            {
                int length = code.AsSpan(start, end - start).Count('\n') + 1;
                found.Add(new MethodSpan(NameIn(header), code.AsSpan(0, start).Count('\n') + 1, length));
            }

            at = end;
        }
    }

    private static int SkipBlank(string code, int at, int to)
    {
        while (at < to && char.IsWhiteSpace(code[at]))
        {
            at++;
        }

        return at;
    }

    // A member starts after its attributes.
    private static int SkipAttributes(string code, int at, int to)
    {
        at = SkipBlank(code, at, to);
        while (at < to && code[at] == '[')
        {
            int depth = 0;
            do
            {
                depth += code[at] == '[' ? 1 : code[at] == ']' ? -1 : 0;
                at++;
            }
            while (at < to && depth > 0);
            at = SkipBlank(code, at, to);
        }

        return at;
    }

    // The first of: an opening brace, ";", "=" (a field), or the ">" of "=>"; outside parentheses and brackets.
    private static int HeaderEnd(string code, int at, int to)
    {
        int depth = 0;
        bool isOperator = false;
        for (; at < to; at++)
        {
            char c = code[at];
            depth += c is '(' or '[' ? 1 : c is ')' or ']' ? -1 : 0;
            isOperator |= c == 'o' && string.CompareOrdinal(code, at, "operator", 0, 8) == 0;
            isOperator &= c != '(';
            if (depth > 0 || isOperator)
            {
                continue;
            }

            if (c is '{' or ';' or '}')
            {
                return at;
            }

            if (c == '=')
            {
                return at + 1 < to && code[at + 1] == '>' ? at + 1 : at;
            }
        }

        return to;
    }

    // After a brace: its partner. After "=>" or "=": the ";" at the same depth.
    private static int BodyEnd(string code, int at, int to)
    {
        bool block = code[at] == '{';
        int depth = 0;
        for (; at < to; at++)
        {
            char c = code[at];
            depth += c is '{' or '(' or '[' ? 1 : c is '}' or ')' or ']' ? -1 : 0;
            if (depth == 0 && (block ? c == '}' : c == ';'))
            {
                return at + 1;
            }
        }

        return to;
    }

    // The word before the parameters; a property has none, then the last word. Modifiers before a tuple are no names.
    private static string NameIn(string header) =>
        Called().Matches(header).Concat(LastWord().Matches(header)).Select(match => match.Groups[1].Value)
            .FirstOrDefault("?");

    [GeneratedRegex(@"(^|[\s\]])(namespace|class|struct|record|interface|enum)\s+(?!where\b)\w")]
    private static partial Regex TypeOrNamespace();

    [GeneratedRegex(@"\b(?!(?:public|private|protected|internal|static|readonly|ref|async|override|virtual|unsafe)\b)"
        + @"([A-Za-z_]\w*)\s*(?:<[^()]*>|[^\w\s(]{1,3})?\s*\(")]
    private static partial Regex Called();

    [GeneratedRegex(@"(\w+)\s*=?\s*$")]
    private static partial Regex LastWord();
}
