using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;

namespace Earshot.Api.Tests;

/// <summary>Types and values as C# spells them.</summary>
internal static class TypeNames
{
    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(object)] = "object",
        [typeof(string)] = "string",
        [typeof(bool)] = "bool",
        [typeof(char)] = "char",
        [typeof(byte)] = "byte",
        [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short",
        [typeof(ushort)] = "ushort",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(nint)] = "nint",
        [typeof(nuint)] = "nuint",
        [typeof(float)] = "float",
        [typeof(double)] = "double",
        [typeof(decimal)] = "decimal",
    };

    /// <summary>The full name, with its type arguments and, where it is known, whether it may be null.</summary>
    public static string Of(Type type, NullabilityInfo? nullability = null)
    {
        // Of a type parameter it is not known: every T without a constraint would count as nullable.
        bool mayBeNull = nullability?.ReadState == NullabilityState.Nullable;
        string mark = mayBeNull && !type.IsValueType && !type.IsGenericParameter ? "?" : "";
        if (type.IsByRef)
        {
            return Of(Element(type), nullability);
        }

        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return Of(underlying) + "?";
        }

        if (type.IsArray)
        {
            return $"{Of(Element(type), nullability?.ElementType)}[{new string(',', type.GetArrayRank() - 1)}]{mark}";
        }

        return type.IsPointer ? Of(Element(type)) + "*" : Named(type, nullability) + mark;
    }

    /// <summary>A constant as it would be written.</summary>
    public static string Value(object? value) => value switch
    {
        null => "default",
        string text => $"\"{text}\"",
        char c => $"'{c}'",
        bool b => b ? "true" : "false",
        Enum e => $"{Of(e.GetType())}.{e}",
        _ => FormattableString.Invariant($"{value}"),
    };

    /// <summary>The parameters of a generic type or method: &lt;T&gt;, or nothing.</summary>
    public static string Arguments(IEnumerable<Type> arguments)
    {
        string list = string.Join(", ", arguments.Select(argument => Of(argument)));
        return list == "" ? "" : $"<{list}>";
    }

    private static Type Element(Type type) => type.GetElementType()
        ?? throw new InvalidOperationException($"{type} has no element type.");

    private static string Named(Type type, NullabilityInfo? nullability)
    {
        if (Keywords.TryGetValue(type, out string? keyword))
        {
            return keyword;
        }

        if (type.IsGenericParameter)
        {
            return type.Name;
        }

        string name = type.Name.Split('`')[0];
        Type[] own = type.GetGenericArguments();
        if (type.DeclaringType is { } outer)
        {
            return $"{Of(outer)}.{name}{Arguments(own.Skip(outer.GetGenericArguments().Length))}";
        }

        NullabilityInfo[] inner = nullability?.GenericTypeArguments ?? [];
        string list = string.Join(", ", own.Select((a, i) => Of(a, i < inner.Length ? inner[i] : null)));
        return $"{type.Namespace}.{name}{(list == "" ? "" : $"<{list}>")}";
    }
}
