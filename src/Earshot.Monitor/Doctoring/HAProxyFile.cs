using System;
using System.Collections.Generic;
using System.Linq;

namespace Earshot.Monitor.Doctoring;

/// <summary>Reads a configuration of HAProxy, whose backlog is a frontend's maxconn unless a key says more.</summary>
internal static class HAProxyFile
{
    /// <summary>What the file asks for.</summary>
    public static ConfigFacts Read(string text)
    {
        var sections = new List<Section>();
        foreach ((string line, int number) in ConfigFile.Lines(text))
        {
            string[] words = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words[0] is "global" or "defaults" or "frontend" or "listen" or "backend" or "peers" or "resolvers")
            {
                sections.Add(new Section(words[0], words.ElementAtOrDefault(1) ?? ""));
            }
            else if (sections.Count > 0)
            {
                sections[^1].Take(words, number);
            }
        }

        Section global = sections.FirstOrDefault(one => one.Kind == "global") ?? new Section("global", "");
        Section defaults = new("defaults", "");
        var listeners = new List<AskedListener>();
        foreach (Section section in sections)
        {
            if (section.Kind == "defaults")
            {
                defaults = section;
            }

            listeners.AddRange(section.Binds.Select(bind => Of(bind, section, defaults, global)));
        }

        return new ConfigFacts("HAProxy configuration", listeners, []);
    }

    private static AskedListener Of(Bind bind, Section section, Section defaults, Section global)
    {
        (long? asked, string why) = (bind.Backlog, section.Backlog, defaults.Backlog) switch
        {
            ({ } own, _, _) => (own, "backlog of the bind line"),
            (_, { } own, _) => (own, $"backlog of {section.Kind} {section.Name}"),
            (_, _, { } own) => (own, "backlog of defaults"),
            _ => section.Maxconn is { } most ? (most, $"maxconn of {section.Kind} {section.Name}")
                : defaults.Maxconn is { } usual ? (usual, "maxconn of defaults")
                : global.Maxconn is { } all ? (all, "maxconn of global")
                : ((long?)null, "its maxconn, which HAProxy computes from the descriptor limit"),
        };
        bool unix = bind.Where.StartsWith('/') || bind.Where.StartsWith("unix@", StringComparison.Ordinal);
        return new AskedListener(
            "haproxy", bind.Where, unix ? null : ConfigFile.PortOf(bind.Where),
            unix ? bind.Where[(bind.Where.IndexOf('@') + 1)..] : null, asked,
            !why.StartsWith("backlog", StringComparison.Ordinal), why, bind.Line);
    }

    private sealed record Bind(string Where, long? Backlog, int Line);

    private sealed class Section(string kind, string name)
    {
        public string Kind { get; } = kind;

        public string Name { get; } = Text.SafeText.Clean(name);

        public long? Maxconn { get; private set; }

        public long? Backlog { get; private set; }

        public List<Bind> Binds { get; } = [];

        public void Take(string[] words, int line)
        {
            string second = words.ElementAtOrDefault(1) ?? "";
            switch (words[0])
            {
                case "maxconn":
                    Maxconn = ConfigFile.Number(second);
                    break;
                case "backlog":
                    Backlog = ConfigFile.Number(second);
                    break;
                case "bind":
                    int key = Array.IndexOf(words, "backlog");
                    long? backlog = key > 0 && key + 1 < words.Length ? ConfigFile.Number(words[key + 1]) : null;
                    Binds.AddRange(second.Split(',').Select(where => new Bind(where, backlog, line)));
                    break;
            }
        }
    }
}
