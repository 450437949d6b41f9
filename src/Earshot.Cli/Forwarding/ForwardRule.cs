using System.Collections.Generic;
using System.Globalization;
using System.Net;

namespace Earshot.Cli.Forwarding;

/// <summary>Which connections go where: those to a port here to an address and port there.</summary>
/// <param name="Local">Where to listen; null for every address.</param>
/// <param name="Port">The port to listen on.</param>
/// <param name="Target">Where each connection goes.</param>
internal sealed record ForwardRule(IPAddress? Local, int Port, IPEndPoint Target)
{
    /// <summary>Reads <c>[ADDRESS:]PORT:ADDRESS:PORT</c>, as ssh -L has it; IPv6 addresses stand in
    /// brackets.</summary>
    /// <returns>The rule; null when the text is none.</returns>
    internal static ForwardRule? Parse(string text)
    {
        List<string> parts = Split(text);
        if (parts.Count is not (3 or 4) || !TryPort(parts[^3], out int port) || !TryPort(parts[^1], out int targetPort)
            || !TryAddress(parts[^2], out IPAddress target))
        {
            return null;
        }

        IPAddress? local = null;
        if (parts.Count == 4)
        {
            if (!TryAddress(parts[0], out IPAddress given))
            {
                return null;
            }

            local = given;
        }

        return new ForwardRule(local, port, new IPEndPoint(target, targetPort));
    }

    // At the colons that are not inside brackets.
    private static List<string> Split(string text)
    {
        var parts = new List<string>();
        int begin = 0;
        bool inside = false;
        for (int i = 0; i < text.Length; i++)
        {
            inside = text[i] switch { '[' => true, ']' => false, _ => inside };
            if (text[i] == ':' && !inside)
            {
                parts.Add(text[begin..i]);
                begin = i + 1;
            }
        }

        parts.Add(text[begin..]);
        return parts;
    }

    private static bool TryPort(string text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port)
        && port is >= 1 and <= ushort.MaxValue;

    private static bool TryAddress(string text, out IPAddress address)
    {
        bool bracketed = text.StartsWith('[') && text.EndsWith(']');
        bool read = IPAddress.TryParse(text == "localhost" ? "127.0.0.1" : text, out IPAddress? found);
        address = found ?? IPAddress.None;
        return read && bracketed == (address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6);
    }
}
