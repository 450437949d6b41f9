using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Text.Json;
using Earshot.Monitor.Doctoring;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Sampling;

namespace Earshot.Cli.Monitoring;

/// <summary><c>earshot doctor FILE...</c>: the backlog that files ask for against the one that is in force.</summary>
internal static class DoctorVerb
{
    internal static Command Create(Terminal terminal)
    {
        var files = new Argument<string[]>("FILE")
        {
            Description = "Configuration of nginx, Redis, HAProxy, Envoy, PostgreSQL, php-fpm, Kestrel "
                + "(appsettings.json), a systemd .socket, sysctl.d or Kubernetes.",
            Arity = ArgumentArity.OneOrMore,
        };
        Option<bool> all = MonitorOptionsOf.AllNamespaces();
        Option<bool> json = MonitorOptionsOf.Json("The same as one JSON document.");
        var command = new Command(
            "doctor", "Compare the backlog that configuration files ask for with somaxconn and with what runs.")
        {
            files, all, json,
        };
        command.SetAction(parsed => Examine(
            parsed.GetRequiredValue(files), parsed.GetValue(all), parsed.GetValue(json), terminal));
        return command;
    }

    private static int Examine(string[] files, bool allNamespaces, bool json, Terminal terminal)
    {
        using var session = new MonitorSession(
            new MonitorOptions { AllNamespaces = allNamespaces, WithProcesses = false, WithPeaks = false });
        session.Sample();
        bool canRead = session.Sampler.CanRead;
        if (!canRead)
        {
            terminal.Say("what runs is not known: " + string.Join("; ", session.Sampler.Unknown));
        }

        var running = session.History.Namespaces.SelectMany(space => space.Listeners)
            .Select(listener => (listener.Facts, listener.Last.Limit)).ToList();
        IReadOnlyDictionary<string, long> sysctls = session.History.Namespaces
            .FirstOrDefault(space => space.Namespace.Path is null)?.Sysctls ?? new Dictionary<string, long>();
        var diagnoses = new List<Diagnosis>();
        foreach (string file in files)
        {
            ConfigFacts facts = ConfigFile.Read(file, Files.Text(file)) ?? throw new CommandException(
                ExitCode.Usage, $"{file}: not a kind of file that is known here ('earshot doctor --help' lists them)");
            var found = Doctor.Judge(file, facts, running, sysctls).ToList();
            diagnoses.AddRange(found);
            if (found.Count == 0)
            {
                terminal.Say($"{file}: {facts.Kind}, which says nothing of listening");
            }
        }

        if (json)
        {
            terminal.Out.WriteLine(JsonSerializer.Serialize(
                new { Schema = MonitorJson.SchemaVersion, Diagnoses = diagnoses }, MonitorJson.Indented));
        }
        else
        {
            diagnoses.ForEach(diagnosis => Write(diagnosis, canRead, terminal));
        }

        return diagnoses.All(diagnosis => diagnosis.IsFine) ? ExitCode.Fine : ExitCode.Findings;
    }

    private static void Write(Diagnosis one, bool canRead, Terminal terminal)
    {
        string asked = one.Asked switch
        {
            null => $"asks for {one.Why}",
            >= uint.MaxValue => $"asks for all there is ({one.Why})",
            _ => $"asks for {one.Asked} ({one.Why})",
        };
        string live = one.Effective is { } limit ? $", {limit} in force"
            : canRead ? ", nothing runs there" : "";
        terminal.Out.WriteLine(
            $"{one.File}:{one.Line}: {one.What}: {asked}{(one.Why == "set here" ? "" : live)}"
            + (one.IsFine ? "  fine" : ""));
        if (!one.IsFine)
        {
            terminal.Out.WriteLine($"  problem  {one.Problem}");
            terminal.Out.WriteLine($"  next     {one.NextStep}");
        }
    }
}
