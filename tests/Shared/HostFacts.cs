using System;
using Xunit;

namespace Earshot.Tests;

/// <summary>A test that needs root on Linux; elsewhere it is skipped and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RootFactAttribute : FactAttribute
{
    /// <summary>A test that needs root and, perhaps, programs.</summary>
    /// <param name="tools">The programs it calls, separated by blanks.</param>
    public RootFactAttribute(string? tools = null) => Skip = Host.Missing(Needs.Root, tools);
}

/// <summary>A theory that needs root on Linux; elsewhere it is skipped and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RootTheoryAttribute : TheoryAttribute
{
    /// <summary>A theory that needs root and, perhaps, programs.</summary>
    /// <param name="tools">The programs it calls, separated by blanks.</param>
    public RootTheoryAttribute(string? tools = null) => Skip = Host.Missing(Needs.Root, tools);
}

/// <summary>A test that needs root, a TUN device and the <c>ip</c> command; elsewhere it is skipped.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TunFactAttribute : FactAttribute
{
    /// <summary>A test that needs a TUN device and, perhaps, programs.</summary>
    /// <param name="tools">The programs it calls besides <c>ip</c>, separated by blanks.</param>
    public TunFactAttribute(string? tools = null) => Skip = Host.Missing(Needs.Tun, tools);
}

/// <summary>A theory that needs root, a TUN device and the <c>ip</c> command; elsewhere it is skipped.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TunTheoryAttribute : TheoryAttribute
{
    /// <summary>A theory that needs a TUN device and, perhaps, programs.</summary>
    /// <param name="tools">The programs it calls besides <c>ip</c>, separated by blanks.</param>
    public TunTheoryAttribute(string? tools = null) => Skip = Host.Missing(Needs.Tun, tools);
}
