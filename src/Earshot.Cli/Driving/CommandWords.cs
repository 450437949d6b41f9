using System;
using System.Globalization;
using Earshot.Core.Wire;

namespace Earshot.Cli.Driving;

/// <summary>The words of a command, taken one after the other; each that does not fit ends the command with
/// EINVAL.</summary>
/// <param name="words">The words, the command's name first.</param>
/// <param name="usage">How the command is written, for messages.</param>
internal sealed class CommandWords(string[] words, string usage)
{
    /// <summary>The longest time that a command may be told to wait: a day.</summary>
    internal const int LongestWait = 86_400;

    private int _next = 1;

    /// <summary>Whether all words were taken.</summary>
    internal bool IsAtEnd => _next == words.Length;

    /// <summary>The next word, whatever it is.</summary>
    internal string Take(string what) =>
        IsAtEnd ? throw DriveException.Argument($"{what} is missing: {usage}") : words[_next++];

    /// <summary>The words that are left, with a blank between them; null when there are none.</summary>
    internal string? TakeRest()
    {
        string? rest = IsAtEnd ? null : string.Join(' ', words[_next..]);
        _next = words.Length;
        return rest;
    }

    /// <summary>A whole number within bounds.</summary>
    internal int TakeNumber(string what, int least, int most)
    {
        string word = Take(what);
        return int.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
            && number >= least && number <= most
                ? number
                : throw DriveException.Argument($"{what} is '{word}', not a whole number from {least} to {most}");
    }

    /// <summary>A port.</summary>
    internal ushort TakePort(string what) => (ushort)TakeNumber(what, 0, ushort.MaxValue);

    /// <summary>An address and a port.</summary>
    internal InetEndpoint TakeEndpoint()
    {
        string word = Take("IP");
        return InetAddress.TryParse(word, out InetAddress address)
            ? new InetEndpoint(address, TakePort("PORT"))
            : throw DriveException.Argument($"IP is '{word}', not an IPv4 or IPv6 address");
    }

    /// <summary>Seconds; what is left out counts as the default.</summary>
    internal TimeSpan TakeSeconds(string what, double? byDefault = null)
    {
        if (IsAtEnd && byDefault is { } seconds)
        {
            return TimeSpan.FromSeconds(seconds);
        }

        string word = Take(what);
        return double.TryParse(word, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out seconds)
            && seconds <= LongestWait
                ? TimeSpan.FromSeconds(seconds)
                : throw DriveException.Argument($"{what} is '{word}', not seconds from 0 to {LongestWait}");
    }

    /// <summary>Bytes as pairs of hexadecimal digits.</summary>
    internal byte[] TakeHex()
    {
        string word = Take("HEX");
        try
        {
            return Convert.FromHexString(word);
        }
        catch (FormatException)
        {
            throw DriveException.Argument("HEX is not pairs of hexadecimal digits");
        }
    }

    /// <summary>Ends the command with EINVAL when words are left.</summary>
    internal void End()
    {
        if (!IsAtEnd)
        {
            throw DriveException.Argument($"'{words[_next]}' is one word too many: {usage}");
        }
    }
}
