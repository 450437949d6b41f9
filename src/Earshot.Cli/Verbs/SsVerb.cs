using System.CommandLine;
using Earshot.Cli.Control;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot ss</c>: a stack's sockets as ss prints them; of a listener the two queues.</summary>
internal static class SsVerb
{
    internal static Command Create(Terminal terminal)
    {
        var all = new Option<bool>("-a") { Description = "Every socket." };
        var listeners = new Option<bool>("-l")
        {
            Description = "Listeners only: Recv-Q is the accept queue, Send-Q the backlog.",
        };
        var tcp = new Option<bool>("-t") { Description = "TCP, which is all there is here." };
        var numeric = new Option<bool>("-n") { Description = "Numbers instead of names, as always here." };
        Option<string> stack = Arguments.Stack();
        var command = new Command("ss", "Show the listeners (-nlt) or sockets (-nt, -nat) of a stack that is up.")
        {
            numeric, listeners, tcp, all, stack,
        };
        command.SetAction((parsed, cancellation) => StackQuestion.AskAsync(
            new ControlRequest
            {
                Do = StackService.Ss,
                Sockets = parsed.GetValue(all) ? "all" : parsed.GetValue(listeners) ? "listeners" : "connections",
            },
            parsed.GetRequiredValue(stack),
            terminal,
            cancellation));
        return command;
    }
}
