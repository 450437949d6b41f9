using System;
using Earshot.Tests;
using Xunit;

namespace Earshot.Sockets.Tests;

/// <summary>A test of what Linux and .NET on Linux say.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute() => Skip = Host.Missing(Needs.Linux, tools: null);
}
