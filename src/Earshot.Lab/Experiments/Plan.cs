using System;
using System.Collections.Generic;
using System.Linq;
using Earshot.Core.Wire;

namespace Earshot.Lab.Experiments;

/// <summary>An experiment as data: hosts, a listener, clients, and the moments at which to look.</summary>
/// <remarks>Read from a file by <see cref="PlanReader"/>; any target can run it.</remarks>
public sealed record Plan
{
    /// <summary>The plan's name, as typed in <c>lab run NAME</c>.</summary>
    public required string Name { get; init; }

    /// <summary>One line that says what the plan shows.</summary>
    public required string Title { get; init; }

    /// <summary>The hosts, with the sysctls each sets before any program starts.</summary>
    public required IReadOnlyList<HostPlan> Hosts { get; init; }

    /// <summary>The server program: it listens and never accepts; <see cref="NoListen"/> in a plan of steps.</summary>
    public required ListenPlan Listen { get; init; }

    /// <summary>The client program: it connects; <see cref="NoClients"/> in a plan of steps.</summary>
    public required ClientsPlan Clients { get; init; }

    /// <summary>What is done at which moment, in order, instead of the two programs; empty when they run.</summary>
    public IReadOnlyList<PlanStep> Steps { get; init; } = [];

    /// <summary>The moments at which to look, in rising order, counted from the first connect(), or from the start of
    /// the steps.</summary>
    public required IReadOnlyList<TimeSpan> Looks { get; init; }

    /// <summary>Commands whose text is kept at each look, as <c>ss -nta</c>: of the stack its views, on the host what
    /// the real tools print in its namespace.</summary>
    public IReadOnlyList<string> Views { get; init; } = [];

    /// <summary>The seed of everything the embedded stack draws by chance.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>The listener of a plan that has none: its steps make the calls.</summary>
    internal static ListenPlan NoListen { get; } = new(InetAddress.Any, 0, 0);

    /// <summary>The clients of a plan that has none.</summary>
    internal static ClientsPlan NoClients { get; } = new("0.0.0.0", 0, 0, ClientMode.AtOnce);

    /// <summary>How long a run on the host lasts: to the last look.</summary>
    public TimeSpan Duration => Looks[^1];

    /// <summary>The same plan with one look, at any moment.</summary>
    /// <param name="moment">The moment, above zero and up to <see cref="PlanLimits.MaxLookSeconds"/>.</param>
    /// <returns>The plan that looks only then.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The moment is not in that range.</exception>
    public Plan LookingAt(TimeSpan moment)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(moment, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(moment, TimeSpan.FromSeconds(PlanLimits.MaxLookSeconds));
        return this with { Looks = [moment] };
    }

    /// <summary>The same plan without the looks after <paramref name="until"/>.</summary>
    /// <param name="until">The last moment still looked at.</param>
    /// <returns>The shortened plan.</returns>
    /// <exception cref="ArgumentOutOfRangeException">No look is left.</exception>
    public Plan Until(TimeSpan until)
    {
        TimeSpan[] left = [.. Looks.Where(look => look <= until)];
        return left.Length == 0
            ? throw new ArgumentOutOfRangeException(nameof(until), until, "the plan does not look that early")
            : this with { Looks = left, Steps = [.. Steps.Where(step => step.At <= until)] };
    }
}

/// <summary>A host of a plan and the sysctls it sets.</summary>
/// <param name="Name">The host's name inside the plan.</param>
/// <param name="Sysctls">What is set, in the order in which it is set.</param>
public sealed record HostPlan(string Name, IReadOnlyList<SysctlSetting> Sysctls);

/// <summary>One sysctl and the value it gets.</summary>
/// <param name="Name">Linux's name with dots, for example <c>net.core.somaxconn</c>.</param>
/// <param name="Value">The value as it is written to the file.</param>
public readonly record struct SysctlSetting(string Name, string Value);

/// <summary>The article's program <c>listen IP PORT BACKLOG</c>.</summary>
/// <param name="Address">The address given to bind().</param>
/// <param name="Port">The port, 1 to 65535.</param>
/// <param name="Backlog">The argument of listen(), as the program gives it.</param>
public sealed record ListenPlan(InetAddress Address, int Port, int Backlog);

/// <summary>The article's program <c>connect IP PORT COUNT</c>.</summary>
/// <param name="Address">The address as it was typed. The article's program gives it to inet_pton() and does not look
/// at the result, so that "localhost" leaves 0.0.0.0, which Linux connects to loopback.</param>
/// <param name="Port">The port, 1 to 65535.</param>
/// <param name="Count">How many sockets connect.</param>
/// <param name="Mode">Whether a connect() waits for the one before.</param>
public sealed record ClientsPlan(string Address, int Port, int Count, ClientMode Mode)
{
    /// <summary>The address that reaches connect(): what inet_pton() made of <see cref="Address"/>.</summary>
    public InetAddress ConnectAddress =>
        InetAddress.TryParse(Address, out InetAddress parsed) ? parsed : InetAddress.Any;
}

/// <summary>How the clients of a plan start.</summary>
public enum ClientMode
{
    /// <summary>One process with blocking sockets: number k+1 starts only when number k has returned.</summary>
    OneAfterAnother,

    /// <summary>Every connect() is started at once, without waiting.</summary>
    AtOnce,
}
