using System;
using System.Diagnostics;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Earshot.Monitor.Tests.Incidents;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Reports;

/// <summary><c>earshot watch</c> at a terminal, which <c>script</c> lends it.</summary>
public sealed class WatchTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [RootFact("ip ss python3 script")]
    public async Task Every_key_does_what_the_last_line_says()
    {
        using var bed = new Bed();
        await bed.ServeAsync("sleep 7101 5");
        await bed.ServeAsync("sleep 7102 5");
        using var screen = new Screen(bed);

        await screen.ShowsAsync("q quit  s sort  p pause  d details  up/down choose");
        await screen.ShowsAsync("by trouble");
        await screen.PressAsync("s", "by queue");
        await screen.PressAsync("s", "by drops");
        await screen.PressAsync("s", "by port");
        await screen.PressAsync("p", "PAUSED");
        string still = screen.Clock;
        await screen.PressAsync("x", null);
        Assert.Equal(still, screen.Clock);
        await screen.PressAsync("p", "by port");
        await Task.Delay(1200);
        Assert.DoesNotContain("PAUSED", screen.LastHead);
        Assert.NotEqual(still, screen.Clock);

        // The chosen line stands out; by port the first is 7101, and down is the next one.
        Assert.Contains(":7101", screen.Chosen);
        await screen.PressAsync("\e[B", null);
        await screen.ChoosesAsync(":7102");
        await screen.PressAsync("k", null);
        await screen.ChoosesAsync(":7101");
        await screen.PressAsync("q", null);
        Assert.Equal(0, await screen.EndAsync());

        // The terminal is as before: the other screen, and a cursor.
        Assert.EndsWith("\e[?25h\e[?1049l", screen.Text.TrimEnd());
    }

    private sealed class Screen : IDisposable
    {
        private readonly Process _process;
        private readonly StringBuilder _text = new();
        private readonly Task _reading;
        private int _pressedAt;

        public Screen(Bed bed)
        {
            string watch = $"stty cols 140 rows 40; exec dotnet {Bed.Command} watch --interval 200ms";
            var info = new ProcessStartInfo("ip")
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                StandardOutputEncoding = Encoding.UTF8,
            };
            foreach (string word in (string[])["netns", "exec", bed.Name, "script", "-qefc", watch, "/dev/null"])
            {
                info.ArgumentList.Add(word);
            }

            info.Environment["TERM"] = "xterm";
            info.Environment.Remove("NO_COLOR");
            _process = Process.Start(info)!;
            _reading = ReadAsync();
        }

        public string Text
        {
            get
            {
                lock (_text)
                {
                    return _text.ToString();
                }
            }
        }

        /// <summary>The first line of the last picture.</summary>
        public string LastHead => Line(Text, "earshot watch  ");

        /// <summary>The time of the last picture.</summary>
        public string Clock => LastHead["earshot watch  ".Length..][.."00:00:00".Length];

        /// <summary>The line that stands out in the last picture.</summary>
        public string Chosen => Line(Text, "\e[7m");

        public async Task PressAsync(string keys, string? shows)
        {
            _pressedAt = Text.Length;
            await _process.StandardInput.WriteAsync(keys);
            await _process.StandardInput.FlushAsync();
            if (shows is not null)
            {
                await ShowsAsync(shows);
            }
            else
            {
                await Task.Delay(500);
            }
        }

        public Task ShowsAsync(string text) => UntilAsync(() => Text[_pressedAt..].Contains(text), text);

        public Task ChoosesAsync(string text) => UntilAsync(() => Chosen.Contains(text), $"{text} chosen");

        public async Task<int> EndAsync()
        {
            using var patience = new CancellationTokenSource(Patience);
            await _process.WaitForExitAsync(patience.Token);
            await _reading;
            return _process.ExitCode;
        }

        public void Dispose()
        {
            if (!_process.HasExited)
            {
                _process.Kill(entireProcessTree: true);
            }

            _process.Dispose();
        }

        private static string Line(string text, string mark)
        {
            int start = text.LastIndexOf(mark, StringComparison.Ordinal);
            if (start < 0)
            {
                return "";
            }

            int end = text.IndexOf('\n', start);
            return end < 0 ? text[start..] : text[start..end];
        }

        private async Task UntilAsync(Func<bool> holds, string what)
        {
            long start = Stopwatch.GetTimestamp();
            while (!holds())
            {
                Assert.True(Stopwatch.GetElapsedTime(start) < Patience, $"no {what}; the screen has:\n{Text}");
                await Task.Delay(20);
            }
        }

        private async Task ReadAsync()
        {
            var buffer = new char[4096];
            int count;
            while ((count = await _process.StandardOutput.ReadAsync(buffer)) > 0)
            {
                lock (_text)
                {
                    _text.Append(buffer, 0, count);
                }
            }
        }
    }
}
