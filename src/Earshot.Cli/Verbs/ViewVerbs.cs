using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Linq;
using Earshot.Cli.Control;
using Earshot.Cli.Monitoring;
using Earshot.Lab.Views;

namespace Earshot.Cli.Verbs;

/// <summary>The verbs that show a stack that is up as a Linux tool would: <c>netstat</c>, <c>ss</c>, <c>nstat</c>,
/// <c>proc</c>, and <c>listeners</c>, which Linux lacks.</summary>
internal static class ViewVerbs
{
    private static readonly (char Flag, string Description)[] Netstat =
    [
        ('a', "Listeners too."),
        ('n', "Numbers instead of names, as always here."),
        ('t', "TCP; without -t and -u both."),
        ('u', "UDP."),
        ('l', "Listeners only."),
        ('o', "Each socket's timer too."),
        ('e', "Each socket's user and inode too."),
        ('s', "Counters instead of sockets."),
        ('4', "IPv4 only."),
        ('6', "IPv6 only."),
    ];

    private static readonly (char Flag, string Description)[] Ss =
    [
        ('a', "Every socket."),
        ('n', "Numbers instead of names, as always here."),
        ('t', "TCP, as without -u."),
        ('u', "UDP; with -t both, and a column that tells them apart."),
        ('l', "Listeners only: Recv-Q is the accept queue, Send-Q the backlog."),
        ('o', "Each socket's timer too."),
        ('e', "Each socket's inode, number and directions too."),
        ('m', "Each socket's memory too."),
        ('i', "What TCP_INFO tells of each socket too."),
        ('O', "Everything of a socket on one line."),
        ('H', "No heading."),
        ('4', "IPv4 only."),
        ('6', "IPv6 only."),
    ];

    private static readonly (char Flag, string Description)[] Nstat =
    [
        ('a', "Counts since the stack was made, as always here."),
        ('z', "Counters that are 0 too."),
        ('s', "Do not update the history, which is not kept here."),
    ];

    internal static IEnumerable<Command> Create(Terminal terminal)
    {
        yield return Create(
            terminal, ViewTool.Netstat, "Show the sockets (-nt, -nat) or counters (-s) of a stack that is up.",
            Netstat);
        yield return Create(
            terminal, ViewTool.Ss,
            "Show the listeners of this host with peaks, SYN_RECV and drops; with --stack or a letter of ss, the "
            + "listeners (-nlt) or sockets (-nt, -nat, -m, -i) of a stack that is up.",
            Ss, host: new HostArguments());
        yield return Create(terminal, ViewTool.Nstat, "Show the counters (-az) of a stack that is up.", Nstat);
        var name = new Argument<string>("NAME")
        {
            Description = $"The file: {string.Join(", ", ProcNet.Names)}.",
        };
        name.AcceptOnlyFromAmong([.. ProcNet.Names]);
        yield return Create(
            terminal, ViewTool.Proc, "Show a file of /proc/net as it would be for a stack that is up.", [], name);
        yield return Create(
            terminal, ViewTool.Listeners,
            "Show what Linux does not tell of listeners: longest queues, waits, who waits now, counters of each.", []);
    }

    private static Command Create(
        Terminal terminal, ViewTool tool, string description, (char Flag, string Description)[] flags,
        Argument<string>? name = null, HostArguments? host = null)
    {
        var command = new Command(tool.ToString().ToLowerInvariant(), description);
        if (name is not null)
        {
            command.Add(name);
        }

        (char Flag, Option<bool> Option)[] options = [.. flags.Select(flag =>
            (flag.Flag, new Option<bool>($"-{flag.Flag}") { Description = flag.Description }))];
        foreach ((_, Option<bool> option) in options)
        {
            command.Add(option);
        }

        var json = new Option<bool>("--json") { Description = "The same as JSON." };
        Option<string> stack = Arguments.Stack();
        command.Add(json);
        command.Add(stack);
        host?.AddTo(command);
        command.Validators.Add(result =>
        {
            if (host is not null && !IsOfHost(result, options, stack) && host.FirstOf(result) is { } given)
            {
                result.AddError(
                    $"{given} is for this host's listeners: --stack or a letter asks a stack that is up");
            }
        });
        command.SetAction((parsed, cancellation) => host is not null && IsOfHost(parsed.CommandResult, options, stack)
            ? host.ShowAsync(parsed, parsed.GetValue(json), terminal, cancellation)
            : StackQuestion.AskAsync(
            new ControlRequest
            {
                Do = ViewService.View,
                Tool = command.Name,
                Flags = new string([.. options.Where(o => parsed.GetValue(o.Option)).Select(o => o.Flag)]),
                Name = name is null ? null : parsed.GetValue(name),
                Json = parsed.GetValue(json),
            },
            parsed.GetRequiredValue(stack),
            terminal,
            cancellation));
        return command;
    }

    // A letter of ss or a stack's name asks a stack of ours; without either it is this host's kernel.
    private static bool IsOfHost(
        CommandResult parsed, (char Flag, Option<bool> Option)[] letters, Option<string> stack) =>
        parsed.GetResult(stack) is null or { Implicit: true }
        && !letters.Any(one => parsed.GetResult(one.Option) is { Implicit: false });
}
