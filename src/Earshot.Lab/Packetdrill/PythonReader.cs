using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Earshot.Lab.Packetdrill;

/// <summary>Reads one statement of code, with Python's precedence.</summary>
internal sealed class PythonReader
{
    private const int DeepestNesting = 32;

    private static readonly Regex Words = new(
        @"\G\s*(?:(?<number>0[xX][0-9a-fA-F]+|\d+\.\d*|\.\d+|\d+)|(?<name>[A-Za-z_]\w*)|(?<text>""[^""]*""|'[^']*')"
        + @"|(?<mark>\*\*|//|<<|>>|<=|>=|==|!=|[-+*/%&|^~<>()=,]))",
        RegexOptions.CultureInvariant);

    private static readonly string[][] Levels =
    [
        ["|"], ["^"], ["&"], ["<<", ">>"], ["+", "-"], ["*", "/", "//", "%"],
    ];

    private readonly string _file;
    private readonly int _line;
    private readonly List<(string Kind, string Text)> _words = [];
    private int _at;
    private int _depth;

    public PythonReader(string file, int line, string text)
    {
        (_file, _line) = (file, line);
        int at = 0;
        while (text.AsSpan(at).TrimEnd().Length > 0)
        {
            Match match = Words.Match(text, at);
            if (!match.Success)
            {
                throw Error($"'{text.AsSpan(at).Trim()}' is not understood");
            }

            foreach (string kind in (string[])["number", "name", "text", "mark"])
            {
                if (match.Groups[kind].Success)
                {
                    _words.Add((kind, match.Groups[kind].Value));
                }
            }

            at = match.Index + match.Length;
        }
    }

    public bool TryWord(string word)
    {
        bool found = Kind == "name" && Text == word;
        _at += found ? 1 : 0;
        return found;
    }

    public bool TryMark(string mark)
    {
        bool found = Kind == "mark" && Text == mark;
        _at += found ? 1 : 0;
        return found;
    }

    public bool TryAssignment(out string? target)
    {
        bool found = Kind == "name" && _at + 1 < _words.Count && _words[_at + 1] is ("mark", "=");
        target = found ? Text : null;
        _at += found ? 2 : 0;
        return found;
    }

    public void End()
    {
        if (_at < _words.Count)
        {
            throw Error($"'{Text}' is not expected there");
        }
    }

    public PythonExpression Expression()
    {
        if (++_depth > DeepestNesting)
        {
            throw Error($"expressions are nested deeper than {DeepestNesting}");
        }

        PythonExpression left = And();
        while (TryWord("or"))
        {
            left = new PythonLogic(false, left, And());
        }

        _depth--;
        return left;
    }

    private string Kind => _at < _words.Count ? _words[_at].Kind : "";

    private string Text => _at < _words.Count ? _words[_at].Text : "the end";

    private ScriptException Error(string problem) => new(_file, _line, problem);

    private PythonExpression And()
    {
        PythonExpression left = Not();
        while (TryWord("and"))
        {
            left = new PythonLogic(true, left, Not());
        }

        return left;
    }

    private PythonExpression Not()
    {
        int count = 0;
        while (TryWord("not"))
        {
            count++;
        }

        PythonExpression operand = Comparison();
        for (int i = 0; i < count; i++)
        {
            operand = new PythonUnary("not", operand);
        }

        return operand;
    }

    private PythonExpression Comparison()
    {
        var operands = new List<PythonExpression> { Level(0) };
        var operators = new List<string>();
        while (Kind == "mark" && Text is "==" or "!=" or "<" or "<=" or ">" or ">=")
        {
            operators.Add(Text);
            _at++;
            operands.Add(Level(0));
        }

        return operators.Count == 0 ? operands[0] : new PythonComparison(operands, operators);
    }

    private PythonExpression Level(int level)
    {
        if (level == Levels.Length)
        {
            return Unary();
        }

        PythonExpression left = Level(level + 1);
        while (Kind == "mark" && Array.IndexOf(Levels[level], Text) >= 0)
        {
            string mark = Text;
            _at++;
            left = new PythonArithmetic(mark, left, Level(level + 1));
        }

        return left;
    }

    private PythonExpression Unary()
    {
        if (Kind == "mark" && Text is "-" or "+" or "~")
        {
            string mark = Text;
            _at++;
            if (++_depth > DeepestNesting)
            {
                throw Error($"expressions are nested deeper than {DeepestNesting}");
            }

            PythonExpression operand = Unary();
            _depth--;
            return new PythonUnary(mark, operand);
        }

        PythonExpression left = Primary();
        return TryMark("**") ? new PythonArithmetic("**", left, Unary()) : left;
    }

    private PythonExpression Primary()
    {
        string text = Text;
        switch (Kind)
        {
            case "number":
                _at++;
                return new PythonConstant(Number(text));
            case "text":
                _at++;
                return new PythonConstant(text[1..^1]);
            case "name":
                _at++;
                return Named(text);
            default:
                if (!TryMark("("))
                {
                    throw Error($"expected a value, found {(Kind == "" ? text : $"'{text}'")}");
                }

                PythonExpression inner = Expression();
                Close();
                return inner;
        }
    }

    private PythonExpression Named(string name)
    {
        switch (name)
        {
            case "True":
                return new PythonConstant(true);
            case "False":
                return new PythonConstant(false);
            case "abs" when TryMark("("):
                PythonExpression operand = Expression();
                Close();
                return new PythonUnary("abs", operand);
            case "and" or "or" or "not" or "in" or "is" or "if" or "else" or "lambda" or "import":
                throw Error($"'{name}' is not expected there");
            default:
                return Kind == "mark" && Text == "("
                    ? throw Error($"the function '{name}' is not known")
                    : new PythonName(name);
        }
    }

    private object Number(string text)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return long.TryParse(
                text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long hex)
                ? hex
                : throw Error($"the number {text} is too large");
        }

        if (text.Contains('.', StringComparison.Ordinal))
        {
            return double.Parse(text, CultureInfo.InvariantCulture);
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
            : throw Error($"the number {text} is too large");
    }

    private void Close()
    {
        if (!TryMark(")"))
        {
            throw Error($"expected ')', found '{Text}'");
        }
    }
}
