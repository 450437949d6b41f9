using System.Collections.Generic;
using System.CommandLine;
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
        var all = new Option<bool>("--all")
        {
            Description = "Those too that hold the stack to a kernel, one behaviour each.",
        };
        var command = new Command("list", "List the plans that come with the lab.") { all };
        command.SetAction(parsed =>
        {
            var table = new Table { Border = TableBorder.Simple };
            table.AddColumns("plan", "what it shows", "looks at (s)");
            IEnumerable<string> names = parsed.GetValue(all)
                ? PlanCatalog.All : PlanCatalog.Names;
            foreach (Plan plan in names.Select(PlanCatalog.Load))
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
