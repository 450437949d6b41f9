using System;
using System.CommandLine;
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

    internal Task<int> ShowAsync(ParseResult parsed, bool json, Terminal terminal, CancellationToken cancellation) =>
        HostListeners.ShowAsync(
            parsed.GetValue(_what), parsed.GetValue(_length) ?? UsualLength, parsed.GetValue(_all), json, terminal,
            cancellation);
}
