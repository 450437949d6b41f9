using System.Text.Json.Serialization;

namespace Earshot.Cli.Control;

/// <summary>What a command asks of a stack that is up: one JSON object a line.</summary>
internal sealed record ControlRequest
{
    /// <summary>The protocol's version; both ends must be of one.</summary>
    internal const int CurrentVersion = 1;

    /// <summary>Bytes of the longest request, and of the longest line of a reply.</summary>
    internal const int MaxLength = 64 * 1024;

    /// <summary>The version that the asker speaks.</summary>
    public int Version { get; init; }

    /// <summary>What to do: a name from <see cref="StackService"/>.</summary>
    public string? Do { get; init; }

    /// <summary>An IPv4 or IPv6 address.</summary>
    public string? Address { get; init; }

    /// <summary>A port.</summary>
    public int? Port { get; init; }

    /// <summary>listen()'s second argument.</summary>
    public int? Backlog { get; init; }

    /// <summary>Of a view the tool: netstat, ss, nstat, proc or listeners.</summary>
    public string? Tool { get; init; }

    /// <summary>Of a view the letters of its options.</summary>
    public string? Flags { get; init; }

    /// <summary>Of a view, whether JSON is wanted.</summary>
    public bool? Json { get; init; }

    /// <summary>A sysctl's name, or that of a file of /proc/net.</summary>
    public string? Name { get; init; }

    /// <summary>The value that it gets; none to read it.</summary>
    public string? Value { get; init; }
}

/// <summary>A line of the answer: some lines of text, or the end.</summary>
internal sealed record ControlReply
{
    /// <summary>Text for stdout; more lines of the answer follow.</summary>
    public string? Text { get; init; }

    /// <summary>True in the last line when it worked.</summary>
    public bool? Ok { get; init; }

    /// <summary>What went wrong, in the last line when it did not work.</summary>
    public string? Error { get; init; }

    /// <summary>The error's name when a socket call failed, as <c>ECONNREFUSED</c>.</summary>
    public string? Errno { get; init; }

    /// <summary>The exit code that fits the error.</summary>
    public int? Exit { get; init; }

    /// <summary>Whether this is the last line of an answer.</summary>
    [JsonIgnore]
    internal bool IsLast => Text is null;
}

/// <summary>The two messages as JSON, without reflection: it would cost start-up time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    MaxDepth = 8)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlReply))]
internal sealed partial class ControlJson : JsonSerializerContext;
