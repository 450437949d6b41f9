using System;
using Earshot.Lab.Targets;
using Xunit;

namespace Earshot.Host.Tests.Lab;

/// <summary>A test on the host kernel in a namespace of its own; skipped with the reason where that cannot
/// be.</summary>
public sealed class HostFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> Reason = new(HostTarget.CannotRunReason);

    public HostFactAttribute() => Skip = Reason.Value;
}
