using System;
using System.Collections.Generic;

namespace Earshot.Benchmarks.Peers;

/// <summary>What the runner is asked to do.</summary>
/// <param name="Directory">Where the peers' programs are; null: ours alone.</param>
/// <param name="Rounds">Rounds, each of every workload and its peer.</param>
/// <param name="Core">The core that both run on.</param>
/// <param name="Output">A file that gets the report too; null: none.</param>
/// <param name="HalfOpens">Half-opens whose memory is measured beside that of a million; 0: none.</param>
/// <param name="Quick">Whether the workloads are cut to a hundredth, to see that all runs.</param>
internal sealed record PeersOptions(string? Directory, int Rounds, int Core, string? Output, int HalfOpens, bool Quick)
{
    internal const string Usage =
        "usage: peers [--peers DIR] [--rounds N] [--core N] [--out FILE] [--half-opens N] [--quick]\n" +
        "  --peers DIR   programs that bench/build-peers.sh built (else $EARSHOT_PEERS; else ours alone is run)\n" +
        "  --rounds N    rounds, each of every workload and its peer (3)\n" +
        "  --core N      the core that everything is pinned to (0)\n" +
        "  --out FILE    writes the report there too\n" +
        "  --half-opens N  measures the memory of so many half-opens too\n" +
        "  --quick       a hundredth of the work, one round: to see that all runs";

    /// <summary>Reads the arguments.</summary>
    /// <returns>Null when they are not understood.</returns>
    internal static PeersOptions? Parse(IReadOnlyList<string> arguments)
    {
        var options = new PeersOptions(Environment.GetEnvironmentVariable("EARSHOT_PEERS"), 3, 0, null, 0, false);
        for (int i = 0; i < arguments.Count; i++)
        {
            if (arguments[i] == "--quick")
            {
                options = options with { Quick = true, Rounds = 1 };
                continue;
            }

            if (i + 1 == arguments.Count)
            {
                return null;
            }

            string value = arguments[++i];
            bool number = int.TryParse(value, out int n);
            switch (arguments[i - 1])
            {
                case "--peers":
                    options = options with { Directory = value };
                    break;
                case "--rounds" when number && n > 0:
                    options = options with { Rounds = n };
                    break;
                case "--core" when number && n >= 0:
                    options = options with { Core = n };
                    break;
                case "--half-opens" when number && n > 0:
                    options = options with { HalfOpens = n };
                    break;
                case "--out":
                    options = options with { Output = value };
                    break;
                default:
                    return null;
            }
        }

        return options;
    }
}
