using System;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Earshot.Monitor.Recording;
using Earshot.Monitor.Tests.Incidents;
using Earshot.Monitor.Verdicts;
using Earshot.Tests;
using Xunit;

namespace Earshot.Monitor.Tests.Recording;

/// <summary>What was recorded is judged again as it was.</summary>
public sealed partial class RecordingTests
{
    [RootFact("ip ss python3 dotnet")]
    public async Task A_recorded_incident_is_found_again_with_its_time()
    {
        using var bed = new Bed();
        await bed.ServeAsync("never 7500 5");
        string file = Path.Combine(bed.Folder, "record");
        using System.Diagnostics.Process recorder = bed.Start($"dotnet {Bed.Command} record {file} --interval 200ms");
        while (!File.Exists(file) || new FileInfo(file).Length < 4000)
        {
            await Task.Delay(100);
        }

        bed.Python("connect.py", "7500 20 60");
        await bed.QueuesAsync("7500", 6);
        await Task.Delay(4000);
        Bed.Signal(recorder, "TERM");
        await recorder.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));

        using StreamReader text = File.OpenText(file);
        Replay replay = Replay.Read(text);
        TimedFinding found = replay.Timeline(TimeSpan.FromSeconds(4)).First(one =>
            one.Finding.Listener == "0.0.0.0:7500" && one.Finding.Rule == RuleNames.NotAccepting);
        Assert.Equal(6u, replay.Judge(replay.From, replay.To).Windows[0].Listeners
            .First(one => one.Facts.Port == 7500).Queue);
        Assert.Contains("python3", found.Finding.Process);
        Assert.Empty(replay.Judge(replay.From, replay.From.AddSeconds(0.3)).Findings);
        string all = await File.ReadAllTextAsync(file);
        using var cut = new StringReader(all[..(all.Length - 40)]);
        Assert.True(Replay.Read(cut).IsCutOff);
    }

    [RootFact("ip ss python3 dotnet")]
    public async Task A_recording_that_somebody_spoilt_is_refused_or_read_and_never_a_crash()
    {
        using var bed = new Bed();
        await bed.ServeAsync("never 7501 3");
        bed.Python("connect.py", "7501 9 60");
        await bed.QueuesAsync("7501", 4);
        string file = Path.Combine(bed.Folder, "record");
        Bed.Run("ip", $"netns exec {bed.Name} dotnet {Bed.Command} record {file} --for 1s --interval 200ms");
        string[] lines = await File.ReadAllLinesAsync(file);
        Assert.InRange(lines.Length, 4, 12);
        var random = new Random(5);
        string[] replacements =
            ["null", "[null]", "{}", "-1", "1e99", "\"\\u001b[2J\"", "\"0001-01-01T00:00:00Z\"", "[]"];
        int read = 0;
        for (int i = 0; i < 400; i++)
        {
            string[] spoilt = [.. lines];
            int at = random.Next(spoilt.Length);
            MatchCollection values = Values().Matches(spoilt[at]);
            Match value = values[random.Next(values.Count)];
            spoilt[at] = spoilt[at][..value.Index] + replacements[random.Next(replacements.Length)]
                + spoilt[at][(value.Index + value.Length)..];
            try
            {
                using var text = new StringReader(string.Join('\n', spoilt));
                Replay replay = Replay.Read(text);
                string told = string.Join('\n', replay.Timeline(TimeSpan.FromSeconds(4)).Select(one =>
                    one.Finding.Summary + one.Finding.Process + one.Finding.Listener)) + replay.Header.Host
                    + replay.Header.Kernel + replay.Header.BootId;
                Assert.DoesNotContain('\e', told);
                read++;
            }
            catch (RecordException)
            {
                // Said in words: that is right too.
            }
        }

        Assert.True(read > 50, $"{read} of 400 were read");
    }

    // A value of JSON that has no others inside.
    [GeneratedRegex("(?<=:)(\"[^\"]*\"|-?[0-9.]+|true|false|null)")]
    private static partial Regex Values();

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("""{"format":"other","version":1}""")]
    [InlineData("""{"format":"earshot-record","version":99}""")]
    [InlineData("""{"format":"earshot-record","version":1}""")]
    [InlineData("{\"format\":\"earshot-record\",\"version\":1}\n{\"time\":3}")]
    public void What_is_no_recording_is_refused(string text)
    {
        using var reader = new StringReader(text);

        Assert.Throws<RecordException>(() => Replay.Read(reader));
    }
}
