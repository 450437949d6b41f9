using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Core.Wire;

namespace Earshot.Native;

/// <summary>A line of a configuration that cannot be: its message is what es_create tells.</summary>
internal sealed class ConfigException(int line, string what) : Exception(line > 0 ? $"line {line}: {what}" : what);

/// <summary>The text from which es_create makes a stack: one <c>key = value</c> a line, <c>#</c> comments.</summary>
internal sealed class StackConfig
{
    private const int LeastMtu = 68;
    private const int LeastIPv6Mtu = 1280;
    private const int LargestMtu = 65535;
    private const int LargestQueue = 1_000_000;
    private const int LeastMemory = 16;
    private const int LargestMemory = 1 << 24;
    private const string SysctlPrefix = "sysctl.";

    private static readonly string[] Ticks = ["100", "250", "300", "1000"];

    private readonly Dictionary<string, int> _given = new(StringComparer.Ordinal);
    private readonly List<InterfaceAddress> _addresses = [];
    private readonly List<(RouteOptions Route, int Line)> _routes = [];
    private readonly List<(string Name, string Value, int Line)> _sysctls = [];
    private KernelProfile _profile = KernelProfile.Linux618;
    private ulong _seed = 1;
    private int _mtu = 1500;
    private int _hz;
    private int _queue = StackOptions.DefaultTransmitQueueLimit;
    private InterfaceOffload _offload;
    private int _memory = 512;
    private int _handles = StackOptions.DefaultDescriptorLimit;

    private StackConfig()
    {
    }

    /// <summary>The sysctls that were given, with the lines they were on.</summary>
    internal IReadOnlyList<(string Name, string Value, int Line)> Sysctls => _sysctls;

    /// <summary>Reads a configuration.</summary>
    /// <exception cref="ConfigException">A line cannot be.</exception>
    internal static StackConfig Parse(string text)
    {
        var config = new StackConfig();
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            int comment = line.IndexOf('#', StringComparison.Ordinal);
            string content = (comment < 0 ? line : line[..comment]).Trim();
            if (content.Length == 0)
            {
                continue;
            }

            int equals = content.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new ConfigException(number, $"'{content}' is not key = value");
            }

            config.Take(content[..equals].TrimEnd(), content[(equals + 1)..].TrimStart(), number);
        }

        config.Check();
        return config;
    }

    /// <summary>What the stack is made from.</summary>
    internal StackOptions ToOptions()
    {
        KernelProfile profile = MemoryScale.Apply(_profile, _memory);
        return new StackOptions
        {
            Profile = _hz == 0 ? profile : profile with { Hz = _hz },
            Seed = Chance.Spread(_seed),
            Interfaces = [new InterfaceOptions { Mtu = _mtu, Addresses = _addresses, Offload = _offload }],
            Routes = [.. _routes.Select(static route => route.Route), .. DefaultRoutes()],
            TransmitQueueLimit = _queue,
            FirstDescriptor = 0,
            DescriptorLimit = _handles,
        };
    }

    private void Take(string key, string value, int line)
    {
        if (key is not ("address" or "route") && !key.StartsWith(SysctlPrefix, StringComparison.Ordinal)
            && !_given.TryAdd(key, line))
        {
            throw new ConfigException(line, $"'{key}' was given before, in line {_given[key]}");
        }

        switch (key)
        {
            case "profile":
                TakeProfile(value, line);
                break;
            case "seed":
                TakeSeed(value, line);
                break;
            case "address":
                _addresses.Add(Prefix(value, line));
                break;
            case "route":
                _routes.Add((RouteLine.Read(value, line), line));
                break;
            case "mtu":
                _mtu = Number(key, value, LeastMtu, LargestMtu, line);
                break;
            case "hz":
                _hz = Ticks.Contains(value) ? int.Parse(value, CultureInfo.InvariantCulture)
                    : throw new ConfigException(line, $"hz is 100, 250, 300 or 1000, not '{value}'");
                break;
            case "txqueuelen":
                _queue = Number(key, value, 1, LargestQueue, line);
                break;
            case "offload":
                TakeOffload(value, line);
                break;
            case "memory_mb":
                _memory = Number(key, value, LeastMemory, LargestMemory, line);
                break;
            case "max_handles":
                _handles = Number(key, value, 1, int.MaxValue, line);
                break;
            default:
                TakeOther(key, value, line);
                break;
        }
    }

    private void TakeOther(string key, string value, int line)
    {
        if (!key.StartsWith(SysctlPrefix, StringComparison.Ordinal) || key.Length == SysctlPrefix.Length)
        {
            throw new ConfigException(line, $"unknown key '{key}'");
        }

        _sysctls.Add((key[SysctlPrefix.Length..], value, line));
    }

    private void TakeProfile(string value, int line)
    {
        if (!KernelProfile.TryFind(value, out _profile))
        {
            throw new ConfigException(
                line,
                $"unknown profile '{value}'; there are {string.Join(", ", KernelProfile.All.Select(p => p.Name))}");
        }
    }

    private void TakeSeed(string value, int line)
    {
        bool hexadecimal = value.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        if (!ulong.TryParse(
            hexadecimal ? value.AsSpan(2) : value,
            hexadecimal ? NumberStyles.AllowHexSpecifier : NumberStyles.None,
            CultureInfo.InvariantCulture,
            out _seed))
        {
            throw new ConfigException(line, $"seed is a number of 64 bits, not '{value}'");
        }
    }

    // A link that cuts segments completes their checksums: there is no other way to send one that is still whole.
    private void TakeOffload(string value, int line)
    {
        foreach (string word in value.Split([',', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
        {
            _offload |= word switch
            {
                "none" => InterfaceOffload.None,
                "checksum" => InterfaceOffload.Checksum,
                "tso" => InterfaceOffload.Checksum | InterfaceOffload.Segmentation,
                _ => throw new ConfigException(line, $"offload is none, checksum or tso, not '{word}'"),
            };
        }
    }

    private void Check()
    {
        if (_mtu < LeastIPv6Mtu && _addresses.Any(static a => a.Address.IsIPv6))
        {
            throw new ConfigException(
                _given["mtu"], $"mtu is {LeastIPv6Mtu} to {LargestMtu} with an IPv6 address, not '{_mtu}'");
        }

        foreach ((RouteOptions route, int line) in _routes)
        {
            if (route.Source is { } source && !_addresses.Any(own => own.Address == source))
            {
                throw new ConfigException(line, $"{source} is no address of this host");
            }
        }
    }

    // A family without any route line sends everything out of the interface, if it has an address to send from.
    private IEnumerable<RouteOptions> DefaultRoutes()
    {
        foreach (InetAddress any in new[] { InetAddress.Any, InetAddress.IPv6Any })
        {
            if (_addresses.Any(own => own.Address.IsIPv4 == any.IsIPv4)
                && !_routes.Any(given => given.Route.Destination.Address.IsIPv4 == any.IsIPv4))
            {
                yield return new RouteOptions(new InterfaceAddress(any, 0));
            }
        }
    }

    private static int Number(string key, string value, int least, int most, int line) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number >= least && number <= most
            ? number : throw new ConfigException(line, $"{key} is {least} to {most}, not '{value}'");

    internal static InterfaceAddress Prefix(string value, int line)
    {
        try
        {
            return InterfaceAddress.Parse(value);
        }
        catch (FormatException e)
        {
            throw new ConfigException(line, e.Message);
        }
    }
}

/// <summary>The value of a <c>route</c> line: PREFIX [via A] [src A] [mtu N].</summary>
internal static class RouteLine
{
    private const int LeastMtu = 68;
    private const int LargestMtu = 65535;

    /// <summary>Reads a route.</summary>
    /// <exception cref="ConfigException">It cannot be.</exception>
    internal static RouteOptions Read(string value, int line)
    {
        string[] words = value.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (words.Length % 2 == 0)
        {
            throw new ConfigException(line, $"'{value}' is not PREFIX [via A] [src A] [mtu N]");
        }

        var route = new RouteOptions(StackConfig.Prefix(words[0], line));
        for (int i = 1; i < words.Length; i += 2)
        {
            string argument = words[i + 1];
            route = words[i] switch
            {
                "via" => route with { Gateway = Address(argument, route, line) },
                "src" => route with { Source = Address(argument, route, line) },
                "mtu" => route with { Mtu = Mtu(argument, line) },
                _ => throw new ConfigException(line, $"'{words[i]}' is not via, src or mtu"),
            };
        }

        return route;
    }

    private static InetAddress Address(string text, RouteOptions route, int line) =>
        InetAddress.TryParse(text, out InetAddress address) && address.IsIPv4 == route.Destination.Address.IsIPv4
            ? address : throw new ConfigException(line, $"'{text}' is not an address of the route's family");

    private static int Mtu(string text, int line) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int mtu)
            && mtu is >= LeastMtu and <= LargestMtu
            ? mtu : throw new ConfigException(line, $"a route's mtu is {LeastMtu} to {LargestMtu}, not '{text}'");
}
