using System;
using System.Collections.Generic;
using System.Numerics;
using Earshot.Core.Profiles;

namespace Earshot.Native;

/// <summary>What Linux works out at boot from the host's memory. Linux: tcp_init, tcp_init_mem, udp_init.</summary>
/// <remarks>
/// The hash of connections has a bucket for each 128 KB, rounded up to a power of two, at most 524288; orphans and
/// TIME_WAIT entries are limited to half of its buckets, the SYN backlog is a 128th of them. A sixteenth of all pages
/// is TCP's pressure mark, an eighth UDP's; the most that one socket's buffers grow to is a 128th of the memory.
/// </remarks>
internal static class MemoryScale
{
    private const int PagesPerMegabyte = 256;
    private const int BucketsPerMegabyte = 8;
    private const uint MostBuckets = 512 * 1024;
    private const int LeastBacklog = 128;
    private const long LeastSendBuffer = 64 * 1024;
    private const long LeastReceiveBuffer = 131_072;

    /// <summary>A profile whose boot values are those of a host with so much memory; what the release does not have, or
    /// has compiled in, stays.</summary>
    internal static KernelProfile Apply(KernelProfile profile, int megabytes)
    {
        long pages = (long)megabytes * PagesPerMegabyte;
        long buckets = BitOperations.RoundUpToPowerOf2(
            (uint)Math.Min((long)megabytes * BucketsPerMegabyte, MostBuckets));
        long tcp = Math.Max(pages / 16, 128);
        long udp = Math.Max(pages / 8, 128);
        long largest = pages * 4096 / 128;
        var sysctls = new Dictionary<string, string>(profile.Sysctls);
        Set(sysctls, "net.ipv4.tcp_max_orphans", $"{buckets / 2}");
        Set(sysctls, "net.ipv4.tcp_max_tw_buckets", $"{buckets / 2}");
        Set(sysctls, "net.ipv4.tcp_max_syn_backlog", $"{Math.Max(LeastBacklog, buckets / 128)}");
        Set(sysctls, "net.ipv4.tcp_mem", $"{tcp / 4 * 3}\t{tcp}\t{tcp / 4 * 6}");
        Set(sysctls, "net.ipv4.udp_mem", $"{udp / 4 * 3}\t{udp}\t{udp / 4 * 6}");
        Limit(sysctls, "net.ipv4.tcp_wmem", Math.Max(LeastSendBuffer, largest));
        Limit(sysctls, "net.ipv4.tcp_rmem", Math.Max(LeastReceiveBuffer, largest));
        return profile with { Sysctls = sysctls };
    }

    private static void Set(Dictionary<string, string> sysctls, string name, string value)
    {
        if (sysctls.ContainsKey(name))
        {
            sysctls[name] = value;
        }
    }

    // The third number is the release's own, unless the memory allows less.
    private static void Limit(Dictionary<string, string> sysctls, string name, long most)
    {
        if (sysctls.TryGetValue(name, out string? text) && text.Split('\t') is [var least, var first, var last]
            && long.Parse(last, System.Globalization.CultureInfo.InvariantCulture) > most)
        {
            sysctls[name] = $"{least}\t{first}\t{most}";
        }
    }
}
