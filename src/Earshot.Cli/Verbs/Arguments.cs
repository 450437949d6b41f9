using System;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Linq;
using Earshot.Cli.Control;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;

namespace Earshot.Cli.Verbs;

/// <summary>Options and arguments that several verbs have; what they do not understand is a usage error.</summary>
internal static class Arguments
{
    // What inet_pton() of the article's programs leaves behind when it is given a name: 0.0.0.0.
    private const string Localhost = "localhost";

    /// <summary><c>--stack NAME</c>: which of the stacks that are up.</summary>
    internal static Option<string> Stack() => Named(
        "--stack", "The stack to ask, as it was named with 'up --name' or 'serve --name'.");

    /// <summary><c>--name NAME</c>: the name of the stack that is started.</summary>
    internal static Option<string> Name() => Named(
        "--name", "The stack's name, by which the commands in other terminals find it (--stack).");

    /// <summary><c>--profile P</c>: the kernel to behave like.</summary>
    internal static Option<KernelProfile> Profile() => new("--profile")
    {
        HelpName = "PROFILE",
        Description = "The kernel to behave like: " + string.Join(", ", KernelProfile.All.Select(p => p.Name)) + ".",
        DefaultValueFactory = _ => KernelProfile.Linux618,
        CustomParser = result => Parse(
            result,
            text => KernelProfile.TryFind(text, out KernelProfile profile) ? profile : null,
            text => $"unknown profile '{text}'; known are {string.Join(", ", KernelProfile.All.Select(p => p.Name))}"),
    };

    /// <summary>An address as the article's programs take it: four numbers, or <c>localhost</c>, which is
    /// 0.0.0.0; or an IPv6 address.</summary>
    internal static Argument<InetAddress> Address(string description) => new("IP")
    {
        Description = description,
        CustomParser = result => Parse<InetAddress>(
            result,
            text => text == Localhost ? InetAddress.Any : InetAddress.TryParse(text, out InetAddress a) ? a : null,
            text => $"'{text}' is not an IPv4 address (four numbers from 0 to 255 with dots), not an IPv6 address and "
                + "not localhost")
            .GetValueOrDefault(),
    };

    /// <summary>A whole number within bounds.</summary>
    internal static Argument<int> Number(string name, string description, int least, int most) => new(name)
    {
        Description = description,
        CustomParser = result => Parse<int>(
            result, text => ToNumber(text, least, most), text => $"{name} is '{text}', not {Bounds(least, most)}")
            .GetValueOrDefault(),
    };

    /// <summary>An option that is a whole number within bounds.</summary>
    internal static Option<int?> NumberOption(string name, string helpName, string description, int least, int most) =>
        new(name)
        {
            HelpName = helpName,
            Description = description,
            CustomParser = result => Parse<int>(
                result, text => ToNumber(text, least, most), text => $"{name} is '{text}', not {Bounds(least, most)}"),
        };

    /// <summary>An option that is a time in minutes, more than none.</summary>
    internal static Option<double?> MinutesOption(string name, string description, double most) => new(name)
    {
        HelpName = "N",
        Description = description,
        CustomParser = result => Parse<double>(
            result,
            text => double.TryParse(
                text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double minutes)
                && minutes > 0 && minutes <= most ? minutes : null,
            text => $"{name} is '{text}', not a number that is more than 0 and at most {most}"),
    };

    /// <summary>An option that is a part of a whole, as 1% or 0.01; 0 unless given.</summary>
    internal static Option<double> Share(string name, string description) => new(name)
    {
        HelpName = "SHARE",
        Description = description,
        CustomParser = result => Parse<double>(
            result, ToShare, text => $"{name} is '{text}', not a share such as 1% or 0.01").GetValueOrDefault(),
    };

    /// <summary><c>--seed N</c>.</summary>
    internal static Option<ulong?> Seed(string description) => new("--seed")
    {
        HelpName = "N",
        Description = description,
        CustomParser = result => Parse<ulong>(
            result,
            text => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong n) ? n : null,
            text => $"--seed is '{text}', not a whole number from 0 to {ulong.MaxValue}"),
    };

    /// <summary>Reads the one token of an option or argument.</summary>
    internal static T? Parse<T>(ArgumentResult result, Func<string, T?> read, Func<string, string> problem)
        where T : struct
    {
        string text = result.Tokens[^1].Value;
        if (read(text) is { } value)
        {
            return value;
        }

        result.AddError(problem(text));
        return default;
    }

    /// <summary>Reads the one token of an option or argument.</summary>
    internal static T Parse<T>(ArgumentResult result, Func<string, T?> read, Func<string, string> problem)
        where T : class
    {
        string text = result.Tokens[^1].Value;
        if (read(text) is { } value)
        {
            return value;
        }

        result.AddError(problem(text));
        return null!; // Nobody looks at the value: the command ends with the error.
    }

    private static Option<string> Named(string option, string description) => new(option)
    {
        HelpName = "NAME",
        Description = description,
        DefaultValueFactory = _ => ControlFolder.DefaultName,
        CustomParser = result => Parse(result, text => ControlFolder.IsName(text) ? text : null, text =>
            $"'{text}' cannot be a stack's name: 1 to 32 letters, digits, dots, dashes and underscores, no dot first"),
    };

    private static int? ToNumber(string text, int least, int most) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int n)
            && n >= least && n <= most ? n : null;

    private static double? ToShare(string text)
    {
        bool isPercent = text.EndsWith('%');
        return double.TryParse(
            isPercent ? text[..^1] : text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
            out double value) && value / (isPercent ? 100 : 1) <= 1 ? value / (isPercent ? 100 : 1) : null;
    }

    private static string Bounds(int least, int most) => $"a whole number from {least} to {most}";

    /// <summary>Reads an address with its prefix's length; null when it is none.</summary>
    internal static InterfaceAddress? ToPrefix(string text)
    {
        try
        {
            return InterfaceAddress.Parse(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
