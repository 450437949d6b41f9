using System;
using System.Linq;
using System.Net;
using Earshot.Core.Time;
using Earshot.Lab.Targets;

namespace Earshot.Lab.Packetdrill;

/// <summary>Runs scripts on a target: script × target → verdict.</summary>
/// <param name="maker">Makes a fresh target for each run.</param>
public sealed class Runner(IPacketTargetMaker maker)
{
    // An IPv6 header is longer by this, and the device's MTU with it, so that one script holds for both.
    private const int LongerHeader = SegmentBytes.Ip6Header - SegmentBytes.Ip4Header;
    private const int DefaultMtu = 1500;

    /// <summary>The remote address over IPv4, unless the script names one.</summary>
    public static IPAddress DefaultRemote4 { get; } = IPAddress.Parse("192.0.2.1");

    /// <summary>The remote address over IPv6, unless the script names one.</summary>
    public static IPAddress DefaultRemote6 { get; } = IPAddress.Parse("2001:db8::1");

    /// <summary>Runs a script.</summary>
    /// <param name="script">The script.</param>
    /// <param name="version">The IP version.</param>
    /// <returns>The verdict.</returns>
    /// <exception cref="ScriptException">The script asks for something that does not exist.</exception>
    /// <exception cref="CannotRunHereException">This machine or user cannot run the target.</exception>
    public ScriptVerdict Run(Script script, IpVersion version)
    {
        ArgumentNullException.ThrowIfNull(script);
        bool six = version == IpVersion.IPv6;
        var options = new PacketTargetOptions
        {
            Mtu = (script.Options.Mtu ?? DefaultMtu) + (six ? LongerHeader : 0),
            HasBucket = script.SetUp.Concat(script.Events).Any(static e => e is CommandEvent { Bucket: not null }),
        };
        if (Own(script.Options.LocalIp, six) is { } local)
        {
            options = six ? options with { Local6 = local } : options with { Local4 = local };
        }

        IPAddress remote = Own(script.Options.RemoteIp, six) ?? (six ? DefaultRemote6 : DefaultRemote4);
        return maker.Run(options, target =>
        {
            Instant start = target.Now;
            ScriptFailure? failure = null;
            var run = new ScriptRun(script, version, target, remote);
            try
            {
                run.Go();
            }
            catch (ScriptFailure e)
            {
                failure = e;
            }
            finally
            {
                run.End();
            }

            return new ScriptVerdict
            {
                File = script.File,
                Target = target.Name,
                IpVersion = version,
                Line = failure?.Line ?? 0,
                Reason = failure?.Message,
                Expected = failure?.Expected,
                Seen = failure?.Seen,
                IsLate = failure is not null && (failure.IsLate || run.WasLate),
                Elapsed = target.Now - start,
            };
        });
    }

    // An address of the other family is for the other run.
    private static IPAddress? Own(string? text, bool six) =>
        text is not null && IPAddress.Parse(text) is var address
            && address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 == six
            ? address
            : null;
}
