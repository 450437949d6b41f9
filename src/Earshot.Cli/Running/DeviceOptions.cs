using System;
using System.Collections.Generic;
using System.CommandLine;
using Earshot.Cli.Verbs;
using Earshot.Core;
using Earshot.Core.Wire;
using Earshot.Links;

namespace Earshot.Cli.Running;

/// <summary>The options by which a stack gets a TUN device, and what they mean together.</summary>
internal sealed class DeviceOptions
{
    private readonly Option<string?> _tun = new("--tun")
    {
        HelpName = "DEV",
        Description = "The TUN device that joins the stack to the host's kernel; it is made when there is none (root).",
    };

    private readonly Option<InterfaceAddress?> _address = Arguments.Prefix(
        "--address", "The stack's own address on the device, with its prefix's length, as 10.0.0.2/24.");

    private readonly Option<InetAddress?> _gateway = new("--gateway")
    {
        HelpName = "B",
        Description = "The kernel's address on the device; it is set when the device is made here, else left as it is.",
        CustomParser = result => Arguments.Parse<InetAddress>(
            result, text => InetAddress.TryParse(text, out InetAddress a) ? a : null,
            text => $"--gateway is '{text}', not an IPv4 address (four numbers from 0 to 255 with dots)"),
    };

    /// <summary>Adds the options to a verb.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="isRequired">Whether the verb cannot do without a device.</param>
    internal void AddTo(Command command, bool isRequired)
    {
        _tun.Required = isRequired;
        _address.Required = isRequired;
        command.Add(_tun);
        command.Add(_address);
        command.Add(_gateway);
        command.Validators.Add(result =>
        {
            if (result.GetResult(_tun) is null != result.GetResult(_address) is null)
            {
                result.AddError("--tun DEV and --address A/LEN go together");
            }
            else if (result.GetResult(_gateway) is not null && result.GetResult(_tun) is null)
            {
                result.AddError(
                    "--gateway B is the kernel's address on a device: give --tun DEV and --address A/LEN too");
            }
        });
    }

    /// <summary>The device that the user asked for; null without one.</summary>
    /// <exception cref="CommandException">The addresses do not fit together.</exception>
    internal Device? Read(ParseResult parsed, bool offload)
    {
        if (parsed.GetValue(_tun) is not { } name || parsed.GetValue(_address) is not { } address)
        {
            return null;
        }

        InetAddress? gateway = parsed.GetValue(_gateway);
        if (gateway is { } other
            && (other == address.Address || other.IsIPv4 != address.Address.IsIPv4
                || other.Network(address.PrefixLength) != address.Address.Network(address.PrefixLength)))
        {
            throw new CommandException(
                ExitCode.Usage,
                $"--gateway {other} has to be another address of the network of --address {address}");
        }

        return new Device(name, address, gateway, offload);
    }
}

/// <summary>A TUN device as the user asked for it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Address">The stack's address on it.</param>
/// <param name="Gateway">The kernel's address on it, for a device that is made here.</param>
/// <param name="Offload">Whether checksums and segmentation are left to the kernel.</param>
internal sealed record Device(string Name, InterfaceAddress Address, InetAddress? Gateway, bool Offload)
{
    /// <summary>Attaches to the device, or makes it.</summary>
    /// <exception cref="LinkException">It cannot be had.</exception>
    /// <exception cref="CommandException">The name cannot be a device's.</exception>
    internal TunLink Open()
    {
        try
        {
            return TunLink.Open(Name, new TunOptions
            {
                Offload = Offload,
                Address = Gateway is { } gateway ? $"{gateway}/{Address.PrefixLength}" : null,
            });
        }
        catch (ArgumentException e)
        {
            throw new CommandException(ExitCode.Usage, $"--tun {Name}: {e.Message}");
        }
    }

    /// <summary>The stack's side of the device.</summary>
    internal InterfaceOptions Interface(TunLink link) => new()
    {
        Name = link.Name,
        Mtu = link.Mtu,
        Addresses = [Address],
        Offload = (InterfaceOffload)link.Offload,
    };

    /// <summary>Everything that is not in the device's network goes to the kernel too.</summary>
    internal IReadOnlyList<RouteOptions> Routes() => [new RouteOptions(default, Gateway: Gateway)];
}
