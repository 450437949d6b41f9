using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Monitor.Reports;
using Earshot.Monitor.Sampling;

namespace Earshot.Cli.Monitoring;

/// <summary><c>earshot watch</c>: the host's listeners, live, the troubled ones first.</summary>
internal static class WatchVerb
{
    private const string AlternateScreen = "\e[?1049h\e[?25l", MainScreen = "\e[?25h\e[?1049l", Home = "\e[H",
        EraseLine = "\e[K", EraseBelow = "\e[J";

    private const int WidthOfFiles = 160, HeightOfFiles = 40;
    private static readonly TimeSpan UsualInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan KeyPoll = TimeSpan.FromMilliseconds(50);

    internal static Command Create(Terminal terminal)
    {
        Option<bool> all = MonitorOptionsOf.AllNamespaces();
        Option<TimeSpan?> interval = MonitorOptionsOf.Interval("--interval", "How often to look.", UsualInterval);
        Option<int?> count = Verbs.Arguments.NumberOption(
            "--count", "N", "End after so many pictures; without a terminal 1.", 1, int.MaxValue);
        var command = new Command(
            "watch", "Show the host's listeners live, the troubled first. Keys: " + WatchView.Keys)
        {
            all, interval, count,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            parsed.GetValue(all), parsed.GetValue(interval) ?? UsualInterval, parsed.GetValue(count), terminal,
            cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        bool allNamespaces, TimeSpan interval, int? count, Terminal terminal, CancellationToken cancellation)
    {
        using var end = new EndSignal(cancellation);
        using var session = new MonitorSession(new MonitorOptions { AllNamespaces = allNamespaces });
        bool live = !Console.IsOutputRedirected && terminal.Out == Console.Out;
        var style = new WatchStyle(
            live, live && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")),
            live && !Console.IsInputRedirected);
        var state = new WatchState();
        if (live)
        {
            await terminal.Out.WriteAsync(AlternateScreen).ConfigureAwait(false);
        }

        try
        {
            session.Sample(withSynRecv: true);
            for (int shown = 0; !end.Token.IsCancellationRequested && shown < (count ?? (live ? int.MaxValue : 1));)
            {
                await Task.Delay(live ? TimeSpan.Zero : interval, end.Token)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (!state.IsPaused)
                {
                    session.Sample(withSynRecv: true);
                    if (!session.Sampler.CanRead)
                    {
                        throw MonitorOptionsOf.CannotRead(session.Sampler.Unknown);
                    }

                    shown++;
                }

                state = await ShowAsync(session, state, interval, style, terminal, end.Token)
                    .ConfigureAwait(false);
                if (state.Selected < 0)
                {
                    return ExitCode.Fine;
                }
            }
        }
        finally
        {
            if (live)
            {
                await terminal.Out.WriteAsync(MainScreen).ConfigureAwait(false);
            }
        }

        return ExitCode.Fine;
    }

    // Draws, and takes keys until the next look; a selection below 0 is the user's wish to end.
    private static async Task<WatchState> ShowAsync(
        MonitorSession session, WatchState state, TimeSpan interval, WatchStyle style, Terminal terminal,
        CancellationToken end)
    {
        DateTimeOffset now = session.History.Namespaces.Max(space => space.LastSample);
        HostReport report = session.Judge(now - Window, now);
        List<ListenerLine> all = HostListeners.Lines(report, session.History);
        HostListeners.Hide(all);
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (true)
        {
            List<ListenerLine> lines = WatchView.Sort(all, state.Order);
            state = state with { Selected = Math.Clamp(state.Selected, 0, Math.Max(0, lines.Count - 1)) };
            IReadOnlyList<string> picture = WatchView.Draw(
                report, lines, session.History, state, style.IsLive ? Console.WindowWidth : WidthOfFiles,
                style.IsLive ? Console.WindowHeight : HeightOfFiles, style, session.CostShare);
            await terminal.Out.WriteAsync(style.IsLive
                ? Home + string.Join(EraseLine + "\r\n", picture) + EraseLine + EraseBelow
                : string.Join('\n', picture) + "\n").ConfigureAwait(false);
            await terminal.Out.FlushAsync(end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!style.IsLive)
            {
                return state;
            }

            WatchState? next = null;
            while (next is null && !end.IsCancellationRequested)
            {
                if (System.Diagnostics.Stopwatch.GetElapsedTime(start) >= interval)
                {
                    return state;
                }

                next = style.HasKeys && Console.KeyAvailable ? Pressed(state, Console.ReadKey(intercept: true)) : null;
                if (next is null)
                {
                    await Task.Delay(KeyPoll, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }

            if (next is null || next.Selected < 0)
            {
                return state with { Selected = -1 };
            }

            state = next;
        }
    }

    /// <summary>What a key does; null for one that does nothing.</summary>
    internal static WatchState? Pressed(WatchState state, ConsoleKeyInfo key) => key.Key switch
    {
        ConsoleKey.Q or ConsoleKey.Escape => state with { Selected = -1 },
        ConsoleKey.P or ConsoleKey.Spacebar => state with { IsPaused = !state.IsPaused },
        ConsoleKey.S => state with
        {
            Order = (WatchOrder)(((int)state.Order + 1) % Enum.GetValues<WatchOrder>().Length),
        },
        ConsoleKey.D or ConsoleKey.Enter => state with { WithDetails = !state.WithDetails },
        ConsoleKey.UpArrow or ConsoleKey.K => state with { Selected = Math.Max(0, state.Selected - 1) },
        ConsoleKey.DownArrow or ConsoleKey.J => state with { Selected = state.Selected + 1 },
        _ => null,
    };
}
