using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Xunit;

namespace Earshot.Cli.Tests;

/// <summary>Values that make no sense, for every option there is: a sentence and 2, never a defect.</summary>
public sealed class OddValuesTests
{
    private static readonly string[] Odd = ["abc", "", "-5", "NaN", "99999999999999999999", "0", ":", "=", "\u00e9"];

    [Fact]
    public void No_value_of_any_option_or_argument_breaks_the_reading_of_the_command_line()
    {
        using var nowhere = new StringWriter();
        RootCommand root = CommandLine.Root(new Terminal(nowhere, nowhere));
        int read = 0;
        foreach ((string[] path, Command command) in Commands(root, []))
        {
            foreach (string[] words in command.Options.SelectMany(WordsOf)
                .Concat(command.Arguments.SelectMany(_ => Odd.Select(odd => new[] { odd }))))
            {
                ParseResult parsed = CommandLine.Parse(root, [.. path, .. words]);
                if (parsed.Errors.Count == 0)
                {
                    ReadAll(parsed, command);
                }

                read++;
            }
        }

        Assert.InRange(read, 1000, int.MaxValue);
    }

    [Theory]
    [InlineData("sim --seeds abc", "--seeds is 'abc'")]
    [InlineData("sim --seeds ''", "--seeds is ''")]
    [InlineData("sim --seeds NaN", "--seeds is 'NaN'")]
    [InlineData("sim --seeds 99999999999999999999", "--seeds is '99999999999999999999'")]
    [InlineData("sim --jobs abc", "--jobs is 'abc'")]
    [InlineData("sim --minutes -2", "--minutes is '-2'")]
    [InlineData("sim --minutes 0", "--minutes is '0'")]
    [InlineData("sim --minutes NaN", "--minutes is 'NaN'")]
    [InlineData("sim --failures 0", "--failures is '0'")]
    [InlineData("sim --failures -1", "--failures is '-1'")]
    [InlineData("lab fuzz --minutes abc", "--minutes is 'abc'")]
    [InlineData("lab fuzz --minutes ''", "--minutes is ''")]
    [InlineData("lab fuzz --jobs abc", "--jobs is 'abc'")]
    [InlineData("lab fuzz --sequences -5", "--sequences is '-5'")]
    [InlineData("drill X --target", "--target")]
    [InlineData("drill X -D", "-D")]
    [InlineData("drill X -D abc", "-D is 'abc', not NAME=VALUE")]
    [InlineData("size 80 --target 5", "--target is '5', not a share")]
    [InlineData("size 80 --target 101%", "--target is '101%', not a share")]
    [InlineData("size 80 --target NaN", "--target is 'NaN', not a share")]
    [InlineData("size 80 --from ''", "'' is no file's name")]
    [InlineData("size 80 --save ''", "--save '' is no file's name")]
    [InlineData("replay ''", "'' is no file's name")]
    [InlineData("record ''", "'' is no file's name")]
    [InlineData("doctor ''", "'' is no file's name")]
    [InlineData("lab run ''", "'' is no file's name")]
    [InlineData("lab run backlog --pcap ''", "--pcap '' is no file's name")]
    [InlineData("up --events ''", "--events '' is no file's name")]
    [InlineData("drill ''", "'' is no file's name")]
    [InlineData("serve --tun t0 --address 10.0.0.2/24 --port 80 --root ''", "--root '' is no folder's name")]
    [InlineData("lab claims --claim abc", "--claim is 'abc', not a whole number from 1 to 49")]
    [InlineData("lab claims --claim 50", "--claim is '50', not a whole number from 1 to 49")]
    [InlineData("sim --save ''", "--save ''")]
    [InlineData("forward --tun t0 --address 10.0.0.2/24 --in 80:nohost:80", "with IP addresses")]
    [InlineData("dashboard --listen 0.0.0.0:0 --token BLANK", "give --token")]
    [InlineData("dashboard --listen 0.0.0.0:0 --token ''", "give --token")]
    [InlineData("export --listen 0.0.0.0:0 --token BLANK", "give --token")]
    public async Task A_value_that_makes_no_sense_is_told_and_ends_with_2(string arguments, string said)
    {
        CommandRun run = await CommandRun.OfWordsAsync(
            [.. arguments.Split(' ').Select(static word => word switch { "''" => "", "BLANK" => " ", _ => word })]);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(said, run.Error);
        Assert.DoesNotContain("   at ", run.Error);
        Assert.Equal("", run.Out);
    }

    [Theory]
    [InlineData("lab run FOLDER", "")]
    [InlineData("lab compare FOLDER", "")]
    [InlineData("lab run backlog --pcap FOLDER", "--pcap ")]
    [InlineData("lab run backlog --events FOLDER", "--events ")]
    [InlineData("up --events FOLDER", "--events ")]
    [InlineData("replay FOLDER", "")]
    [InlineData("record FOLDER", "")]
    [InlineData("doctor FOLDER", "")]
    [InlineData("size 80 --from FOLDER", "")]
    [InlineData("size 80 --save FOLDER", "--save ")]
    public async Task A_folder_in_place_of_a_file_is_called_a_folder(string arguments, string option)
    {
        string folder = Directory.CreateTempSubdirectory("earshot-folder-").FullName;
        try
        {
            CommandRun run = await CommandRun.OfAsync(
                arguments.Replace("FOLDER", folder, StringComparison.Ordinal));
            Assert.Equal(2, run.ExitCode);
            Assert.Contains($"{option}{folder} is a folder, not a file", run.Error);
            Assert.Equal("", run.Out);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("lab run FILE")]
    [InlineData("lab compare FILE")]
    [InlineData("drill FILE")]
    [InlineData("replay FILE")]
    [InlineData("doctor FILE")]
    [InlineData("size 80 --from FILE")]
    public async Task A_file_that_is_not_there_is_told_and_ends_with_2(string arguments)
    {
        string folder = Directory.CreateTempSubdirectory("earshot-folder-").FullName;
        try
        {
            string file = Path.Combine(folder, "nothing");
            CommandRun run = await CommandRun.OfAsync(arguments.Replace("FILE", file, StringComparison.Ordinal));
            Assert.Equal(2, run.ExitCode);
            Assert.Contains(file, run.Error);
            Assert.Equal("", run.Out);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("sim --seeds 1")]
    [InlineData("lab fuzz --sequences 1")]
    public async Task A_file_in_place_of_the_folder_for_findings_is_refused_before_anything_runs(string command)
    {
        string file = Path.GetTempFileName();
        try
        {
            CommandRun run = await CommandRun.OfAsync($"{command} --save {file}");
            Assert.Equal(2, run.ExitCode);
            Assert.Contains($"--save {file} is a file, not a folder", run.Error);
            Assert.Equal("", run.Out);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static IEnumerable<(string[] Path, Command Command)> Commands(Command command, string[] path)
    {
        yield return (path, command);
        foreach (Command below in command.Subcommands)
        {
            foreach ((string[] Path, Command Command) one in Commands(below, [.. path, below.Name]))
            {
                yield return one;
            }
        }
    }

    // Alone, with a value as the next word, with it after "=", and with one value after another.
    private static IEnumerable<string[]> WordsOf(Option option) =>
    [
        [option.Name],
        .. Odd.Select(odd => new[] { option.Name, odd }),
        .. Odd.Select(odd => new[] { $"{option.Name}={odd}" }),
        .. Odd.Select(odd => new[] { option.Name, "1", option.Name, odd }),
    ];

    // As the verbs do once the command line is found to be in order.
    private static void ReadAll(ParseResult parsed, Command command)
    {
        foreach (Option option in command.Options)
        {
            parsed.GetResult(option)?.GetValueOrDefault<object?>();
        }

        foreach (Argument argument in command.Arguments)
        {
            parsed.GetResult(argument)?.GetValueOrDefault<object?>();
        }
    }
}
