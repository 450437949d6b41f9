using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Lab.Claims;

namespace Earshot.Cli.Verbs;

/// <summary><c>earshot lab claims</c>: what the five articles claim, and what an experiment says to it.</summary>
internal static class LabClaimsVerb
{
    internal static Command Create(Terminal terminal)
    {
        Option<int?> number = Arguments.NumberOption("--claim", "N", "Only this claim, 1 to 49.", 1, 49);
        var command = new Command(
            "claims", "Try every claim of the articles: for which kernels it holds, and what an experiment shows.")
        {
            number,
        };
        command.SetAction((parsed, cancellation) =>
        {
            using var end = new EndSignal(cancellation);
            return Task.FromResult(Run(parsed.GetValue(number), terminal, end.Token));
        });
        return command;
    }

    private static int Run(int? number, Terminal terminal, CancellationToken cancellation)
    {
        Claim[] claims = [.. ClaimCatalog.All.Where(claim => number is null || claim.Number == number)];
        var results = new List<ClaimResult>();
        foreach (ClaimResult result in ClaimCatalog.Run(claims, cancellation))
        {
            results.Add(result);
            Write(terminal, result);
        }

        int wrong = results.Count(result => !result.Confirms);
        terminal.Out.WriteLine(
            $"{results.Count} claims: {Of(Judgement.Holds)} hold, {Of(Judgement.HoldsInPart)} in part, "
            + $"{Of(Judgement.Fails)} do not, {Of(Judgement.Prose)} only prose can decide; "
            + $"{results.Count(result => result.Skipped)} could not run here, {wrong} judgements not confirmed");
        return wrong == 0 ? ExitCode.Fine : ExitCode.Findings;

        int Of(Judgement judgement) => results.Count(result => result.Claim.Judgement == judgement);
    }

    private static void Write(Terminal terminal, ClaimResult result)
    {
        Claim claim = result.Claim;
        string judged = claim.Judgement switch
        {
            Judgement.Holds => "holds",
            Judgement.HoldsInPart => "holds in part",
            Judgement.Fails => "does not hold",
            _ => "only prose can decide",
        };
        terminal.Out.WriteLine($"{claim.Number,2} ({claim.Article}) {claim.Text}");
        terminal.Out.WriteLine($"     {judged}: {claim.Kernels}");
        terminal.Out.WriteLine($"     measured: {result.Measured}");
        if (!result.Confirms)
        {
            terminal.Out.WriteLine($"     NOT CONFIRMED: it would be: {claim.Expected}");
        }
    }
}
