using System;
using System.CommandLine;
using Earshot.Cli.Control;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot sysctl NAME[=VALUE]</c>: reads or sets a tunable of a stack that is up.</summary>
internal static class SysctlVerb
{
    internal static Command Create(Terminal terminal)
    {
        var setting = new Argument<string?>("NAME[=VALUE]")
        {
            Description = "The name, as net.core.somaxconn, and after = the value that it gets.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var all = new Option<bool>("-a") { Description = "All of them." };
        var write = new Option<bool>("-w") { Description = "Set a value; it is not needed." };
        Option<string> stack = Arguments.Stack();
        var command = new Command("sysctl", "Show or set a tunable of a stack that is up; it takes effect as on Linux.")
        {
            setting, all, write, stack,
        };
        command.Validators.Add(result =>
        {
            string? text = result.GetValue(setting);
            bool listsAll = result.GetValue(all);
            if (text is null && !listsAll)
            {
                result.AddError("sysctl takes NAME, NAME=VALUE or -a");
            }
            else if (text is not null && (listsAll || text.StartsWith('=')))
            {
                result.AddError($"sysctl takes NAME, NAME=VALUE or -a, not '{text}'{(listsAll ? " and -a" : "")}");
            }
        });
        command.SetAction((parsed, cancellation) => StackQuestion.AskAsync(
            Request(parsed.GetValue(setting)), parsed.GetRequiredValue(stack), terminal, cancellation));
        return command;
    }

    private static ControlRequest Request(string? setting)
    {
        if (setting is null)
        {
            return new ControlRequest { Do = StackService.Sysctls };
        }

        int equals = setting.IndexOf('=', StringComparison.Ordinal);
        return new ControlRequest
        {
            Do = StackService.Sysctl,
            Name = (equals < 0 ? setting : setting[..equals]).Trim(),
            Value = equals < 0 ? null : setting[(equals + 1)..].Trim(),
        };
    }
}
