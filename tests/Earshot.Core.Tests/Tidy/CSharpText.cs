using System;

namespace Earshot.Core.Tests.Tidy;

/// <summary>Blanks comments, literals and directives out of C# text: what is left can be counted in braces.</summary>
/// <remarks>A scanner, not a compiler: it knows the forms of literal, and leaves every line where it was.</remarks>
internal ref struct CSharpText
{
    private readonly ReadOnlySpan<char> _text;
    private readonly char[] _left;
    private int _at;

    private CSharpText(string text)
    {
        _text = text;
        _left = text.ToCharArray();
    }

    /// <summary>The text with each character of a comment, literal or directive replaced by a blank.</summary>
    public static string CodeOnly(string text)
    {
        var scanner = new CSharpText(text);
        scanner.Code(inHole: false);
        return new string(scanner._left);
    }

    private readonly char Peek(int ahead = 0) => _at + ahead < _text.Length ? _text[_at + ahead] : '\0';

    private void Blank(int count)
    {
        for (; count > 0 && _at < _text.Length; count--, _at++)
        {
            if (_text[_at] != '\n')
            {
                _left[_at] = ' ';
            }
        }
    }

    // Code up to the end, or inside an interpolated string up to the brace that closes the hole.
    private void Code(bool inHole)
    {
        int depth = 0;
        while (_at < _text.Length)
        {
            char c = Peek();
            if (c == '/' && Peek(1) == '/')
            {
                ToLineEnd();
            }
            else if (c == '/' && Peek(1) == '*')
            {
                int end = _text[_at..].IndexOf("*/");
                Blank(end < 0 ? _text.Length : end + 2);
            }
            else if (c == '#' && StartsLine())
            {
                ToLineEnd();
            }
            else if (c == '\'')
            {
                Quoted('\'');
            }
            else if (c is '"' or '$' or '@' && IsLiteral())
            {
                Literal();
            }
            else if (inHole && c == '}' && depth == 0)
            {
                return;
            }
            else
            {
                depth += c == '{' ? 1 : c == '}' ? -1 : 0;
                Skip(inHole);
            }
        }
    }

    // What stands in a hole is no structure of the method, so it is blanked with its string.
    private void Skip(bool inHole)
    {
        if (inHole)
        {
            Blank(1);
        }
        else
        {
            _at++;
        }
    }

    private void ToLineEnd()
    {
        int end = _text[_at..].IndexOf('\n');
        Blank(end < 0 ? _text.Length : end);
    }

    private readonly bool StartsLine()
    {
        int line = _text[.._at].LastIndexOf('\n') + 1;
        return _text[line.._at].IsWhiteSpace();
    }

    private readonly bool IsLiteral()
    {
        int ahead = 0;
        while (Peek(ahead) is '$' or '@')
        {
            ahead++;
        }

        return Peek(ahead) == '"';
    }

    private void Literal()
    {
        int dollars = 0;
        bool verbatim = false;
        for (; Peek() != '"'; Blank(1))
        {
            dollars += Peek() == '$' ? 1 : 0;
            verbatim |= Peek() == '@';
        }

        int quotes = 0;
        while (Peek(quotes) == '"')
        {
            quotes++;
        }

        if (quotes >= 3 && !verbatim)
        {
            Raw(quotes, dollars);
        }
        else if (verbatim || dollars > 0)
        {
            Long(verbatim, dollars > 0);
        }
        else
        {
            Quoted('"');
        }
    }

    private void Quoted(char quote)
    {
        Blank(1);
        while (_at < _text.Length && Peek() != quote && Peek() != '\n')
        {
            Blank(Peek() == '\\' ? 2 : 1);
        }

        Blank(1);
    }

    // Verbatim, interpolated or both.
    private void Long(bool verbatim, bool holes)
    {
        Blank(1);
        while (_at < _text.Length)
        {
            char c = Peek();
            if (c == '"' && verbatim && Peek(1) == '"')
            {
                Blank(2);
            }
            else if (c == '"')
            {
                Blank(1);
                return;
            }
            else if (c == '\\' && !verbatim)
            {
                Blank(2);
            }
            else if (holes && c == '{' && Peek(1) != '{')
            {
                Blank(1);
                Code(inHole: true);
                Blank(1);
            }
            else
            {
                Blank(holes && c is '{' or '}' && Peek(1) == c ? 2 : 1);
            }
        }
    }

    private void Raw(int quotes, int dollars)
    {
        Blank(quotes);
        while (_at < _text.Length)
        {
            if (Run('"') >= quotes)
            {
                Blank(Run('"'));
                return;
            }

            int braces = dollars > 0 ? Run('{') : 0;
            if (braces >= dollars && braces > 0)
            {
                Blank(braces);
                Code(inHole: true);
                Blank(dollars);
            }
            else
            {
                Blank(Math.Max(1, braces));
            }
        }
    }

    private readonly int Run(char c)
    {
        int length = 0;
        while (Peek(length) == c)
        {
            length++;
        }

        return length;
    }
}
