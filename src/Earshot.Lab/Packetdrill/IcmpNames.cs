using System.Collections.Generic;
using System.Linq;

namespace Earshot.Lab.Packetdrill;

/// <summary>The names of ICMP types and codes, with their numbers in both versions.</summary>
internal static class IcmpNames
{
    private const int None = -1;
    private const string Unreachable = "unreachable";
    private const string TooBig = "packet_too_big";

    private static readonly Dictionary<string, (int Four, int Six)> Types = new()
    {
        [Unreachable] = (3, 1),
        [TooBig] = (3, 2),
        ["source_quench"] = (4, None),
        ["redirect"] = (5, None),
        ["time_exceeded"] = (11, 3),
        ["parameter_problem"] = (12, 4),
    };

    // The codes of both versions have a name of their own; a name of one version stands for its like in the other.
    private static readonly Dictionary<string, (int Four, int Six)> UnreachableCodes = new()
    {
        ["net_unreachable"] = (0, 0),
        ["host_unreachable"] = (1, 3),
        ["protocol_unreachable"] = (2, None),
        ["port_unreachable"] = (3, 4),
        ["frag_needed"] = (4, None),
        ["source_route_failed"] = (5, None),
        ["net_unknown"] = (6, None),
        ["host_unknown"] = (7, None),
        ["host_isolated"] = (8, None),
        ["net_prohibited"] = (9, None),
        ["host_prohibited"] = (10, None),
        ["net_unreachable_for_tos"] = (11, None),
        ["host_unreachable_for_tos"] = (12, None),
        ["packet_filtered"] = (13, 1),
        ["precedence_violation"] = (14, None),
        ["precedence_cutoff"] = (15, None),
        ["no_route"] = (0, 0),
        ["admin_prohibited"] = (13, 1),
        ["address_unreachable"] = (1, 3),
    };

    /// <summary>What is wrong with a message as written, or null.</summary>
    public static string? Problem(IcmpPattern icmp)
    {
        if (!Types.ContainsKey(icmp.Type))
        {
            return $"there is no ICMP type '{icmp.Type}'; known are {string.Join(", ", Types.Keys)}";
        }

        if (icmp.Type == Unreachable && (icmp.Code is null || !UnreachableCodes.ContainsKey(icmp.Code)))
        {
            return $"there is no code '{icmp.Code}' of unreachable; known are "
                + string.Join(", ", UnreachableCodes.Keys);
        }

        return icmp.Type != Unreachable && icmp.Code is { } code && code != "ttl"
            ? $"the ICMP type {icmp.Type} has no code '{code}'"
            : null;
    }

    /// <summary>The numbers of a message in a version; false when the version has no such message.</summary>
    public static bool TryNumbers(IcmpPattern icmp, bool six, out int type, out int code)
    {
        (int four6, int six6) = Types[icmp.Type];
        type = six ? six6 : four6;
        code = icmp.Type == TooBig && !six ? 4 : 0;
        if (icmp.Type == Unreachable && icmp.Code is { } name)
        {
            (int codeFour, int codeSix) = UnreachableCodes[name];
            code = six ? codeSix : codeFour;
            if (six && name == "frag_needed")
            {
                (type, code) = (Types[TooBig].Six, 0);
            }
        }

        return type != None && code != None;
    }

    /// <summary>How a message is written.</summary>
    public static string Describe(int type, int code, bool six)
    {
        string? name = Types.FirstOrDefault(t => (six ? t.Value.Six : t.Value.Four) == type).Key;
        string? codeName = name == Unreachable
            ? UnreachableCodes.FirstOrDefault(c => (six ? c.Value.Six : c.Value.Four) == code).Key
            : null;
        return name is null
            ? $"icmp type {type} code {code}"
            : $"icmp {name}{(codeName is null ? "" : " " + codeName)}";
    }
}
