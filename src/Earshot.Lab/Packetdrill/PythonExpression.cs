using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Lab.Packetdrill;

/// <summary>An expression.</summary>
internal abstract record PythonExpression
{
    /// <summary>The names that it asks for.</summary>
    public virtual IEnumerable<string> Names => [];

    /// <summary>Its value: a bool, long, double or string.</summary>
    public abstract object Evaluate(PythonValues values);
}

/// <summary>A constant.</summary>
internal sealed record PythonConstant(object Value) : PythonExpression
{
    public override object Evaluate(PythonValues values) => Value;
}

/// <summary>A name.</summary>
internal sealed record PythonName(string Name) : PythonExpression
{
    public override IEnumerable<string> Names => [Name];

    public override object Evaluate(PythonValues values) => values.Find(Name);
}

/// <summary><c>not</c>, minus, plus, complement; abs().</summary>
internal sealed record PythonUnary(string Operator, PythonExpression Operand) : PythonExpression
{
    public override IEnumerable<string> Names => Operand.Names;

    public override object Evaluate(PythonValues values)
    {
        object value = Operand.Evaluate(values);
        return (Operator, value is bool b ? (b ? 1L : 0L) : value) switch
        {
            ("not", _) => !PythonValues.IsTrue(value),
            ("-", long n) => -n,
            ("-", double d) => -d,
            ("+", long n) => n,
            ("+", double d) => d,
            ("~", long n) => ~n,
            ("abs", long n) => Math.Abs(n),
            ("abs", double d) => Math.Abs(d),
            _ => throw values.Error($"'{Operator}' does not go with {PythonValues.Show(value)}"),
        };
    }
}

/// <summary><c>and</c>, <c>or</c>: the operand that decides, as in Python.</summary>
internal sealed record PythonLogic(bool IsAnd, PythonExpression Left, PythonExpression Right) : PythonExpression
{
    public override IEnumerable<string> Names => Left.Names.Concat(Right.Names);

    public override object Evaluate(PythonValues values)
    {
        object left = Left.Evaluate(values);
        return PythonValues.IsTrue(left) == IsAnd ? Right.Evaluate(values) : left;
    }
}

/// <summary>A chain of comparisons: each with its neighbours.</summary>
internal sealed record PythonComparison(
    IReadOnlyList<PythonExpression> Operands, IReadOnlyList<string> Operators) : PythonExpression
{
    public override IEnumerable<string> Names => Operands.SelectMany(static o => o.Names);

    public override object Evaluate(PythonValues values)
    {
        object left = Operands[0].Evaluate(values);
        for (int i = 0; i < Operators.Count; i++)
        {
            object right = Operands[i + 1].Evaluate(values);
            if (!Holds(values, Operators[i], left, right))
            {
                return false;
            }

            left = right;
        }

        return true;
    }

    private static bool Holds(PythonValues values, string comparison, object left, object right)
    {
        if (left is string a && right is string b)
        {
            return Judge(values, comparison, string.CompareOrdinal(a, b));
        }

        if (left is string || right is string)
        {
            return comparison switch
            {
                "==" => false,
                "!=" => true,
                _ => throw values.Error($"'{comparison}' does not go with a string and a number"),
            };
        }

        if (left is double || right is double)
        {
            return Judge(
                values, comparison, PythonArithmetic.ToDouble(left).CompareTo(PythonArithmetic.ToDouble(right)));
        }

        return Judge(values, comparison, PythonArithmetic.ToLong(left).CompareTo(PythonArithmetic.ToLong(right)));
    }

    private static bool Judge(PythonValues values, string comparison, int order) => comparison switch
    {
        "==" => order == 0,
        "!=" => order != 0,
        "<" => order < 0,
        "<=" => order <= 0,
        ">" => order > 0,
        ">=" => order >= 0,
        _ => throw values.Error($"the comparison '{comparison}' is not known"),
    };
}

/// <summary>Two operands and an operator.</summary>
internal sealed record PythonArithmetic(
    string Operator, PythonExpression Left, PythonExpression Right) : PythonExpression
{
    public override IEnumerable<string> Names => Left.Names.Concat(Right.Names);

    public static double ToDouble(object value) => value switch
    {
        double d => d,
        bool b => b ? 1 : 0,
        _ => (long)value,
    };

    public static long ToLong(object value) => value switch
    {
        bool b => b ? 1 : 0,
        double d => (long)d,
        _ => (long)value,
    };

    public override object Evaluate(PythonValues values)
    {
        object left = Left.Evaluate(values);
        object right = Right.Evaluate(values);
        if (left is string a && right is string b && Operator == "+")
        {
            return a + b;
        }

        if (left is string || right is string)
        {
            throw values.Error($"'{Operator}' does not go with a string");
        }

        try
        {
            return left is double || right is double || Operator == "/"
                ? OfDoubles(values, ToDouble(left), ToDouble(right))
                : OfLongs(values, ToLong(left), ToLong(right));
        }
        catch (OverflowException)
        {
            throw values.Error($"the result of '{Operator}' is too large");
        }
    }

    private object OfDoubles(PythonValues values, double left, double right) => Operator switch
    {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "**" => Math.Pow(left, right),
        "/" or "//" or "%" when right == 0 => throw values.Error("division by zero"),
        "/" => left / right,
        "//" => Math.Floor(left / right),
        "%" => left - (Math.Floor(left / right) * right),
        _ => throw values.Error($"'{Operator}' does not go with a fraction"),
    };

    private object OfLongs(PythonValues values, long left, long right)
    {
        const int mostBits = 62;
        switch (Operator)
        {
            case "+":
                return checked(left + right);
            case "-":
                return checked(left - right);
            case "*":
                return checked(left * right);
            case "//" or "%" when right == 0:
                throw values.Error("division by zero");
            case "//":
                return (long)Math.Floor((decimal)left / right);
            case "%":
                return (((left % right) + right) % right);
            case "&":
                return left & right;
            case "|":
                return left | right;
            case "^":
                return left ^ right;
            case "<<" or ">>" or "**" when right < 0:
                throw values.Error($"the right side of '{Operator}' is negative");
            case "<<":
                return right > mostBits && left != 0
                    ? throw new OverflowException()
                    : checked(left * (1L << (int)right));
            case ">>":
                return left >> (int)Math.Min(right, mostBits + 1);
            case "**":
                return Power(left, right);
            default:
                throw values.Error($"the operator '{Operator}' is not known");
        }
    }

    private static long Power(long left, long right)
    {
        long result = 1;
        for (long i = 0; i < right && result != 0; i++)
        {
            if (left == 1 || (left == -1 && i > 1))
            {
                return left == 1 || right % 2 == 0 ? 1 : -1;
            }

            result = checked(result * left);
        }

        return result;
    }
}
