using System.CommandLine;
using Earshot.Cli.Control;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot usage</c>: what a stack holds now.</summary>
internal static class UsageVerb
{
    internal static Command Create(Terminal terminal)
    {
        Option<string> stack = Arguments.Stack();
        var command = new Command(
            "usage", "Tell what a stack that is up holds: connections, requests, timers, bytes of buffers.")
        {
            stack,
        };
        command.SetAction((parsed, cancellation) => StackQuestion.AskAsync(
            new ControlRequest { Do = StackService.Usage }, parsed.GetRequiredValue(stack), terminal, cancellation));
        return command;
    }
}
