using System;
using Earshot.Core;

namespace Earshot.Cli.Driving;

/// <summary>Ends a command of the driver with an error.</summary>
/// <param name="name">The errno's name, as <c>EADDRINUSE</c>.</param>
/// <param name="text">What is wrong, for a reader; null when the name says it all.</param>
internal sealed class DriveException(string name, string? text = null) : Exception(text ?? name)
{
    /// <summary>There is no such command.</summary>
    internal const string UnknownCommand = "ENOSYS";

    /// <summary>The name is in use.</summary>
    internal const string Exists = "EEXIST";

    /// <summary>The errno's name, as <c>EADDRINUSE</c>.</summary>
    internal string Name { get; } = name;

    /// <summary>What is wrong, for a reader; null when the name says it all.</summary>
    internal string? Text { get; } = text;

    /// <summary>An argument that cannot be one.</summary>
    internal static DriveException Argument(string text) => new(nameof(Errno.EINVAL), text);

    /// <summary>Passes a call's answer on, or ends the command with its errno.</summary>
    internal static int Check(int result) => result >= 0 ? result : throw new DriveException(Errno.Name(result));
}
