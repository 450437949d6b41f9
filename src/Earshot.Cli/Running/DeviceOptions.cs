using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Linq;
using System.Security.Cryptography;
using Earshot.Cli.Verbs;
using Earshot.Core;
using Earshot.Core.Wire;
using Earshot.Links;

namespace Earshot.Cli.Running;

/// <summary>The options by which a stack gets a TUN or TAP device, and what they mean together.</summary>
internal sealed class DeviceOptions
{
    private readonly Option<string?> _tun = new("--tun")
    {
        HelpName = "DEV",
        Description = "The TUN device that joins the stack to the host's kernel; it is made when there is none (root).",
    };

    private readonly Option<string?> _tap = new("--tap")
    {
        HelpName = "DEV",
        Description = "A TAP device instead: the stack is a station of its own on an Ethernet link.",
    };

    private readonly Option<InterfaceAddress[]> _address = new("--address")
    {
        HelpName = "A/LEN",
        Description = "The stack's own address on the device, with its prefix's length, as 10.0.0.2/24 or fd00::2/64; "
            + "can be given several times.",
        CustomParser = result => ReadAll<InterfaceAddress>(
            result, text => Arguments.ToPrefix(text),
            text => $"--address is '{text}', not an address with its prefix's length, such as 10.0.0.2/24"),
    };

    private readonly Option<InetAddress[]> _gateway = new("--gateway")
    {
        HelpName = "B",
        Description = "The kernel's address on the device, one of each IP version; it is set when the device is made "
            + "here, else left as it is.",
        CustomParser = result => ReadAll<InetAddress>(
            result, text => InetAddress.TryParse(text, out InetAddress a) ? a : null,
            text => $"--gateway is '{text}', not an IP address"),
    };

    /// <summary>Adds the options to a verb.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="isRequired">Whether the verb cannot do without a device.</param>
    internal void AddTo(Command command, bool isRequired)
    {
        command.Add(_tun);
        command.Add(_tap);
        command.Add(_address);
        command.Add(_gateway);
        command.Validators.Add(result =>
        {
            bool hasDevice = result.GetResult(_tun) is not null || result.GetResult(_tap) is not null;
            if (isRequired && !hasDevice)
            {
                result.AddError("give a device: --tun DEV or --tap DEV");
            }
            else if (result.GetResult(_tun) is not null && result.GetResult(_tap) is not null)
            {
                result.AddError("--tun and --tap do not go together");
            }
            else if (hasDevice != result.GetResult(_address) is not null)
            {
                result.AddError("--tun DEV and --address A/LEN go together, as do --tap and --address");
            }
            else if (result.GetResult(_gateway) is not null && !hasDevice)
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
        string? tun = parsed.GetValue(_tun), tap = parsed.GetValue(_tap);
        if ((tun ?? tap) is not { } name || parsed.GetValue(_address) is not { Length: > 0 } addresses)
        {
            return null;
        }

        InetAddress[] gateways = parsed.GetValue(_gateway) ?? [];
        foreach (InetAddress gateway in gateways)
        {
            if (!addresses.Any(address => Device.IsNeighbor(gateway, address)))
            {
                throw new CommandException(
                    ExitCode.Usage,
                    $"--gateway {gateway} has to be another address of the network of --address "
                    + string.Join(" or ", addresses));
            }
        }

        return new Device(name, addresses, gateways, offload && tap is null, tap is not null);
    }

    private static T[] ReadAll<T>(ArgumentResult result, Func<string, T?> read, Func<string, string> problem)
        where T : struct
    {
        var values = new List<T>();
        foreach (Token token in result.Tokens)
        {
            if (read(token.Value) is { } value)
            {
                values.Add(value);
            }
            else
            {
                result.AddError(problem(token.Value));
            }
        }

        return [.. values];
    }
}

/// <summary>A TUN or TAP device as the user asked for it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Addresses">The stack's addresses on it, one at least.</param>
/// <param name="Gateways">The kernel's addresses on it, for a device that is made here, and the next hops.</param>
/// <param name="Offload">Whether checksums and segmentation are left to the kernel; not over TAP.</param>
/// <param name="IsTap">Whether it carries Ethernet frames.</param>
internal sealed record Device(
    string Name, IReadOnlyList<InterfaceAddress> Addresses, IReadOnlyList<InetAddress> Gateways, bool Offload,
    bool IsTap)
{
    /// <summary>Whether a link's device was deleted under it.</summary>
    internal static bool IsGone(ILink link) => link is TunLink { IsGone: true } or TapLink { IsGone: true };

    /// <summary>Whether a link made its device.</summary>
    internal static bool IsMade(ILink link) => link is TunLink { IsMade: true } or TapLink { IsMade: true };

    /// <summary>Whether an address is another one of an interface's network.</summary>
    internal static bool IsNeighbor(InetAddress other, InterfaceAddress own) =>
        other != own.Address && other.IsIPv4 == own.Address.IsIPv4
        && other.Network(own.PrefixLength) == own.Address.Network(own.PrefixLength);

    /// <summary>Attaches to the device, or makes it.</summary>
    /// <exception cref="LinkException">It cannot be had.</exception>
    /// <exception cref="CommandException">The name cannot be a device's.</exception>
    internal ILink Open()
    {
        try
        {
            var options = new TunOptions
            {
                Offload = Offload,
                Address = Gateways.Count == 0 ? null
                    : $"{Gateways[0]}/{Addresses.First(own => IsNeighbor(Gateways[0], own)).PrefixLength}",
            };
            return IsTap ? TapLink.Open(Name, options) : TunLink.Open(Name, options);
        }
        catch (ArgumentException e)
        {
            throw new CommandException(ExitCode.Usage, $"{(IsTap ? "--tap" : "--tun")} {Name}: {e.Message}");
        }
    }

    /// <summary>The stack's side of the device.</summary>
    internal InterfaceOptions Interface(ILink link) => new()
    {
        Name = link.Name,
        Mtu = link.Mtu,
        Addresses = Addresses,
        Offload = (InterfaceOffload)link.Offload,
        Ethernet = IsTap ? new EthernetOptions { Address = DrawnAddress() } : null,
    };

    /// <summary>Everything that is not in the device's networks goes to the kernel too.</summary>
    internal IReadOnlyList<RouteOptions> Routes()
    {
        var routes = new List<RouteOptions>();
        foreach (bool isIPv4 in (ReadOnlySpan<bool>)[true, false])
        {
            if (Addresses.Any(own => own.Address.IsIPv4 == isIPv4))
            {
                InterfaceAddress all = isIPv4 ? default : new InterfaceAddress(InetAddress.IPv6Any, 0);
                InetAddress[] hops = [.. Gateways.Where(hop => hop.IsIPv4 == isIPv4).Take(1)];
                routes.Add(new RouteOptions(all, Gateway: hops.Length > 0 ? hops[0] : null));
            }
        }

        return routes;
    }

    // A station's address that nobody assigned: the second bit of the first byte is set, the first is not.
    private static MacAddress DrawnAddress()
    {
        Span<byte> bytes = stackalloc byte[MacAddress.Length];
        RandomNumberGenerator.Fill(bytes);
        bytes[0] = (byte)((bytes[0] & ~1) | 2);
        return MacAddress.Read(bytes);
    }
}
