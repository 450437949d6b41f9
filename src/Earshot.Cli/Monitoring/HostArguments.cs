using System;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Threading;
using System.Threading.Tasks;

namespace Earshot.Cli.Monitoring;

/// <summary>What <c>earshot ss</c> takes when it is asked for this host's listeners.</summary>
internal sealed class HostArguments
{
    private static readonly TimeSpan UsualLength = TimeSpan.FromSeconds(1);

    private readonly Argument<string?> _what = MonitorOptionsOf.What();
    private readonly Option<bool> _all = MonitorOptionsOf.AllNamespaces();
    private readonly Option<TimeSpan?> _length = MonitorOptionsOf.Length(
        "How long to look for peaks and the rate of drops; 0s is a single look.", UsualLength);

    internal void AddTo(Command command)
    {
        command.Add(_what);
        command.Add(_all);
        command.Add(_length);
    }

    /// <summary>The first of these that a command line has, in words; null when it has none.</summary>
    internal string? FirstOf(CommandResult result) =>
        result.GetResult(_what) is { Tokens.Count: > 0 } what
            ? $"'{what.Tokens[0].Value}' is no option here, and WHAT"
        : result.GetResult(_all) is { Implicit: false } ? _all.Name
        : result.GetResult(_length) is { Implicit: false } ? _length.Name
        : null;

    internal Task<int> ShowAsync(ParseResult parsed, bool json, Terminal terminal, CancellationToken cancellation) =>
        HostListeners.ShowAsync(
            parsed.GetValue(_what), parsed.GetValue(_length) ?? UsualLength, parsed.GetValue(_all), json, terminal,
            cancellation);
}
