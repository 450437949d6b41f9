using System;
using System.Globalization;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Packetdrill;

/// <summary>Reads the command that puts a token bucket before the device:
/// <c>tc qdisc replace dev tun0 root tbf rate NUMBERkbit burst BYTES</c>.</summary>
internal static class BucketCommand
{
    private const string Form = "tc qdisc replace dev tun0 root tbf rate ";

    /// <summary>Reads a command.</summary>
    /// <exception cref="ScriptException">It is something else.</exception>
    public static TokenBucket Parse(Lexer lexer, Token token)
    {
        string[] words = token.Text.Trim().Split(' ');
        string[] form = Form.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        const string Unit = "kbit";
        if (words.Length != form.Length + 3 || !words.AsSpan(0, form.Length).SequenceEqual(form)
            || !words[form.Length].EndsWith(Unit, StringComparison.Ordinal)
            || !TryRead(words[form.Length][..^Unit.Length], out int rate)
            || words[form.Length + 1] != "burst" || !TryRead(words[form.Length + 2], out int burst))
        {
            throw lexer.Error(token.Line, $"the command is not '{Form}NUMBERkbit burst BYTES'");
        }

        return new TokenBucket(rate * 1000L, burst);
    }

    private static bool TryRead(string word, out int number) =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number > 0;
}
