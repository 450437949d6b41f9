using System;
using BenchmarkDotNet.Attributes;
using Earshot.Benchmarks.Workloads;

namespace Earshot.Benchmarks;

/// <summary>
/// A connection from connect() to the last close(), both ends in one thread; times are per connection.
/// </summary>
[MemoryDiagnoser]
public class HandshakeBenchmarks : IDisposable
{
    private const int Count = 1000;
    private Churn? _churn;

    /// <summary>Whether the server aborts the connection; otherwise both sides close it.</summary>
    [Params(false, true)]
    public bool Reset { get; set; }

    [GlobalSetup]
    public void Prepare() => _churn = new Churn(Reset);

    [Benchmark(OperationsPerInvoke = Count)]
    public void ConnectAcceptClose() => _churn!.Run(Count);

    [GlobalCleanup]
    public void Dispose()
    {
        _churn?.Dispose();
        GC.SuppressFinalize(this);
    }
}
