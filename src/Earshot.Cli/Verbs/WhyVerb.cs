using System.CommandLine;
using Earshot.Cli.Control;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot why PORT</c>: what the rules of a stack said about a port, and why each connection is where it
/// is.</summary>
internal static class WhyVerb
{
    internal static Command Create(Terminal terminal)
    {
        Argument<int> port = Arguments.Number("PORT", "The port, 1 to 65535.", 1, ushort.MaxValue);
        Option<string> stack = Arguments.Stack();
        var command = new Command("why", "Tell why the connections and requests of a port are where they are.")
        {
            port, stack,
        };
        command.SetAction((parsed, cancellation) => StackQuestion.AskAsync(
            new ControlRequest { Do = StackService.Why, Port = parsed.GetValue(port) },
            parsed.GetRequiredValue(stack),
            terminal,
            cancellation));
        return command;
    }
}
