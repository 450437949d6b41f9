using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Earshot.Tests;
using Xunit;

namespace Earshot.Native.Tests;

/// <summary>Every test of the C programs in tests/native, each in a process of its own, against
/// libearshot.so.</summary>
public sealed partial class CProgramTests
{
    private const string Sources = "tests/native";

    /// <summary>Program and test, as TEST(...) names it.</summary>
    public static TheoryData<string, string> Tests()
    {
        var tests = new TheoryData<string, string>();
        foreach (string file in Directory.GetFiles(Path.Combine(RepositoryRoot.Path, Sources), "*.c").Order())
        {
            foreach (Match match in Declaration().Matches(File.ReadAllText(file)))
            {
                tests.Add(Path.GetFileNameWithoutExtension(file), match.Groups[1].Value);
            }
        }

        return tests;
    }

    [NativeTheory]
    [MemberData(nameof(Tests))]
    public void The_library_keeps_its_contract(string program, string test)
    {
        (int code, string output) = NativeBuild.Run(NativeBuild.Compile($"{Sources}/{program}.c"), test);
        Assert.True(code == 0, $"{program} {test} ended with {code}:\n{output}");
    }

    [NativeFact]
    public void The_echo_sample_brings_every_byte_back()
    {
        string program = NativeBuild.Compile("samples/c/echo.c");
        (int code, string output) = NativeBuild.Run(program);
        Assert.Equal(0, code);
        Assert.Matches(
            "^ok: 100000 bytes echoed, all equal, 1 connection\\(s\\) accepted, [0-9.]+ s of virtual time\n$", output);
        Assert.Equal(output, NativeBuild.Run(program).Output);
    }

    [NativeFact]
    public void The_echo_sample_compiles_as_strict_C99()
    {
        (int code, string output) = NativeBuild.Run(
            "gcc", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", "-I", NativeBuild.Folder,
            Path.Combine(RepositoryRoot.Path, "samples", "c", "echo.c"));
        Assert.True(code == 0, output);
    }

    [NativeFact("g++")]
    public void The_header_compiles_as_C_plus_plus()
    {
        (int code, string output) = NativeBuild.Run(
            "g++", "-std=c++11", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", "-x", "c++",
            Path.Combine(NativeBuild.Folder, "earshot.h"));
        Assert.True(code == 0, output);
    }

    [NativeFact("valgrind")]
    public void Valgrind_finds_nothing_wrong_with_what_the_caller_gives_and_gets()
    {
        string program = NativeBuild.Compile("samples/c/echo.c");
        (int code, string output) = NativeBuild.RunFor(
            TimeSpan.FromMinutes(3), "valgrind", "--error-exitcode=99", "--leak-check=no", "-q", program);
        Assert.True(code == 0, output);
    }

    [NativeFact("nm")]
    public void The_library_exports_what_the_header_declares_and_nothing_else()
    {
        IEnumerable<string> declared = Function().Matches(
                File.ReadAllText(Path.Combine(NativeBuild.Folder, "earshot.h")))
            .Select(static match => match.Groups[1].Value).Distinct().Order();
        (_, string symbols) = NativeBuild.Run(
            "nm", "-D", "--defined-only", Path.Combine(NativeBuild.Folder, "libearshot.so"));
        IEnumerable<string> exported = symbols.Split('\n').Where(static line => line.Contains(" T "))
            .Select(static line => line.Split(' ')[^1].Split('@')[0]).Order();
        Assert.Equal(declared, exported);
    }

    [GeneratedRegex(@"^TEST\((\w+)\)", RegexOptions.Multiline)]
    private static partial Regex Declaration();

    [GeneratedRegex(@"^[a-z][\w *]*?\b(es_\w+)\(", RegexOptions.Multiline)]
    private static partial Regex Function();
}
