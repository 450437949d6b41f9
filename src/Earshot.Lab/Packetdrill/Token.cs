namespace Earshot.Lab.Packetdrill;

/// <summary>What a token is.</summary>
internal enum TokenKind
{
    /// <summary>The end of the script.</summary>
    End,

    /// <summary>A whole number, decimal or hexadecimal.</summary>
    Number,

    /// <summary>A name.</summary>
    Name,

    /// <summary>A string; its bytes.</summary>
    Text,

    /// <summary>Three dots.</summary>
    Ellipsis,

    /// <summary>A punctuation mark.</summary>
    Mark,

    /// <summary>A command in back-quotes.</summary>
    Command,

    /// <summary>Code between <c>%{</c> and <c>}%</c>.</summary>
    Code,
}

/// <summary>A token.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Line">The line it begins on, counted from 1.</param>
/// <param name="Text">What it says: the name, the mark, the command, the code, a number's digits.</param>
/// <param name="Number">A number's value.</param>
/// <param name="Bytes">A string's bytes.</param>
internal readonly record struct Token(TokenKind Kind, int Line, string Text, long Number = 0, byte[]? Bytes = null)
{
    /// <summary>Whether it is this mark.</summary>
    public bool Is(char mark) => Kind == TokenKind.Mark && Text[0] == mark;

    /// <summary>How a message names it.</summary>
    public string Describe() => Kind switch
    {
        TokenKind.End => "the end of the script",
        TokenKind.Text => "a string",
        TokenKind.Command => "a command",
        TokenKind.Code => "code",
        _ => $"'{Text}'",
    };
}
