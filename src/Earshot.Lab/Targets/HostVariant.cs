using System;
using Earshot.Core.Profiles;
using Earshot.Lab.Packetdrill;

namespace Earshot.Lab.Targets;

/// <summary>Where kernels of the reference's release do not all answer the same, what this host does.</summary>
public static class HostVariant
{
    /// <summary>A FIN without data comes while unread data keeps the window closed; <c>ANSWER</c> is what it gets. See
    /// docs/linux-facts.md.</summary>
    private const string FinAtClosedWindow = """
            0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
           +0   setsockopt(3, SOL_SOCKET, SO_RCVBUF, [4096], 4) = 0
           +0   bind(3, ..., ...) = 0
           +0   listen(3, 5) = 0
           +0   < S 0:0(0) win 65535 <mss 1460>
           +0   > S. 0:0(0) ack 1 <mss 1460>
         +.01   < . 1:1(0) ack 1 win 1000
           +0   accept(3, ..., ...) = 4
         +.01   < . 1:1461(1460) ack 1 win 1000
           +0   > . 1:1(0) ack 1461
         +.01   < . 1461:2921(1460) ack 1 win 1000
        +.038~+.050 > . 1:1(0) ack 2921 win 1460
         +.01   < . 2921:4381(1460) ack 1 win 1000
        +.038~+.050 > . 1:1(0) ack 4381 win 0
         +.01   < F. 4381:4381(0) ack 1 win 1000
        ANSWER
        """;

    /// <summary>The script of a host that answers such a FIN and refuses it.</summary>
    internal static Script FinRefused { get; } = Script.Parse(
        "a-bare-fin-against-a-closed-window-is-refused.pkt",
        "// counters: TcpExtBeyondWindow 1\n" + FinAtClosedWindow.Replace(
            "ANSWER",
            """
               +0   > . 1:1(0) ack 4381 win 0
               +0   %{ assert tcpi_state == 1, tcpi_state }%
            """,
            StringComparison.Ordinal));

    /// <summary>The script of a host that takes it, and acknowledges it late.</summary>
    internal static Script FinTaken { get; } = Script.Parse(
        "a-bare-fin-against-a-closed-window-is-taken.pkt",
        "// counters: TcpExtBeyondWindow 0\n" + FinAtClosedWindow.Replace(
            "ANSWER",
            """
            +.038~+.050 > . 1:1(0) ack 4382 win 0
               +0   %{ assert tcpi_state == 8, tcpi_state }%
            """,
            StringComparison.Ordinal));

    /// <summary>The profile of the reference's release that answers as the host's kernel does; asks the kernel, in a
    /// namespace, which takes a fifth of a second.</summary>
    /// <exception cref="CannotRunHereException">This machine or user has no namespaces or TUN devices.</exception>
    /// <exception cref="ExperimentFailedException">The kernel answers neither way.</exception>
    public static KernelProfile Ask()
    {
        var maker = new HostPacketTargetMaker();
        ScriptVerdict taken = Run(FinTaken);
        if (taken.Passed)
        {
            return KernelProfile.Linux618 with { TakesFinAtClosedWindow = true };
        }

        ScriptVerdict refused = Run(FinRefused);
        return refused.Passed
            ? KernelProfile.Linux618
            : throw new ExperimentFailedException(
                $"the host neither takes a FIN at a closed window nor refuses it\n{taken}\n{refused}");

        ScriptVerdict Run(Script script) => ScriptBatch.Run([(script, IpVersion.IPv4)], maker)[0];
    }
}
