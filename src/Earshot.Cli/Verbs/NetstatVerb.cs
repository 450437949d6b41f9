using System.CommandLine;
using Earshot.Cli.Control;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot netstat</c>: a stack's sockets or counters, as the netstat of its kernel's time prints
/// them.</summary>
internal static class NetstatVerb
{
    internal static Command Create(Terminal terminal)
    {
        var all = new Option<bool>("-a") { Description = "Listeners too." };
        var listeners = new Option<bool>("-l") { Description = "Listeners only." };
        var tcp = new Option<bool>("-t") { Description = "TCP, which is all there is here." };
        var numeric = new Option<bool>("-n") { Description = "Numbers instead of names, as always here." };
        var timers = new Option<bool>("-o") { Description = "Each socket's timer too." };
        var statistics = new Option<bool>("-s") { Description = "Counters instead of sockets." };
        Option<string> stack = Arguments.Stack();
        var command = new Command("netstat", "Show the sockets (-nt, -nat) or counters (-s) of a stack that is up.")
        {
            numeric, tcp, all, listeners, timers, statistics, stack,
        };
        command.SetAction((parsed, cancellation) => StackQuestion.AskAsync(
            new ControlRequest
            {
                Do = parsed.GetValue(statistics) ? StackService.Statistics : StackService.Netstat,
                Sockets = parsed.GetValue(all) ? "all" : parsed.GetValue(listeners) ? "listeners" : "connections",
                Timers = parsed.GetValue(timers),
            },
            parsed.GetRequiredValue(stack),
            terminal,
            cancellation));
        return command;
    }
}
