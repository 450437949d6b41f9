using System;
using System.Collections.Generic;
using System.Diagnostics.Metrics;
using System.Linq;

namespace Earshot.Monitor.Exposition;

/// <summary>The same numbers as a meter of .NET, for OpenTelemetry and dotnet-counters. The names are drafts: no
/// convention has any for listen queues.</summary>
internal sealed class MonitorMeter : IDisposable
{
    public const string Name = "Earshot.Monitor";

    private readonly Meter _meter = new(Name);
    private readonly Func<MetricsSnapshot?> _snapshot;

    /// <summary>Makes the instruments.</summary>
    /// <param name="snapshot">The numbers to tell; null before the first.</param>
    public MonitorMeter(Func<MetricsSnapshot?> snapshot)
    {
        _snapshot = snapshot;
        const string unit = "{connection}";
        _meter.CreateObservableGauge(
            "tcp.listener.accept_queue.length", () => Of(value => value.Queue), unit,
            "Connections waiting for accept().");
        _meter.CreateObservableGauge(
            "tcp.listener.accept_queue.limit", () => Of(value => value.Limit), unit, "Limit of the accept queue.");
        _meter.CreateObservableGauge(
            "tcp.listener.accept_queue.peak", () => Of(value => value.Peak), unit, "Longest queue of the last minute.");
        _meter.CreateObservableGauge(
            "tcp.listener.syn_recv", () => Of(value => value.SynRecv), unit, "Half-open connections.");
        _meter.CreateObservableCounter(
            "tcp.listener.drops", () => Of(value => (long?)value.Drops), "{packet}", "sk_drops of the listeners.");
    }

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<long>> Of(Func<SeriesValue, long?> number) =>
        from value in _snapshot()?.Listeners ?? []
        let known = number(value)
        where known is not null
        select new Measurement<long>(
            known.Value,
            new KeyValuePair<string, object?>("netns", value.Key.Namespace),
            new KeyValuePair<string, object?>("network.type", value.Key.Family),
            new KeyValuePair<string, object?>("server.address", value.Key.Address),
            new KeyValuePair<string, object?>("server.port", value.Key.Port));
}
