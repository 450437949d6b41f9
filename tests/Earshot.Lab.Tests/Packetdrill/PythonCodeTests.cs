using System;
using System.Collections.Generic;
using Earshot.Lab.Packetdrill;
using Xunit;

namespace Earshot.Lab.Tests.Packetdrill;

public sealed class PythonCodeTests
{
    private static readonly Dictionary<string, object> Names = new()
    {
        ["tcpi_state"] = 1L,
        ["tcpi_rtt"] = 100L,
        ["TCP_LISTEN"] = 10L,
    };

    [Theory]
    [InlineData("1 + 2 * 3 == 7")]
    [InlineData("(1 + 2) * 3 == 9")]
    [InlineData("2 ** 3 ** 2 == 512")]
    [InlineData("-2 ** 2 == -4")]
    [InlineData("7 // 2 == 3 and -7 // 2 == -4")]
    [InlineData("7 % 3 == 1 and -7 % 3 == 2")]
    [InlineData("7 / 2 == 3.5")]
    [InlineData("1 < 2 < 3 and not 1 < 3 < 2")]
    [InlineData("0x10 == 16 and 1 << 4 == 16 and 255 >> 4 == 15")]
    [InlineData("6 & 3 == 3 or True")]
    [InlineData("(6 & 3) == 2 and (6 | 3) == 7 and (6 ^ 3) == 5 and ~0 == -1")]
    [InlineData("'a' + \"b\" == 'ab' and 'a' != 1 and 'a' < 'b'")]
    [InlineData("not False and not not True")]
    [InlineData("tcpi_state == 1 and tcpi_rtt >= 99.5 and TCP_LISTEN == 10")]
    [InlineData("abs(-3) == 3 and abs(3.5 - 4) < .6")]
    public void An_assertion_that_holds_says_nothing(string expression) => Assert.Null(Run($"assert {expression}"));

    [Theory]
    [InlineData("assert tcpi_rtt == 5", "assert tcpi_rtt == 5 does not hold (tcpi_rtt is 100)")]
    [InlineData("assert 1 == 2, 'why'", "assert 1 == 2, 'why' does not hold: why")]
    [InlineData("x = 3; assert x > 4", "assert x > 4 does not hold (x is 3)")]
    public void One_that_does_not_hold_tells_the_values(string code, string says) =>
        Assert.Equal(says, Run(code)?.Says);

    [Fact]
    public void Statements_stand_in_lines_and_a_failure_names_its_own() =>
        Assert.Equal(7, Run("\n  assert 1 # so\n  assert (1 ==\n 1)\n  assert 0\n", line: 3)?.Line);

    [Theory]
    [InlineData("assert", "expected a value, found the end")]
    [InlineData("assert 1 +", "expected a value, found the end")]
    [InlineData("assert (1", "expected ')'")]
    [InlineData("assert 1 2", "'2' is not expected there")]
    [InlineData("import os", "the statement 'import os' is not understood")]
    [InlineData("assert open('x')", "the function 'open' is not known")]
    [InlineData("assert $", "'$' is not understood")]
    [InlineData("", "the code has no statement")]
    [InlineData("assert 99999999999999999999", "the number 99999999999999999999 is too large")]
    public void What_cannot_be_read_is_told_at_once(string code, string problem) =>
        Assert.Contains(
            problem, Assert.Throws<ScriptException>(() => Parse(code, 1)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("assert nobody", "the name 'nobody' has no value here")]
    [InlineData("assert 1 / 0", "division by zero")]
    [InlineData("assert 1 % 0", "division by zero")]
    [InlineData("assert 'a' < 1", "'<' does not go with a string and a number")]
    [InlineData("assert 'a' * 2", "'*' does not go with a string")]
    [InlineData("assert 10 ** 30", "the result of '**' is too large")]
    [InlineData("assert 1 << 80", "the result of '<<' is too large")]
    [InlineData("assert 1 << -1", "the right side of '<<' is negative")]
    [InlineData("assert 1.5 & 1", "'&' does not go with a fraction")]
    [InlineData("assert -'a'", "'-' does not go with a")]
    public void What_cannot_be_evaluated_is_told_when_it_runs(string code, string problem) =>
        Assert.Contains(problem, Assert.Throws<ScriptException>(() => Run(code)).Message, StringComparison.Ordinal);

    [Fact]
    public void Nesting_has_a_limit() => Assert.Contains(
        "nested deeper",
        Assert.Throws<ScriptException>(() => Parse("assert " + new string('(', 500) + "1", 1)).Message,
        StringComparison.Ordinal);

    private static PythonCode Parse(string code, int line) =>
        PythonCode.Parse("x.pkt", new Token(TokenKind.Code, line, code));

    private static (int Line, string Says)? Run(string code, int line = 1) =>
        Parse(code, line).Run(static name => Names.GetValueOrDefault(name));
}
