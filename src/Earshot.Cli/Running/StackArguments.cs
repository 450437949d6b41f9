using System.CommandLine;
using Earshot.Cli.Verbs;
using Earshot.Core.Profiles;

namespace Earshot.Cli.Running;

/// <summary>The options of a verb that runs a stack on a device and does something with it.</summary>
internal sealed class StackArguments
{
    private const long Megabyte = 1_000_000;

    private readonly DeviceOptions _device = new();
    private readonly Option<string?> _events = EventsOption.Create();
    private readonly Option<KernelProfile> _profile = Arguments.Profile();
    private readonly Option<string> _name = Arguments.Name();

    private readonly Option<string> _offload = new("--offload")
    {
        HelpName = "on|off",
        Description = "Whether checksums and segmentation are left to the kernel; never over TAP.",
        DefaultValueFactory = _ => "on",
    };

    private readonly Option<string?> _capture = new("--pcap")
    {
        HelpName = "FILE",
        Description = "Write every packet to a capture (pcapng), each with its verdict as its comment.",
    };

    private readonly Option<int?> _captureSize = Arguments.NumberOption(
        "--pcap-size", "MB", "Begin a next file of the capture after so many megabytes: FILE-0001, FILE-0002 ...", 1,
        1_000_000);

    /// <summary>Adds the options to a verb.</summary>
    internal void AddTo(Command command)
    {
        _offload.AcceptOnlyFromAmong("on", "off");
        _device.AddTo(command, isRequired: true);
        command.Add(_offload);
        command.Add(_capture);
        command.Add(_captureSize);
        command.Add(_events);
        command.Add(_profile);
        command.Add(_name);
    }

    /// <summary>What the user asked for.</summary>
    /// <exception cref="CommandException">The addresses do not fit together.</exception>
    internal RunningStackOptions Read(ParseResult parsed) => new(
        parsed.GetRequiredValue(_name),
        parsed.GetRequiredValue(_profile),
        Device: _device.Read(parsed, parsed.GetRequiredValue(_offload) == "on"),
        CapturePath: parsed.GetValue(_capture),
        CaptureLimit: (parsed.GetValue(_captureSize) ?? 0) * Megabyte,
        EventsPath: parsed.GetValue(_events));
}
