using System;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Monitor.Exposition;
using Earshot.Monitor.Sampling;

namespace Earshot.Monitor.Reports;

/// <summary>A monitor that samples by itself, and whom several readers may ask.</summary>
/// <remarks>Between two samples nothing is judged or written unless somebody asks: sampling alone has to be
/// cheap.</remarks>
internal sealed class MonitorService : IDisposable
{
    private static readonly TimeSpan PeakWindow = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan VerdictWindow = TimeSpan.FromSeconds(15);

    private readonly MonitorSession _session;
    private readonly ListenerSeries _series;
    private readonly TimeSpan _interval;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public MonitorService(MonitorOptions options, TimeSpan interval, int mostSeries = ListenerSeries.UsualMost)
    {
        _session = new MonitorSession(options);
        _series = new ListenerSeries(mostSeries);
        _interval = interval;
    }

    /// <summary>The last numbers that were asked for; null before the first time.</summary>
    public MetricsSnapshot? Metrics { get; private set; }

    /// <summary>Whether any namespace can be read; meaningful after the first sample.</summary>
    public bool CanRead => _session.Sampler.CanRead;

    /// <summary>Why some namespaces cannot be read.</summary>
    public System.Collections.Generic.IReadOnlyList<string> Unknown => _session.Sampler.Unknown;

    /// <summary>Ends with the next sample.</summary>
    public Task NextSample => Volatile.Read(ref _next).Task;

    /// <summary>Samples until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(_interval);
        do
        {
            await SampleAsync().ConfigureAwait(false);
        }
        while (await WaitAsync(timer, cancellation).ConfigureAwait(false));
    }

    /// <summary>Samples once.</summary>
    /// <param name="withSynRecv">Whether to look at half-open connections everywhere, not only where there is
    /// trouble.</param>
    public async Task SampleAsync(bool withSynRecv = false)
    {
        await AskAsync(session => session.Sample(withSynRecv)).ConfigureAwait(false);
        Interlocked.Exchange(ref _next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))
            .SetResult();
    }

    /// <summary>What is exported, as of now.</summary>
    public Task<MetricsSnapshot> MetricsAsync() => AskAsync(session =>
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        HostReport verdicts = session.Judge(now - VerdictWindow, now);
        HostReport minute = session.Judge(now - PeakWindow, now) with { Findings = verdicts.Findings };
        return Metrics = _series.Take(session, minute, now);
    });

    /// <summary>Asks the session something between two samples.</summary>
    public async Task<T> AskAsync<T>(Func<MonitorSession, T> question)
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            return question(_session);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _session.Dispose();
        _turn.Dispose();
    }

    private static async Task<bool> WaitAsync(PeriodicTimer timer, CancellationToken cancellation)
    {
        try
        {
            return await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
