using System.Collections.Generic;
using System.Linq;

namespace Earshot.Lab.Packetdrill;

/// <summary>An argument or a result.</summary>
internal abstract record Value(int Line);

/// <summary>A number.</summary>
internal sealed record NumberValue(int Line, long Number) : Value(Line);

/// <summary>A symbol of the platform, as <c>SOCK_STREAM</c>.</summary>
internal sealed record NameValue(int Line, string Name) : Value(Line);

/// <summary>A string's bytes.</summary>
internal sealed record TextValue(int Line, byte[] Bytes) : Value(Line);

/// <summary>Three dots: supplied by the runner, or not checked.</summary>
internal sealed record EllipsisValue(int Line) : Value(Line);

/// <summary>Values in brackets.</summary>
internal sealed record ListValue(int Line, IReadOnlyList<Value> Items) : Value(Line);

/// <summary>Fields in braces.</summary>
internal sealed record StructValue(int Line, IReadOnlyList<Field> Fields) : Value(Line)
{
    /// <summary>The field with one of these names; null when there is none.</summary>
    public Value? Find(params string[] names) =>
        Fields.FirstOrDefault(f => f.Name is not null && names.Contains(f.Name))?.Value;
}

/// <summary>A field of a struct: a name, perhaps a length in parentheses, a value.</summary>
internal sealed record Field(string? Name, Value? Length, Value Value);

/// <summary>Two values combined by a bitwise or, or a difference.</summary>
internal sealed record CombinedValue(int Line, char Operator, Value Left, Value Right) : Value(Line);

/// <summary>A negated or complemented value.</summary>
internal sealed record SignedValue(int Line, char Operator, Value Operand) : Value(Line);

/// <summary>A function of the platform, as <c>htons(80)</c>.</summary>
internal sealed record FunctionValue(int Line, string Name, IReadOnlyList<Value> Arguments) : Value(Line);
