using System;
using BenchmarkDotNet.Attributes;
using Earshot.Benchmarks.Workloads;

namespace Earshot.Benchmarks;

/// <summary>A SYN's way into the queue, or to a cookie, its SYN-ACK included; times are per SYN.</summary>
[MemoryDiagnoser]
public class SynBenchmarks : IDisposable
{
    private const int Count = 1 << 16;
    private readonly SynFlood _flood = new(Count);

    [IterationSetup(Target = nameof(SynToQueue))]
    public void Prepare() => _flood.Prepare();

    [IterationSetup(Target = nameof(SynToCookie))]
    public void PrepareCookies() => _flood.Prepare(cookies: true);

    [Benchmark(OperationsPerInvoke = Count)]
    public void SynToQueue() => _flood.Run();

    [Benchmark(OperationsPerInvoke = Count)]
    public void SynToCookie() => _flood.Run();

    [GlobalCleanup]
    public void Dispose()
    {
        _flood.Dispose();
        GC.SuppressFinalize(this);
    }
}
