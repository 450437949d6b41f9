using System.Collections.Generic;
using System.CommandLine;

namespace Earshot.Cli.Monitoring;

/// <summary>The verbs that look at this host's kernel rather than at a stack.</summary>
internal static class MonitorVerbs
{
    internal static IEnumerable<Command> Create(Terminal terminal)
    {
        yield return CheckVerb.Create(terminal);
        yield return WatchVerb.Create(terminal);
        yield return ExplainVerb.Create(terminal);
        yield return DoctorVerb.Create(terminal);
        yield return SizeVerb.Create(terminal);
        yield return WebVerbs.CreateExport(terminal);
        yield return WebVerbs.CreateDashboard(terminal);
        yield return RecordVerb.Create(terminal);
        yield return ReplayVerb.Create(terminal);
    }
}
