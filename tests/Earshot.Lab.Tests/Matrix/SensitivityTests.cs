using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Earshot.Core;
using Earshot.Core.Profiles;
using Earshot.Lab.Matrix;
using Earshot.Tests;
using Xunit;

namespace Earshot.Lab.Tests.Matrix;

/// <summary>Whatever one value of a profile is changed to, the matrix shows it.</summary>
public sealed class SensitivityTests
{
    private const string Freebsd = "only a client pushed out of the cache meets a cookie; in 2.0 its gate never closes "
        + "and there are no timestamps";

    private const string SmallWindow = "the first window is smaller for another reason";

    /// <summary>What no packet, counter or row can show, by member and kernel, with its reason.</summary>
    private static readonly (string Member, Func<KernelProfile, bool> Of, string Reason)[] Unseen =
    [
        ("Name", _ => true, "a name is not a behaviour; `profiles` prints it"),
        ("Release", _ => true, "as Name"),
        ("Summary", _ => true, "as Name"),
        ("LargestBacklog", _ => true, "computed from the sysctl or constant"),
        ("ListenDropsWord", p => !Counts(p, Counter.TcpExtListenDrops), "ListenDrops is not counted there"),
        ("CountsRequestTimeouts", p => !Counts(p, Counter.TcpExtTCPTimeouts), "TCPTimeouts is not counted there"),
        ("CountsRequestTimeouts", p => p.SynAckTimer != SynAckTimerKind.PerRequest, "only such timers count"),
        ("ScalesForLargestBuffer", p => p.Name == "linux-2.2", "its buffers have one size"),
        ("Constants[net.ipv4.tcp_synack_retries]", p => p.RequestLifetime is not null, "its 75 s come first"),
        ("Constants[net.ipv4.tcp_syn_retries]", p => p.ConnectLifetime is not null, "its 75 s come first"),
        ("Constants[net.ipv4.tcp_max_tw_buckets]", _ => true, "would need 131 072 closed connections"),
        ("Sysctls[net.ipv4.tcp_congestion_control]", _ => true, "the experiments send too little to see it"),
        .. KernelProfile.DataPathSysctls.Select(sysctl => ($"Sysctls[{sysctl}]",
            new Func<KernelProfile, bool>(_ => true), "the experiments listen; tests of the data path show it")),
        ("Sysctls[net.ipv4.tcp_fastopen_key]", _ => true, "zeros stand for a key that is drawn"),
        ("MeasuresPacketShare", _ => true, "the experiments listen; tests of the data path show it"),
        ("TakesFinAtClosedWindow", _ => true, "the experiments listen; HostVariantTests show it"),
        ("ChecksTimestampEcho", p => p.Name == "linux-2.0", "2.0 has no timestamps"),
        ("TimestampOffsets", p => p.Name == "linux-2.0", "2.0 has no timestamps"),
        ("TimestampTick", p => p.Name == "linux-2.0", "2.0 has no timestamps"),
        ("ScalesForLargestBuffer", p => p.Name == "linux-2.0", "2.0 scales no windows"),
        ("RemembersPeers", p => p.Shape is ListenShape.OneCounter or ListenShape.PlainQueue
            or ListenShape.FullSocket or ListenShape.SynCache, "only the last quarter asks, which it has not"),
        ("CookiesMayBeForced", p => !p.Sysctls.ContainsKey("net.ipv4.tcp_syncookies")
            || p.Shape == ListenShape.PlainQueue, "there is no value 2 to be set, or none that is asked for"),
        ("Cookies", p => p.Cookies is null && p.Name is "bsd-4.4" or "xnu",
            "no sysctl and no constant switches cookies on"),
        ("Cookies.MssTableIPv6", _ => true, "the experiments speak IPv4"),
        ("Cookies.Form", p => p.Name == "freebsd", Freebsd),
        ("Cookies.MssTable", p => p.Name == "freebsd", Freebsd),
        ("Cookies.Period", p => p.Name == "freebsd", Freebsd),
        ("Cookies.Ages", p => p.Name == "freebsd", Freebsd),
        ("Cookies.GateIsShared", p => p.Name is "freebsd" or "linux-2.0", Freebsd),
        ("Cookies.Stamp", p => p.Name is "freebsd" or "linux-2.0", Freebsd),
        ("Cookies.CountsClosedGate", p => p.Name is "freebsd" or "linux-2.0", Freebsd),
        ("DroppedSyns", p => p.Name == "freebsd", "no SYN is dropped there"),
        ("FloodLog.IsSilentWhenAlways", p => p.Name == "linux-2.0", "there is no value 2 to be set"),
        ("FloodLog.TellsDrops", p => p.SynTableBuckets is not null, "its last quarter is met first"),
        ("InitialWindowBytesLimit", p => p.InitialReceiveSegments > 0 || p.Name == "bsd-4.4", SmallWindow),
        ("WindowShareShift", p => p.InitialReceiveSegments > 0, SmallWindow),
        ("FloodLog", p => p.Name is "bsd-4.4" or "xnu" or "freebsd", "nothing there writes that line"),
        ("DefersForEver", p => p.Name is "linux-2.0" or "linux-2.2" or "bsd-4.4" or "xnu" or "freebsd",
            "TCP_DEFER_ACCEPT came with 2.4"),
        ("PrunesUnderPressure", p => p.Name == "bsd-4.4", "its timer does not ask"),
        ("ZeroBacklog", _ => false, ""),
    ];

    public static TheoryData<string> Names => [.. KernelProfile.All.Select(profile => profile.Name)];

    [SlowTheory]
    [MemberData(nameof(Names))]
    public void Changing_any_one_value_changes_a_cell(string name)
    {
        KernelProfile.TryFind(name, out KernelProfile profile);
        var before = new Dictionary<string, string>();
        var lately = new Dictionary<string, string>();
        var blind = new List<string>();
        foreach ((string member, KernelProfile changed) in Changes(profile))
        {
            if (!IsSeen(before, lately, member, profile, changed))
            {
                blind.Add(member);
            }
        }

        Assert.True(blind.Count == 0, string.Join(" ", blind));
    }

    private static bool IsSeen(
        Dictionary<string, string> before, Dictionary<string, string> lately, string member, KernelProfile profile,
        KernelProfile changed)
    {
        // The rows that show such values usually are asked first.
        string kind = member.Split('[')[0];
        foreach (MatrixRow row in MatrixCatalog.Rows.OrderByDescending(row => row.Id == lately.GetValueOrDefault(kind))
            .ThenBy(row => row.Id is "life" or "lateness" or "syn-ack-timer")
            .ThenBy(row => row.Id is "syn-cache" or "cookie-age"))
        {
            if (!before.TryGetValue(row.Id, out string? was))
            {
                before[row.Id] = was = row.Measure(profile);
            }

            string now;
            try
            {
                now = row.Measure(changed);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // A kernel that cannot run the experiment any more shows that too.
                now = e.GetType().Name;
            }

            if (now != was)
            {
                lately[kind] = row.Id;
                return true;
            }
        }

        return false;
    }

    private static IEnumerable<(string Member, KernelProfile Changed)> Changes(KernelProfile profile)
    {
        foreach (PropertyInfo property in typeof(KernelProfile).GetProperties(
            BindingFlags.Public | BindingFlags.Instance))
        {
            object? value = property.GetValue(profile);
            bool unseen = Unseen.Any(entry => entry.Member == property.Name && entry.Of(profile));
            if (unseen || value is null || property.SetMethod is null)
            {
                continue;
            }

            if (property.Name is "Sysctls" or "Constants")
            {
                foreach ((string sysctl, KernelProfile changed) in OfDictionary(profile, property))
                {
                    yield return ($"{property.Name}[{sysctl}]", changed);
                }
            }
            else if (property.Name == "LacksCounters")
            {
                yield return (
                    property.Name, profile with { LacksCounters = [.. profile.LacksCounters, Counter.TcpInSegs] });
            }
            else if (value is CookieLayout or SynFloodLog)
            {
                foreach (PropertyInfo part in value.GetType().GetProperties(
                    BindingFlags.Public | BindingFlags.Instance))
                {
                    string name = $"{property.Name}.{part.Name}";
                    if (part.SetMethod is not null && !Unseen.Any(e => e.Member == name && e.Of(profile)))
                    {
                        object other = Copy(value);
                        part.SetValue(other, Other(part.GetValue(value)!));
                        yield return (name, With(profile, property, other));
                    }
                }
            }
            else
            {
                object other = property.Name == "SynTableMinimum" ? (int)value * 2 : Other(value);
                yield return (property.Name, With(profile, property, other));
            }
        }
    }

    private static IEnumerable<(string Sysctl, KernelProfile Changed)> OfDictionary(
        KernelProfile profile, PropertyInfo property)
    {
        var values = (IReadOnlyDictionary<string, string>)property.GetValue(profile)!;
        foreach ((string sysctl, string value) in values)
        {
            if (!Unseen.Any(e => e.Member == $"{property.Name}[{sysctl}]" && e.Of(profile)))
            {
                var other = new Dictionary<string, string>(values) { [sysctl] = OtherText(sysctl, value) };
                yield return (sysctl, With(profile, property, other));
            }
        }
    }

    private static string OtherText(string sysctl, string value)
    {
        if (value.Length == 0)
        {
            return "40000";
        }

        string[] parts = value.Split('\t');
        return parts.Length > 1
            ? string.Join('\t', parts.Select(part => $"{int.Parse(part) + 2}"))
            : value switch
            {
                "0" => "1",
                "1" => "0",
                "2" => "1",
                "2147483647" => "7",
                _ => sysctl.EndsWith("port_start", StringComparison.Ordinal) ? "1023" : $"{int.Parse(value) / 2}",
            };
    }

    private static object Other(object value) => value switch
    {
        bool flag => !flag,
        int.MaxValue => 4000,
        > 10_000 and int number => number / 2,
        int number => number + 1,
        TimeSpan span => span > TimeSpan.FromSeconds(100) ? TimeSpan.FromSeconds(3) : span * 2,
        string text => text + "x",
        Enum choice => Next(choice),
        IReadOnlyList<ushort> sizes => sizes.Select(size => (ushort)(size - 1)).ToArray(),
        _ => throw new InvalidOperationException($"no other value for a {value.GetType().Name}: teach the test one"),
    };

    private static object Copy(object value) =>
        value is CookieLayout layout ? layout with { } : (SynFloodLog)value with { };

    private static Enum Next(Enum choice)
    {
        Array all = Enum.GetValues(choice.GetType());
        return (Enum)all.GetValue((Array.IndexOf(all, choice) + 1) % all.Length)!;
    }

    private static KernelProfile With(KernelProfile profile, PropertyInfo property, object value)
    {
        KernelProfile copy = profile with { };
        property.SetValue(copy, value);
        return copy;
    }

    private static bool Counts(KernelProfile profile, Counter counter) => !profile.LacksCounters.Contains(counter);
}
