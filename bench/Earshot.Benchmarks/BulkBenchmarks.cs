using System;
using BenchmarkDotNet.Attributes;
using Earshot.Benchmarks.Workloads;
using Earshot.Core;

namespace Earshot.Benchmarks;

/// <summary>One stream over a link of memory; times are per MiB.</summary>
[MemoryDiagnoser]
public class BulkBenchmarks : IDisposable
{
    private const int Mebibytes = 16;
    private Bulk? _bulk;

    /// <summary>Bytes of the largest packet.</summary>
    [Params(1500, 65535)]
    public int Mtu { get; set; }

    /// <summary>What the link does for the stacks.</summary>
    [Params(InterfaceOffload.None, InterfaceOffload.Checksum | InterfaceOffload.Segmentation)]
    public InterfaceOffload Offload { get; set; }

    [GlobalSetup]
    public void Prepare() => _bulk = new Bulk(Mtu, Offload);

    [Benchmark(OperationsPerInvoke = Mebibytes)]
    public void Stream() => _bulk!.Run(Mebibytes * (1L << 20));

    [GlobalCleanup]
    public void Dispose()
    {
        _bulk?.Dispose();
        GC.SuppressFinalize(this);
    }
}
