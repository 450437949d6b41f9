using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using Earshot.Monitor.Verdicts;

namespace Earshot.Monitor.Exposition;

/// <summary>The two text formats that Prometheus reads.</summary>
internal enum MetricsFormat
{
    /// <summary>The text format 0.0.4.</summary>
    Prometheus,

    /// <summary>OpenMetrics 1.0.0.</summary>
    OpenMetrics,
}

/// <summary>Writes metrics as text. Own: the packages for it are not to be had everywhere, and it is small.</summary>
internal sealed class MetricsText
{
    public const string PrometheusType = "text/plain; version=0.0.4; charset=utf-8";
    public const string OpenMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    private readonly StringBuilder _text = new();
    private readonly MetricsFormat _format;
    private readonly bool _withProcess;

    private MetricsText(MetricsFormat format, bool withProcess) => (_format, _withProcess) = (format, withProcess);

    /// <summary>Every metric that is written: name without _total, type, help.</summary>
    public static IReadOnlyList<(string Name, string Type, string Help)> Families { get; } =
    [
        ("earshot_listener_accept_queue_length", "gauge",
            "Connections that wait for accept(); of a SO_REUSEPORT group the sum."),
        ("earshot_listener_accept_queue_limit", "gauge", "Limit of the accept queue; it is full with one more."),
        ("earshot_listener_accept_queue_peak", "gauge",
            "Longest accept queue seen in the last minute, of the worst member."),
        ("earshot_listener_syn_recv", "gauge", "Half-open connections (SYN_RECV) to the listener's address."),
        ("earshot_listener_drops", "counter",
            "Segments to listeners of this address that were dropped (sk_drops); not only overflows."),
        ("earshot_listener_members", "gauge", "Listeners that share the address (SO_REUSEPORT)."),
        ("earshot_listener_verdict", "gauge", "1 for a verdict on this listener that holds now."),
        ("earshot_verdict", "gauge", "1 when the verdict holds for any listener now, else 0."),
        ("earshot_tcpext", "counter", "Counters of the network namespace, spelled as nstat does."),
        ("earshot_sysctl", "gauge", "Sysctls of the network namespace that decide over listeners."),
        ("earshot_listeners_omitted", "gauge", "Addresses left out for the limit of series."),
        ("earshot_unknown", "gauge", "Things that could not be read with the last sample."),
        ("earshot_sample_age_seconds", "gauge", "Age of the last sample."),
        ("earshot_monitor_cpu_seconds", "counter", "Processor time that sampling has used."),
    ];

    /// <summary>The whole text.</summary>
    public static string Write(MetricsSnapshot snapshot, MetricsFormat format, bool withProcess)
    {
        var text = new MetricsText(format, withProcess);
        text.Write(snapshot);
        return text._text.ToString();
    }

    private void Write(MetricsSnapshot snapshot)
    {
        IReadOnlyList<SeriesValue> listeners = snapshot.Listeners;
        Listeners(0, listeners, value => value.Queue);
        Listeners(1, listeners, value => value.Limit);
        Listeners(2, listeners, value => value.Peak);
        Listeners(3, listeners, value => value.SynRecv);
        Listeners(4, listeners, value => value.Drops);
        Listeners(5, listeners, value => value.Members);
        string name = Head(6);
        foreach (SeriesValue value in listeners)
        {
            foreach (string verdict in value.Verdicts)
            {
                Line(name, 1, [.. Labels(value), ("code", verdict)]);
            }
        }

        name = Head(7);
        foreach (string rule in RuleNames.All)
        {
            Line(name, snapshot.Verdicts.Contains(rule) ? 1 : 0, [("code", rule)]);
        }

        name = Head(8);
        foreach (var space in snapshot.Namespaces)
        {
            Each(name, space.Counters, space.Namespace);
        }

        name = Head(9);
        foreach (var space in snapshot.Namespaces)
        {
            Each(name, space.Sysctls, space.Namespace);
        }

        Line(Head(10), snapshot.Omitted, []);
        Line(Head(11), snapshot.Unknown, []);
        Line(Head(12), snapshot.AgeSeconds, []);
        Line(Head(13), snapshot.CostSeconds, []);
        if (_format == MetricsFormat.OpenMetrics)
        {
            _text.Append("# EOF\n");
        }
    }

    // What is not known is left out: never a 0.
    private void Listeners(int family, IReadOnlyList<SeriesValue> values, Func<SeriesValue, double?> of)
    {
        string name = Head(family);
        foreach (SeriesValue value in values)
        {
            if (of(value) is { } known)
            {
                Line(name, known, [.. Labels(value)]);
            }
        }
    }

    private void Each(string name, IReadOnlyDictionary<string, long> values, string space)
    {
        foreach ((string what, long value) in values.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            Line(name, value, [("netns", space), ("name", what)]);
        }
    }

    private IEnumerable<(string, string)> Labels(SeriesValue value)
    {
        yield return ("netns", value.Key.Namespace);
        yield return ("family", value.Key.Family);
        yield return ("address", value.Key.Address);
        yield return ("port", value.Key.Port?.ToString(CultureInfo.InvariantCulture) ?? "");
        if (_withProcess)
        {
            yield return ("process", value.Process ?? "");
        }
    }

    private string Head(int family)
    {
        (string name, string type, string help) = Families[family];
        string sample = type == "counter" ? name + "_total" : name;

        // The older format names the family as its samples are named.
        string heading = _format == MetricsFormat.Prometheus ? sample : name;
        _text.Append(CultureInfo.InvariantCulture, $"# HELP {heading} {help}\n# TYPE {heading} {type}\n");
        return sample;
    }

    private void Line(string name, double value, (string Name, string Value)[] labels)
    {
        _text.Append(name);
        for (int i = 0; i < labels.Length; i++)
        {
            _text.Append(i == 0 ? '{' : ',').Append(labels[i].Name).Append("=\"");
            foreach (char c in labels[i].Value)
            {
                _ = c switch
                {
                    '\\' => _text.Append("\\\\"),
                    '"' => _text.Append("\\\""),
                    '\n' => _text.Append("\\n"),
                    _ => _text.Append(c),
                };
            }

            _text.Append('"');
        }

        _text.Append(labels.Length > 0 ? "} " : " ")
            .Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
    }
}
