using System.Linq;
using Earshot.Lab.Experiments;
using Spectre.Console;
using Command = System.CommandLine.Command;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot lab list</c>: the plans that come with the lab.</summary>
internal static class LabListVerb
{
    internal static Command Create(Terminal terminal)
    {
        var command = new Command("list", "List the plans that come with the lab.");
        command.SetAction(_ =>
        {
            var table = new Table { Border = TableBorder.Simple };
            table.AddColumns("plan", "what it shows", "looks at (s)");
            foreach (Plan plan in PlanCatalog.Names.Select(PlanCatalog.Load))
            {
                string looks = string.Join(' ', plan.Looks.Select(look => LabTables.Number(look.TotalSeconds)));
                table.AddRow(Markup.Escape(plan.Name), Markup.Escape(plan.Title), looks);
            }

            terminal.Write(table);
            return ExitCode.Fine;
        });
        return command;
    }
}
