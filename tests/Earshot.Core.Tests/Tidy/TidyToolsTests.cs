using System.Linq;
using Xunit;

namespace Earshot.Core.Tests.Tidy;

/// <summary>The tidy tests' own tools, on text whose answer is known.</summary>
public sealed class TidyToolsTests
{
    [Theory]
    [InlineData("a // b {", "a ")]
    [InlineData("a /* { */ b", "a b")]
    [InlineData("a = \"{\\\"\" ;", "a = ;")]
    [InlineData("c = '{' ;", "c = ;")]
    [InlineData("s = @\"{\"\"\" ;", "s = ;")]
    [InlineData("s = $\"{{ {f(\"}\")} {{\" ;", "s = ;")]
    [InlineData("s = $@\"{x}\"\"{{\" ;", "s = ;")]
    [InlineData("s = \"\"\"{ \" }\"\"\" ;", "s = ;")]
    [InlineData("s = $$\"\"\"{ {{x}} \"\"\" ;", "s = ;")]
    [InlineData("#if { \nx", "x")]
    public void Only_code_is_left_of_a_line(string text, string left) =>
        Assert.Equal(Squeeze(left), Squeeze(CSharpText.CodeOnly(text)));

    [Fact]
    public void Members_are_found_with_their_lengths()
    {
        const string text = """
            namespace N;
            [A("{")]
            class C : B<int>
            {
                private static readonly int[] Table =
                [
                    1,
                ];
                public C(int a)
                    : base(a)
                {
                }
                int P { get; } = 3; int Q => 4;
                public static bool operator ==(C a, C b) => a.Equals(b);
                [A(1), B]
                static (int A, int B) M<T>(T t) where T : struct
                {
                    if (t) { return "}"; }
                    return t switch { _ => t };
                }
                record struct R(int A);
                enum E { A, B }
                int X() =>
                    1 +
                    2;
            }
            """;
        var found = MethodLengths.In(text).Select(m => $"{m.Name} {m.Line} {m.Length}");
        Assert.Equal(["C 9 4", "P 13 1", "Q 13 1", "operator 14 1", "M 16 5", "X 23 3"], found);
    }

    private static string Squeeze(string text) => string.Join(' ', text.Split((char[]?)null, 0)
        .Where(word => word != ""));
}
