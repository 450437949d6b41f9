using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using Earshot.Core.Wire;
using Earshot.Lab.Experiments;

namespace Earshot.Lab.Targets;

/// <summary>Reads and writes the files of the calling thread's network namespace.</summary>
/// <remarks>/proc/net is the main thread's namespace; /proc/thread-self/net the caller's. /proc/sys/net follows the
/// thread that opens the file.</remarks>
internal static class HostFiles
{
    private const string Net = "/proc/thread-self/net/";
    private const int LocalColumn = 1;
    private const int RemoteColumn = 2;
    private const int StateColumn = 3;
    private const int QueuesColumn = 4;

    /// <summary>Sets a sysctl.</summary>
    /// <returns>null, or why it could not be set.</returns>
    public static string? TrySet(SysctlSetting setting)
    {
        string path = PathOf(setting.Name);
        try
        {
            if (!File.Exists(path))
            {
                return $"{setting.Name} does not exist in a network namespace of this kernel";
            }

            File.WriteAllText(path, setting.Value + "\n");
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string now = File.ReadAllText(path).Trim().Replace('\t', ' ');
            return $"{setting.Name} cannot be set to '{setting.Value}' in a network namespace; it is '{now}'";
        }
    }

    /// <summary>A sysctl's value, with single blanks.</summary>
    public static string Get(string name) => File.ReadAllText(PathOf(name)).Trim().Replace('\t', ' ');

    /// <summary>Every counter of the namespace by nstat's name, in the order of the files.</summary>
    public static Dictionary<string, long> Counters()
    {
        var counters = new Dictionary<string, long>(StringComparer.Ordinal);
        ReadCounters(File.ReadAllText(Net + "snmp"), counters);
        ReadCounters(File.ReadAllText(Net + "netstat"), counters);
        return counters;
    }

    /// <summary>Pairs of lines, names and then values, each with the group before a colon.</summary>
    internal static void ReadCounters(string text, Dictionary<string, long> counters)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i + 1 < lines.Length; i += 2)
        {
            string[] names = lines[i].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string[] values = lines[i + 1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string group = names[0].TrimEnd(':');
            for (int n = 1; n < names.Length && n < values.Length; n++)
            {
                if (long.TryParse(values[n], CultureInfo.InvariantCulture, out long value))
                {
                    counters[group + names[n]] = value;
                }
            }
        }
    }

    /// <summary>The rows of /proc/net/tcp, listeners included, in the kernel's order.</summary>
    public static List<TableRow> Sockets(int serverPort) => ReadSockets(File.ReadAllText(Net + "tcp"), serverPort);

    /// <summary>Reads the text of /proc/net/tcp.</summary>
    internal static List<TableRow> ReadSockets(string text, int serverPort)
    {
        var rows = new List<TableRow>();
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..])
        {
            string[] columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (columns.Length <= QueuesColumn)
            {
                continue;
            }

            (string local, int port) = Endpoint(columns[LocalColumn]);
            (string remote, _) = Endpoint(columns[RemoteColumn]);
            int colon = columns[QueuesColumn].IndexOf(':', StringComparison.Ordinal);
            rows.Add(new TableRow(
                Hex(columns[QueuesColumn][(colon + 1)..]),
                Hex(columns[QueuesColumn][..colon]),
                local,
                remote,
                TcpStates.Name((int)Hex(columns[StateColumn])),
                port == serverPort));
        }

        return rows;
    }

    // An address is one 32-bit word in host order, so its bytes stand the wrong way round on a little-endian machine.
    private static (string Text, int Port) Endpoint(string column)
    {
        int colon = column.IndexOf(':', StringComparison.Ordinal);
        int port = (int)Hex(column[(colon + 1)..]);
        InetAddress address = InetAddress.Read(BitConverter.GetBytes((uint)Hex(column[..colon])));
        return ($"{address}:{(port == 0 ? "*" : port.ToString(CultureInfo.InvariantCulture))}", port);
    }

    private static long Hex(string text) =>
        long.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static string PathOf(string name) => "/proc/sys/" + name.Replace('.', '/');
}
