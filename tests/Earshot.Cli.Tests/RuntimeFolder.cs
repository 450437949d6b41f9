using System;
using System.IO;
using System.Runtime.CompilerServices;

namespace Earshot.Cli.Tests;

/// <summary>Gives the tests a folder of their own for control sockets, so that the user's stacks are left
/// alone.</summary>
internal static class RuntimeFolder
{
    [ModuleInitializer]
    internal static void Set()
    {
        string path = Directory.CreateTempSubdirectory("earshot-tests-").FullName;
        Environment.SetEnvironmentVariable("XDG_RUNTIME_DIR", path);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(path, recursive: true);
    }
}
