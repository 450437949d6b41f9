using System;
using System.Collections.Generic;
using System.Globalization;
using Earshot.Core.Wire;

namespace Earshot.Lab.Experiments;

/// <summary>Reads a plan file: one <c>key = value</c> a line, in sections.</summary>
/// <remarks>
/// Before the first section: <c>name</c>, <c>title</c>, <c>look</c>, <c>seed</c>. <c>[host]</c>: sysctls by their Linux
/// names. <c>[listen]</c>: <c>address</c>, <c>port</c>, <c>backlog</c>. <c>[clients]</c>: <c>address</c>, <c>port</c>,
/// <c>count</c>, <c>mode</c>. <c>[steps]</c> instead of clients: <c>MOMENT = VERB NAMES WORDS</c>, as often as
/// wanted; docs/lab/plans.md lists the verbs. A <c>#</c> at the start of a line makes it a comment. Every limit is in
/// <see cref="PlanLimits"/>.
/// </remarks>
public static class PlanReader
{
    private static readonly string[] TopKeys = ["name", "title", "look", "seed"];
    private static readonly string[] ListenKeys = ["address", "port", "backlog"];
    private static readonly string[] ClientKeys = ["address", "port", "count", "mode"];

    /// <summary>Reads a plan.</summary>
    /// <param name="file">The name to put before errors.</param>
    /// <param name="text">The file's text.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="PlanException">The text is not a plan.</exception>
    public static Plan Read(string file, string text)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > PlanLimits.MaxFileLength)
        {
            throw new PlanException(file, 0, $"a plan has at most {PlanLimits.MaxFileLength} bytes (MaxFileLength)");
        }

        var sections = new Sections(file);
        int number = 0;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            sections.Add(++number, line);
        }

        return new Builder(file, sections).Build();
    }

    // The name becomes a path below /proc/sys on a host target: two dots or a slash must not get there.
    internal static bool IsSysctlName(string name)
    {
        bool known = name.StartsWith("net.ipv4.", StringComparison.Ordinal)
            || name.StartsWith("net.ipv6.", StringComparison.Ordinal)
            || name.StartsWith("net.core.", StringComparison.Ordinal);
        foreach (char c in name)
        {
            known &= char.IsAsciiLetterOrDigit(c) || c is '_' or '.';
        }

        return known && !name.Contains("..", StringComparison.Ordinal) && name[^1] != '.';
    }

    /// <summary>A value and the line on which it stands.</summary>
    private readonly record struct Entry(string Key, string Value, int Line);

    /// <summary>The lines sorted into sections, each key at most once in its section.</summary>
    private sealed class Sections(string file)
    {
        private string _current = "";

        public Dictionary<string, List<Entry>> All { get; } = new(StringComparer.Ordinal) { [""] = [] };

        public Dictionary<string, int> Starts { get; } = new(StringComparer.Ordinal);

        public int LastLine { get; private set; }

        public void Add(int number, ReadOnlySpan<char> raw)
        {
            if (raw.Length > PlanLimits.MaxLineLength)
            {
                throw new PlanException(
                    file, number, $"a line has at most {PlanLimits.MaxLineLength} characters (MaxLineLength)");
            }

            ReadOnlySpan<char> line = raw.Trim();
            if (line.IsEmpty || line[0] == '#')
            {
                return;
            }

            LastLine = number;
            if (line[0] == '[')
            {
                Open(number, line);
                return;
            }

            int equals = line.IndexOf('=');
            if (equals <= 0)
            {
                throw new PlanException(file, number, $"expected 'key = value' or '[section]', not '{line}'");
            }

            AddEntry(new Entry(
                line[..equals].TrimEnd().ToString(), line[(equals + 1)..].TrimStart().ToString(), number));
        }

        private void Open(int number, ReadOnlySpan<char> line)
        {
            string name = line[^1] == ']' ? line[1..^1].Trim().ToString() : "";
            if (name is not ("host" or "listen" or "clients" or "steps"))
            {
                throw new PlanException(file, number, $"expected [host], [listen], [clients] or [steps], not '{line}'");
            }

            if (!Starts.TryAdd(name, number))
            {
                string problem = name == "host"
                    ? $"expected at most {PlanLimits.MaxHosts} [host] (MaxHosts); there is one on line {Starts[name]}"
                    : $"expected one [{name}]; there is one on line {Starts[name]}";
                throw new PlanException(file, number, problem);
            }

            All[name] = [];
            _current = name;
        }

        private void AddEntry(Entry entry)
        {
            if (entry.Value.Length == 0)
            {
                throw new PlanException(file, entry.Line, $"expected a value after '{entry.Key} ='");
            }

            List<Entry> entries = All[_current];
            int before = entries.FindIndex(e => e.Key == entry.Key);
            if (before >= 0 && _current != "steps")
            {
                throw new PlanException(
                    file, entry.Line, $"expected '{entry.Key}' once; it stands on line {entries[before].Line} already");
            }

            entries.Add(entry);
        }
    }

    /// <summary>Turns the sections into a plan.</summary>
    private sealed class Builder(string file, Sections sections)
    {
        public Plan Build()
        {
            Dictionary<string, Entry> top = Known("", TopKeys);
            string name = Name(Need(top, "", "name"));
            IReadOnlyList<PlanStep> steps = Steps();
            return new Plan
            {
                Name = name,
                Title = top.TryGetValue("title", out Entry title) ? Title(title) : name,
                Hosts = [new HostPlan("host", Sysctls())],
                Steps = steps,
                Listen = steps.Count > 0 ? Plan.NoListen : Listen(),
                Clients = steps.Count > 0 ? Plan.NoClients : Clients(),
                Looks = Looks(Need(top, "", "look")),
                Seed = top.TryGetValue("seed", out Entry seed) ? Seed(seed) : 1,
            };
        }

        private ListenPlan Listen()
        {
            Dictionary<string, Entry> listen = Known("listen", ListenKeys);
            return new ListenPlan(
                Address(Need(listen, "listen", "address")),
                (int)Number(Need(listen, "listen", "port"), 1, 65535),
                (int)Number(Need(listen, "listen", "backlog"), int.MinValue, int.MaxValue));
        }

        private ClientsPlan Clients()
        {
            Dictionary<string, Entry> clients = Known("clients", ClientKeys);
            return new ClientsPlan(
                ClientAddress(Need(clients, "clients", "address")),
                (int)Number(Need(clients, "clients", "port"), 1, 65535),
                (int)Number(Need(clients, "clients", "count"), 1, PlanLimits.MaxClients),
                clients.TryGetValue("mode", out Entry mode) ? Mode(mode) : ClientMode.OneAfterAnother);
        }

        private List<PlanStep> Steps()
        {
            var steps = new List<PlanStep>();
            if (!sections.All.TryGetValue("steps", out List<Entry>? entries))
            {
                return steps;
            }

            foreach (string other in (string[])["listen", "clients"])
            {
                if (sections.Starts.TryGetValue(other, out int line))
                {
                    throw new PlanException(file, line, $"expected [steps] or [{other}], not both");
                }
            }

            foreach (Entry entry in entries)
            {
                StepReader.Read(file, entry.Line, entry.Key, entry.Value, steps);
            }

            return steps.Count > 0
                ? steps
                : throw new PlanException(file, sections.Starts["steps"], "expected at least one step in [steps]");
        }

        private Dictionary<string, Entry> Known(string section, string[] keys)
        {
            var found = new Dictionary<string, Entry>(StringComparer.Ordinal);
            if (!sections.All.TryGetValue(section, out List<Entry>? entries))
            {
                throw new PlanException(file, sections.LastLine, $"expected a section [{section}] in the file");
            }

            foreach (Entry entry in entries)
            {
                if (Array.IndexOf(keys, entry.Key) < 0)
                {
                    string where = section.Length == 0 ? "before the first section" : $"in [{section}]";
                    throw new PlanException(
                        file, entry.Line, $"expected one of {string.Join(", ", keys)} {where}, not '{entry.Key}'");
                }

                found.Add(entry.Key, entry);
            }

            return found;
        }

        private Entry Need(Dictionary<string, Entry> entries, string section, string key)
        {
            if (entries.TryGetValue(key, out Entry entry))
            {
                return entry;
            }

            throw section.Length == 0
                ? new PlanException(file, 1, $"expected '{key} = ...' before the first section")
                : new PlanException(file, sections.Starts[section], $"expected '{key} = ...' in [{section}]");
        }

        private PlanException Wrong(Entry entry, string expected) =>
            new(file, entry.Line, $"expected {expected} for '{entry.Key}', not '{entry.Value}'");

        private string Name(Entry entry)
        {
            foreach (char c in entry.Value)
            {
                if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.'))
                {
                    throw Wrong(entry, "letters, digits, '-', '_' and '.'");
                }
            }

            return entry.Value.Length <= PlanLimits.MaxNameLength
                ? entry.Value
                : throw Wrong(entry, $"at most {PlanLimits.MaxNameLength} characters (MaxNameLength)");
        }

        private string Title(Entry entry) => entry.Value.Length <= PlanLimits.MaxTitleLength
            ? entry.Value
            : throw Wrong(entry, $"at most {PlanLimits.MaxTitleLength} characters (MaxTitleLength)");

        private long Number(Entry entry, long least, long most) =>
            long.TryParse(entry.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            && number >= least && number <= most
                ? number
                : throw Wrong(entry, $"a whole number from {least} to {most}");

        private ulong Seed(Entry entry) =>
            ulong.TryParse(entry.Value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
                ? seed
                : throw Wrong(entry, $"a whole number from 0 to {ulong.MaxValue}");

        private InetAddress Address(Entry entry) =>
            InetAddress.TryParse(entry.Value, out InetAddress address)
                ? address
                : throw Wrong(entry, "an IPv4 address such as 127.0.0.1");

        private string ClientAddress(Entry entry) =>
            entry.Value == "localhost" || InetAddress.TryParse(entry.Value, out _)
            ? entry.Value
            : throw Wrong(entry, "an IPv4 address such as 127.0.0.1, or localhost");

        private ClientMode Mode(Entry entry) => entry.Value switch
        {
            "one-after-another" => ClientMode.OneAfterAnother,
            "at-once" => ClientMode.AtOnce,
            _ => throw Wrong(entry, "one-after-another or at-once"),
        };

        private List<SysctlSetting> Sysctls()
        {
            var settings = new List<SysctlSetting>();
            foreach (Entry entry in sections.All.GetValueOrDefault("host") ?? [])
            {
                if (settings.Count == PlanLimits.MaxSysctls)
                {
                    throw new PlanException(
                        file, entry.Line, $"expected at most {PlanLimits.MaxSysctls} sysctls (MaxSysctls)");
                }

                if (!IsSysctlName(entry.Key))
                {
                    throw new PlanException(
                        file, entry.Line, $"expected a sysctl such as net.core.somaxconn in [host], not '{entry.Key}'");
                }

                settings.Add(new SysctlSetting(entry.Key, entry.Value));
            }

            return settings;
        }

        private List<TimeSpan> Looks(Entry entry)
        {
            var looks = new List<TimeSpan>();
            foreach (string word in entry.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                if (!decimal.TryParse(
                        word, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal seconds)
                    || seconds <= 0 || seconds > PlanLimits.MaxLookSeconds)
                {
                    throw new PlanException(
                        file,
                        entry.Line,
                        $"expected seconds above 0 and up to {PlanLimits.MaxLookSeconds} for 'look', not '{word}'");
                }

                var look = new TimeSpan((long)(seconds * TimeSpan.TicksPerSecond));
                if (looks.Count > 0 && look <= looks[^1])
                {
                    throw new PlanException(file, entry.Line, $"expected rising moments for 'look', not '{word}'");
                }

                looks.Add(look);
            }

            return looks.Count <= PlanLimits.MaxLooks
                ? looks
                : throw Wrong(entry, $"at most {PlanLimits.MaxLooks} moments (MaxLooks)");
        }
    }
}
