using System.Globalization;
using Earshot.Core.Profiles;
using Spectre.Console;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot profiles</c>: the kernels that a stack can behave like.</summary>
internal static class ProfilesVerb
{
    internal static System.CommandLine.Command Create(Terminal terminal)
    {
        var command = new System.CommandLine.Command("profiles", "List the kernels that a stack can behave like.");
        command.SetAction(_ =>
        {
            var table = new Table { Border = TableBorder.Simple };
            table.AddColumns("profile", "release", "largest backlog", "what is particular");
            foreach (KernelProfile profile in KernelProfile.All)
            {
                string name = profile == KernelProfile.Linux618 ? profile.Name + " (default)" : profile.Name;
                table.AddRow(
                    Markup.Escape(name), Markup.Escape(profile.Release),
                    profile.LargestBacklog.ToString(CultureInfo.InvariantCulture),
                    Markup.Escape(profile.Summary));
            }

            terminal.Write(table);
            return ExitCode.Fine;
        });
        return command;
    }
}
