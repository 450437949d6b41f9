using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Lab.Packetdrill;

/// <content>Calls, their arguments and results.</content>
internal sealed partial class Parser
{
    private const int DeepestNesting = 16;

    private CallEvent Call(int line, EventTime time, TimeSpan? blocksUntil)
    {
        string name = _lexer.Name("a call");
        _lexer.Expect('(');
        List<Value> arguments = Values(')', 0);
        _lexer.Expect('=');
        Value result = Unary(0);
        string? errno = null;
        if (_lexer.Peek().Kind == TokenKind.Name)
        {
            Token token = _lexer.Next();
            errno = Symbols.IsErrno(token.Text)
                ? token.Text
                : throw _lexer.Error(token.Line, $"'{token.Text}' is not the name of an errno");
        }

        if (_lexer.StartsWith("("))
        {
            _ = _lexer.TryTake("(");
            _ = _lexer.UpToParenthesis();
        }

        if (!CallTable.Has(name))
        {
            throw _lexer.Error(line, $"there is no call '{name}'; known are {CallTable.Names}");
        }

        (int least, int most) = CallTable.Arguments(name);
        return arguments.Count >= least && arguments.Count <= most
            ? new CallEvent(line, time, blocksUntil, name, arguments, result, errno)
            : throw _lexer.Error(line, $"{name}() has {arguments.Count} arguments; it takes {Between(least, most)}");
    }

    private static string Between(int least, int most) => least == most ? $"{least}" : $"{least} to {most}";

    private List<Value> Values(char end, int depth)
    {
        var values = new List<Value>();
        if (_lexer.TryTake(end))
        {
            return values;
        }

        do
        {
            values.Add(Value(depth));
        }
        while (_lexer.TryTake(','));
        _lexer.Expect(end);
        return values;
    }

    private Value Value(int depth)
    {
        Value left = Unary(depth);
        while (_lexer.Peek() is { Kind: TokenKind.Mark, Text: "|" or "+" or "-" } token)
        {
            _ = _lexer.Next();
            left = new CombinedValue(token.Line, token.Text[0], left, Unary(depth));
        }

        return left;
    }

    private Value Unary(int depth)
    {
        if (depth > DeepestNesting)
        {
            throw _lexer.Error(_lexer.Line, $"values are nested deeper than {DeepestNesting}");
        }

        Token token = _lexer.Peek();
        if (token.Is('-') || token.Is('~'))
        {
            _ = _lexer.Next();
            Value operand = Unary(depth + 1);
            return token.Is('-') && operand is NumberValue number
                ? new NumberValue(token.Line, -number.Number)
                : new SignedValue(token.Line, token.Text[0], operand);
        }

        return Primary(depth + 1);
    }

    private Value Primary(int depth)
    {
        Token token = _lexer.Next();
        switch (token.Kind)
        {
            case TokenKind.Number:
                return new NumberValue(token.Line, token.Number);
            case TokenKind.Ellipsis:
                return new EllipsisValue(token.Line);
            case TokenKind.Text:
                IEnumerable<byte> bytes = token.Bytes!; // A text token has its bytes.
                while (_lexer.Peek().Kind == TokenKind.Text)
                {
                    bytes = bytes.Concat(_lexer.Next().Bytes!); // As above.
                }

                return new TextValue(token.Line, [.. bytes]);
            case TokenKind.Name:
                return _lexer.TryTake('(')
                    ? new FunctionValue(token.Line, token.Text, Values(')', depth))
                    : new NameValue(token.Line, token.Text);
            case TokenKind.Mark when token.Is('['):
                return new ListValue(token.Line, Values(']', depth));
            case TokenKind.Mark when token.Is('{'):
                return Fields(token.Line, depth);
            case TokenKind.Mark when token.Is('('):
                Value inner = Value(depth);
                _lexer.Expect(')');
                return inner;
            default:
                throw _lexer.Error(token.Line, $"expected a value, found {token.Describe()}");
        }
    }

    private StructValue Fields(int line, int depth)
    {
        var fields = new List<Field>();
        while (!_lexer.TryTake('}'))
        {
            if (fields.Count > 0)
            {
                _lexer.Expect(',');
            }

            Value value = Value(depth);
            if (!_lexer.TryTake('='))
            {
                fields.Add(new Field(null, null, value));
                continue;
            }

            fields.Add(value switch
            {
                NameValue name => new Field(name.Name, null, Value(depth)),
                FunctionValue { Arguments.Count: 1 } named =>
                    new Field(named.Name, named.Arguments[0], Value(depth)),
                _ => throw _lexer.Error(value.Line, "a field begins with its name"),
            });
        }

        return new StructValue(line, fields);
    }
}
