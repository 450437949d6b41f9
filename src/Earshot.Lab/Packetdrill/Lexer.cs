using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Earshot.Lab.Packetdrill;

/// <summary>Cuts a script into tokens. What a word is depends on its place, so the parser asks for flags and times by
/// name.</summary>
internal sealed class Lexer
{
    private const char Nothing = '\0';

    private static readonly Regex Ports = new(@"\G(\d{1,9})\s*>\s*(\d{1,9})", RegexOptions.CultureInvariant);

    private readonly string _file;
    private readonly string _text;
    private int _at;
    private int _line = 1;
    private Token? _next;
    private int _peekedAt;
    private int _peekedLine;

    /// <summary>Begins with a script.</summary>
    /// <param name="file">The file's name for messages.</param>
    /// <param name="text">The script.</param>
    /// <param name="definitions">Words and what they stand for, also inside strings.</param>
    public Lexer(string file, string text, IReadOnlyDictionary<string, string>? definitions = null)
    {
        _file = file;
        _text = text.ReplaceLineEndings("\n");
        foreach ((string name, string value) in definitions ?? new Dictionary<string, string>())
        {
            _text = Regex.Replace(_text, $@"(?<!\w){Regex.Escape(name)}(?!\w)", value.Replace("$", "$$"));
        }
    }

    /// <summary>The line of the next token, counted from 1.</summary>
    public int Line
    {
        get
        {
            Characters();
            return _line;
        }
    }

    /// <summary>The next character that is not blank or comment, when no token was looked at.</summary>
    public char NextCharacter()
    {
        Characters();
        return At(0);
    }

    /// <summary>Whether the text goes on with these characters.</summary>
    public bool StartsWith(string text)
    {
        Characters();
        return string.CompareOrdinal(_text, _at, text, 0, text.Length) == 0;
    }

    /// <summary>Passes characters that <see cref="StartsWith"/> has found.</summary>
    public bool TryTake(string text)
    {
        if (!StartsWith(text))
        {
            return false;
        }

        _at += text.Length;
        return true;
    }

    /// <summary>The next token, which stays the next.</summary>
    public Token Peek()
    {
        if (_next is not { } token)
        {
            (_peekedAt, _peekedLine) = (_at, _line);
            token = Read();
            _next = token;
        }

        return token;
    }

    /// <summary>Takes the next token.</summary>
    public Token Next()
    {
        Token token = Peek();
        _next = null;
        return token;
    }

    /// <summary>Takes a mark.</summary>
    public void Expect(char mark)
    {
        Token token = Next();
        if (!token.Is(mark))
        {
            throw Error(token.Line, $"expected '{mark}', found {token.Describe()}");
        }
    }

    /// <summary>Takes a mark if it is next.</summary>
    public bool TryTake(char mark)
    {
        if (!Peek().Is(mark))
        {
            return false;
        }

        _next = null;
        return true;
    }

    /// <summary>Takes a name.</summary>
    public string Name(string what)
    {
        Token token = Next();
        return token.Kind == TokenKind.Name
            ? token.Text
            : throw Error(token.Line, $"expected {what}, found {token.Describe()}");
    }

    /// <summary>Takes a number between 0 and a limit.</summary>
    public long Number(string what, long most)
    {
        Token token = Next();
        return token.Kind == TokenKind.Number && token.Number >= 0 && token.Number <= most
            ? token.Number
            : throw Error(token.Line, $"expected {what} from 0 to {most}, found {token.Describe()}");
    }

    /// <summary>Takes a run of characters that are in a set; empty when there is none.</summary>
    public string Run(string characters)
    {
        Characters();
        int start = _at;
        while (At(0) != Nothing && characters.Contains(At(0), StringComparison.Ordinal))
        {
            _at++;
        }

        return _text[start.._at];
    }

    /// <summary>Takes the rest of the line.</summary>
    public string RestOfLine()
    {
        int start = _at;
        while (At(0) is not (Nothing or '\n'))
        {
            _at++;
        }

        return _text[start.._at].Trim();
    }

    /// <summary>Takes all up to a closing parenthesis, which goes too.</summary>
    public string UpToParenthesis()
    {
        int start = _at;
        while (At(0) is not (Nothing or '\n' or ')'))
        {
            _at++;
        }

        if (At(0) != ')')
        {
            throw Error(_line, "a note in parentheses does not end on its line");
        }

        return _text[start.._at++];
    }

    /// <summary>Takes a number of seconds, as <c>0</c>, <c>1.5</c> or <c>.01</c>, but not the dots after it.</summary>
    public TimeSpan Seconds()
    {
        Characters();
        int start = _at;
        while (char.IsAsciiDigit(At(0)))
        {
            _at++;
        }

        if (At(0) == '.' && char.IsAsciiDigit(At(1)))
        {
            _at++;
            while (char.IsAsciiDigit(At(0)))
            {
                _at++;
            }
        }

        string text = _text[start.._at];
        const decimal most = 1_000_000;
        return decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal seconds)
            && seconds <= most
            ? TimeSpan.FromTicks((long)(seconds * TimeSpan.TicksPerSecond))
            : throw Error(_line, text.Length == 0
                ? $"expected a time in seconds, found '{(At(0) == Nothing ? "end" : At(0))}'"
                : $"the time '{text}' is not a number of seconds up to {most}");
    }

    /// <summary>Takes two ports with an arrow between them.</summary>
    /// <returns>False when the text does not go on so.</returns>
    public bool TryPorts(out long source, out long destination)
    {
        Characters();
        Match match = Ports.Match(_text, _at);
        source = match.Success ? long.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : 0;
        destination = match.Success ? long.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture) : 0;
        _at += match.Length;
        return match.Success;
    }

    /// <summary>An error of a line.</summary>
    public ScriptException Error(int line, string problem) => new(_file, line, problem);

    // A token that was looked at and not taken is given back: its characters may mean something else here.
    private void Characters()
    {
        if (_next is not null)
        {
            (_at, _line) = (_peekedAt, _peekedLine);
            _next = null;
        }

        SkipBlank();
    }

    private Token Read()
    {
        SkipBlank();
        char c = At(0);
        if (c == Nothing && _at >= _text.Length)
        {
            return new Token(TokenKind.End, _line, "");
        }

        if (c == '.' && At(1) == '.' && At(2) == '.')
        {
            _at += 3;
            return new Token(TokenKind.Ellipsis, _line, "...");
        }

        if (char.IsAsciiDigit(c))
        {
            return ReadNumber();
        }

        if (char.IsAsciiLetter(c) || c == '_')
        {
            int start = _at;
            while (char.IsAsciiLetterOrDigit(At(0)) || At(0) == '_')
            {
                _at++;
            }

            return new Token(TokenKind.Name, _line, _text[start.._at]);
        }

        switch (c)
        {
            case '"':
                return ReadText();
            case '`':
                return Enclosed(TokenKind.Command, "`", "`");
            case '%' when At(1) == '{':
                return Enclosed(TokenKind.Code, "%{", "}%");
            default:
                _at++;
                return new Token(TokenKind.Mark, _line, c.ToString());
        }
    }

    private Token ReadNumber()
    {
        int start = _at;
        bool hex = At(0) == '0' && At(1) is 'x' or 'X';
        _at += hex ? 2 : 0;
        while (char.IsAsciiLetterOrDigit(At(0)))
        {
            _at++;
        }

        string text = _text[start.._at];
        bool read = hex
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong n)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out n);
        return read
            ? new Token(TokenKind.Number, _line, text, unchecked((long)n))
            : throw Error(_line, $"'{text}' is not a whole number");
    }

    private Token ReadText()
    {
        int line = _line;
        var bytes = new List<byte>();
        _at++;
        while (At(0) != '"')
        {
            if (At(0) is Nothing or '\n')
            {
                throw Error(line, "a string does not end on its line");
            }

            if (At(0) == '\\')
            {
                _at++;
                bytes.Add(Escape());
                continue;
            }

            bytes.AddRange(Encoding.UTF8.GetBytes(_text, _at, 1));
            _at++;
        }

        _at++;
        return new Token(TokenKind.Text, line, "", 0, [.. bytes]);
    }

    private byte Escape()
    {
        char c = At(0);
        _at++;
        switch (c)
        {
            case 'n':
                return (byte)'\n';
            case 'r':
                return (byte)'\r';
            case 't':
                return (byte)'\t';
            case '\\' or '"' or '\'':
                return (byte)c;
            case 'x' when Uri.IsHexDigit(At(0)) && Uri.IsHexDigit(At(1)):
                _at += 2;
                return Convert.ToByte(_text.Substring(_at - 2, 2), 16);
            case >= '0' and <= '7':
                int value = c - '0';
                for (int i = 0; i < 2 && At(0) is >= '0' and <= '7'; i++)
                {
                    value = (value * 8) + At(0) - '0';
                    _at++;
                }

                return (byte)value;
            default:
                throw Error(_line, $"a string has the unknown escape '\\{c}'");
        }
    }

    private Token Enclosed(TokenKind kind, string open, string close)
    {
        int line = _line;
        int end = _text.IndexOf(close, _at + open.Length, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Error(line, $"'{open}' has no '{close}'");
        }

        string text = _text[(_at + open.Length)..end];
        _line += text.AsSpan().Count('\n');
        _at = end + close.Length;
        return new Token(kind, line, text);
    }

    private void SkipBlank()
    {
        while (true)
        {
            char c = At(0);
            if (c is ' ' or '\t' or '\n')
            {
                _line += c == '\n' ? 1 : 0;
                _at++;
            }
            else if (c == '/' && At(1) == '/')
            {
                _ = RestOfLine();
            }
            else if (c == '/' && At(1) == '*')
            {
                int end = _text.IndexOf("*/", _at + 2, StringComparison.Ordinal);
                if (end < 0)
                {
                    throw Error(_line, "'/*' has no '*/'");
                }

                _line += _text.AsSpan(_at, end - _at).Count('\n');
                _at = end + 2;
            }
            else
            {
                return;
            }
        }
    }

    private char At(int ahead) => _at + ahead < _text.Length ? _text[_at + ahead] : Nothing;
}
