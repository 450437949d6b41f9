using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Cli.Relaying;
using Earshot.Links;
using Earshot.Simulation;
using Earshot.Simulation.Rules;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot relay</c>: a bad wire between two TUN devices, for systems without netem.</summary>
internal static class RelayVerb
{
    private const int DefaultLimit = 10_000;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);

    internal static Command Create(Terminal terminal)
    {
        Option<string> a = Device("--a", "The TUN device at one end; it is made when there is none (root).");
        Option<string> b = Device("--b", "The TUN device at the other end.");
        Option<int?> mtu = Arguments.NumberOption("--mtu", "BYTES", "MTU of devices that are made.", 68, 65535);
        Option<double> loss = Arguments.Share("--loss", "Packets that are lost, as 1% or 0.01.");
        Option<double> duplicate = Arguments.Share("--duplicate", "Packets that come twice.");
        Option<double> corrupt = Arguments.Share("--corrupt", "Packets of which one bit is turned over.");
        Option<double> reorder = Arguments.Share(
            "--reorder", "Packets that others overtake, up to --reorder-by later.");
        Option<TimeSpan> reorderBy = Time("--reorder-by", "How much later such a packet comes at most.", "5ms");
        Option<TimeSpan> delay = Time("--delay", "How long every packet takes, each way, as 25ms.", "0ms");
        Option<TimeSpan> jitter = Time(
            "--jitter", "The most that is added to the delay, drawn for each packet (and so reordering them).", "0ms");
        Option<int?> limit = Arguments.NumberOption(
            "--limit", "N", $"Packets on the way at most, each way; more are lost. {DefaultLimit} unless given.", 1,
            1_000_000);
        Option<ulong?> seed = Arguments.Seed(
            "The seed: with the same, the packets of the same numbers are lost. 1 unless given.");
        var command = new Command(
            "relay", "Join two TUN devices by a wire that delays, loses, doubles and reorders packets (root).")
        {
            a, b, mtu, loss, duplicate, corrupt, reorder, reorderBy, delay, jitter, limit, seed,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            new RelayOptions(
                parsed.GetRequiredValue(a), parsed.GetRequiredValue(b), parsed.GetValue(mtu) ?? 1500,
                new WireOptions
                {
                    Latency = parsed.GetValue(delay),
                    Rules = RulesOf(
                        parsed.GetValue(duplicate), parsed.GetValue(corrupt), parsed.GetValue(loss),
                        (parsed.GetValue(reorder), parsed.GetValue(reorderBy)), parsed.GetValue(jitter)),
                },
                parsed.GetValue(limit) ?? DefaultLimit, parsed.GetValue(seed) ?? 1),
            terminal,
            cancellation));
        return command;
    }

    // In this order: loss is drawn from the packet's number alone, and each copy has a delay of its own.
    private static List<IRule> RulesOf(
        double duplicate, double corrupt, double loss, (double Share, TimeSpan By) reorder, TimeSpan jitter)
    {
        var rules = new List<IRule>();
        AddIf(loss > 0, new Loss(loss));
        AddIf(duplicate > 0, new Duplicate(duplicate));
        AddIf(corrupt > 0, new Corrupt(corrupt));
        AddIf(reorder.Share > 0, new Reorder(reorder.Share, reorder.By));
        AddIf(jitter > TimeSpan.Zero, new Delay(TimeSpan.Zero, jitter));
        return rules;

        void AddIf(bool wanted, IRule rule)
        {
            if (wanted)
            {
                rules.Add(rule);
            }
        }
    }

    private static async Task<int> RunAsync(RelayOptions options, Terminal terminal, CancellationToken cancellation)
    {
        using var end = new EndSignal(cancellation);
        using ILink first = Open(options.A, options.Mtu);
        using ILink second = Open(options.B, options.Mtu);
        var one = new RelayEnd(first, new RealWire(options.Wire, options.Seed, 0), options.Limit);
        var other = new RelayEnd(second, new RealWire(options.Wire, options.Seed, 1), options.Limit);
        RelayEnd.Start(one, other);
        terminal.Say($"relaying between {first.Name} and {second.Name}, seed {options.Seed}; Ctrl-C ends it");
        Task ended = end.WaitAsync();
        while (await Task.WhenAny(ended, Task.Delay(Look, CancellationToken.None)).ConfigureAwait(false) != ended
            && !one.IsGone && !other.IsGone && one.Failure is null && other.Failure is null)
        {
        }

        one.Stop();
        other.Stop();
        terminal.Say(Account(first.Name, one, other));
        terminal.Say(Account(second.Name, other, one));
        if ((one.Failure ?? other.Failure) is { } failure)
        {
            throw new InvalidOperationException("the relay broke", failure);
        }

        return one.IsGone || other.IsGone
            ? throw new CommandException(ExitCode.CannotRunHere, "a device of the relay was deleted") : ExitCode.Fine;
    }

    private static string Account(string name, RelayEnd end, RelayEnd other) =>
        $"from {name}: {end.Wire.Sent} packets, {end.Wire.Dropped} lost, {end.Wire.Duplicated} doubled, "
        + $"{end.Wire.Damaged} damaged, {end.OverLimit} over the limit, {other.Delivered} delivered";

    private static TunLink Open(string name, int mtu)
    {
        try
        {
            return TunLink.Open(name, new TunOptions { Mtu = mtu });
        }
        catch (ArgumentException e)
        {
            throw new CommandException(ExitCode.Usage, $"{name}: {e.Message}");
        }
    }

    private static Option<string> Device(string name, string description) => new(name)
    {
        HelpName = "DEV",
        Required = true,
        Description = description,
    };

    private static Option<TimeSpan> Time(string name, string description, string usual) => new(name)
    {
        HelpName = "TIME",
        Description = $"{description} {usual} unless given.",
        DefaultValueFactory = _ => ToTime(usual).GetValueOrDefault(),
        CustomParser = result => Arguments.Parse<TimeSpan>(
            result, ToTime, text => $"{name} is '{text}', not a time such as 25ms, 500us or 1s").GetValueOrDefault(),
    };

    private static TimeSpan? ToTime(string text)
    {
        const double Longest = 3600;
        (double unit, int length) = text switch
        {
            _ when text.EndsWith("us", StringComparison.Ordinal) => (1e-6, 2),
            _ when text.EndsWith("ms", StringComparison.Ordinal) => (1e-3, 2),
            _ when text.EndsWith('s') => (1.0, 1),
            _ => (0.0, 0),
        };
        return length > 0 && double.TryParse(
            text[..^length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)
            && value * unit <= Longest ? TimeSpan.FromSeconds(value * unit) : null;
    }

    private sealed record RelayOptions(string A, string B, int Mtu, WireOptions Wire, int Limit, ulong Seed);
}
