using System;

namespace Earshot.Core.Tests;

/// <summary>Tests that drive one stack under the reference profile.</summary>
public abstract class HostTest : IDisposable
{
    private protected TestHost Host { get; } = new();

    public void Dispose()
    {
        Host.Dispose();
        GC.SuppressFinalize(this);
    }
}
