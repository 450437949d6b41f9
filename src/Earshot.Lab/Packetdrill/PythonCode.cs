using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Lab.Packetdrill;

/// <summary>Code between <c>%{</c> and <c>}%</c>: statements of a small part of Python: <c>assert</c>, assignment and
/// <c>print</c> over expressions.</summary>
internal sealed record PythonCode(string File, int Line, IReadOnlyList<PythonStatement> Statements)
{
    /// <summary>Reads code.</summary>
    /// <exception cref="ScriptException">It cannot be read; the message names the line.</exception>
    public static PythonCode Parse(string file, Token code)
    {
        var statements = new List<PythonStatement>();
        int line = code.Line;
        foreach (string text in Join(code.Text.Split('\n')))
        {
            foreach (string one in SplitStatements(text))
            {
                string trimmed = one.Trim();
                if (trimmed.Length > 0)
                {
                    statements.Add(Statement(file, line, trimmed));
                }
            }

            line += text.Count(static c => c == '\n') + 1;
        }

        return statements.Count > 0
            ? new PythonCode(file, code.Line, statements)
            : throw new ScriptException(file, code.Line, "the code has no statement");
    }

    /// <summary>Runs the code.</summary>
    /// <param name="find">The value of a name that the code has not assigned; null when there is none.</param>
    /// <returns>null, or the line and what an assertion that fails says.</returns>
    /// <exception cref="ScriptException">A name is unknown, or types do not go together.</exception>
    public (int Line, string Says)? Run(Func<string, object?> find)
    {
        var assigned = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (PythonStatement statement in Statements)
        {
            var values = new PythonValues(
                name => assigned.TryGetValue(name, out object? value) ? value : find(name), File, statement.Line);
            object result = statement.Expression.Evaluate(values);
            if (statement.Assigns is { } target)
            {
                assigned[target] = result;
            }
            else if (statement.IsAssertion && !PythonValues.IsTrue(result))
            {
                string message = statement.Message is { } said ? $": {PythonValues.Show(said.Evaluate(values))}" : "";
                string names = string.Join(", ", statement.Expression.Names.Distinct()
                    .Select(n => $"{n} is {PythonValues.Show(values.Find(n))}"));
                return (statement.Line,
                    $"assert {statement.Text} does not hold{message}{(names.Length > 0 ? $" ({names})" : "")}");
            }
        }

        return null;
    }

    // A line that ends with a backslash, or within parentheses, goes on in the next.
    private static IEnumerable<string> Join(string[] lines)
    {
        string text = "";
        foreach (string line in lines)
        {
            text += text.Length > 0 ? "\n" + line : line;
            string bare = text.TrimEnd();
            if (bare.EndsWith('\\') || bare.Count(static c => c == '(') > bare.Count(static c => c == ')'))
            {
                continue;
            }

            yield return text.Replace("\\\n", " \n", StringComparison.Ordinal);
            text = "";
        }

        if (text.Length > 0)
        {
            yield return text;
        }
    }

    private static IEnumerable<string> SplitStatements(string text)
    {
        int start = 0;
        char quote = '\0';
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            quote = quote == '\0' ? c is '"' or '\'' ? c : '\0' : c == quote ? '\0' : quote;
            if (quote == '\0' && c == '#')
            {
                text = text[..i];
                break;
            }

            if (quote == '\0' && c == ';')
            {
                yield return text[start..i];
                start = i + 1;
            }
        }

        yield return text[Math.Min(start, text.Length)..];
    }

    private static PythonStatement Statement(string file, int line, string text)
    {
        var reader = new PythonReader(file, line, text);
        if (reader.TryWord("assert"))
        {
            PythonExpression expression = reader.Expression();
            PythonExpression? message = reader.TryMark(",") ? reader.Expression() : null;
            reader.End();
            return new PythonStatement(line, text["assert".Length..].Trim(), expression, true, null, message);
        }

        if (reader.TryWord("print"))
        {
            PythonExpression said = reader.Expression();
            reader.End();
            return new PythonStatement(line, text, said, false, null, null);
        }

        if (reader.TryAssignment(out string? target))
        {
            PythonExpression value = reader.Expression();
            reader.End();
            return new PythonStatement(line, text, value, false, target, null);
        }

        throw new ScriptException(
            file, line, $"the statement '{text}' is not understood; assert, print and NAME = are");
    }
}

/// <summary>A statement.</summary>
internal sealed record PythonStatement(
    int Line,
    string Text,
    PythonExpression Expression,
    bool IsAssertion,
    string? Assigns,
    PythonExpression? Message);

/// <summary>Names and what is wrong with them.</summary>
internal sealed class PythonValues(Func<string, object?> find, string file, int line)
{
    /// <summary>The value of a name.</summary>
    public object Find(string name) => find(name) ?? throw Error($"the name '{name}' has no value here");

    /// <summary>An error of the statement.</summary>
    public ScriptException Error(string problem) => new(file, line, problem);

    /// <summary>What Python takes a value for in a condition.</summary>
    public static bool IsTrue(object value) => value switch
    {
        bool b => b,
        long n => n != 0,
        double d => d != 0,
        string s => s.Length > 0,
        _ => false,
    };

    /// <summary>How Python writes a value.</summary>
    public static string Show(object value) => value switch
    {
        bool b => b ? "True" : "False",
        double d => d.ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
