using System;
using Earshot.Tests;
using Xunit;

namespace Earshot.Native.Tests;

/// <summary>A test that needs libearshot.so; where it cannot be made it is skipped and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NativeFactAttribute : FactAttribute
{
    /// <summary>A test that needs the library and, perhaps, programs.</summary>
    public NativeFactAttribute(string? tools = null) =>
        Skip = NativeBuild.SkipReason ?? Host.Missing(Needs.Linux, tools);
}

/// <summary>A theory that needs libearshot.so; where it cannot be made it is skipped and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NativeTheoryAttribute : TheoryAttribute
{
    /// <summary>A theory that needs the library.</summary>
    public NativeTheoryAttribute() => Skip = NativeBuild.SkipReason;
}
