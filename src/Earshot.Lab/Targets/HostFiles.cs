using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Net;
using System.Text;
using Earshot.Core.Wire;
using Earshot.Lab.Experiments;
using Earshot.Lab.Native;

namespace Earshot.Lab.Targets;

/// <summary>Reads and writes the files of the calling thread's network namespace.</summary>
/// <remarks>/proc/net is the main thread's namespace; /proc/thread-self/net the caller's. /proc/sys/net follows the
/// thread that opens the file.</remarks>
internal static class HostFiles
{
    private const string Net = "/proc/thread-self/net/";
    private const int OpenWriteOnly = 1;
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

    /// <summary>A sysctl's value, with single blanks.</summary>
    /// <returns>False when the namespace has no such sysctl.</returns>
    public static bool TryGet(string name, out string value)
    {
        try
        {
            value = Get(name);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            value = "";
            return false;
        }
    }

    /// <summary>Sets a sysctl.</summary>
    /// <returns>0 or a negated errno.</returns>
    public static unsafe int Set(string name, string value)
    {
        int descriptor = Libc.Open(PathOf(name), OpenWriteOnly | Libc.OpenCloexec);
        if (descriptor < 0)
        {
            return -LastError.Number;
        }

        byte[] text = Encoding.ASCII.GetBytes(value + "\n");
        fixed (byte* start = text)
        {
            int result = Libc.Write(descriptor, start, text.Length) < 0 ? -LastError.Number : 0;
            _ = Libc.Close(descriptor);
            return result;
        }
    }

    /// <summary>Every counter of the namespace by nstat's name, in the order of the files.</summary>
    public static Dictionary<string, long> Counters()
    {
        var counters = new Dictionary<string, long>(StringComparer.Ordinal);
        ReadCounters(File.ReadAllText(Net + "snmp"), counters);
        ReadCounters(File.ReadAllText(Net + "netstat"), counters);
        return counters;
    }

    /// <summary>The counters of <see cref="Counters"/> and those of IPv6.</summary>
    public static Dictionary<string, long> AllCounters()
    {
        Dictionary<string, long> counters = Counters();
        ReadSingleCounters(File.ReadAllText(Net + "snmp6"), counters);
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

    /// <summary>A line for each counter: its name and its value.</summary>
    internal static void ReadSingleCounters(string text, Dictionary<string, long> counters)
    {
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length == 2 && long.TryParse(parts[1], CultureInfo.InvariantCulture, out long value))
            {
                counters[parts[0]] = value;
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

    /// <summary>The rows of /proc/net/tcp and then tcp6, in the kernel's order.</summary>
    public static List<TargetSocket> AllSockets()
    {
        var rows = new List<TargetSocket>();
        foreach (string file in (string[])["tcp", "tcp6"])
        {
            string[] lines = File.ReadAllText(Net + file).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            for (int i = 1; i < lines.Length; i++)
            {
                string[] columns = lines[i].Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (columns.Length > QueuesColumn)
                {
                    string[] queues = columns[QueuesColumn].Split(':');
                    rows.Add(new TargetSocket(
                        AnyEndpoint(columns[LocalColumn]),
                        AnyEndpoint(columns[RemoteColumn]),
                        (int)Hex(columns[StateColumn]),
                        Hex(queues[1]),
                        Hex(queues[0])));
                }
            }
        }

        return rows;
    }

    // Each 32-bit word of an address stands in host order.
    private static IPEndPoint AnyEndpoint(string column)
    {
        int colon = column.IndexOf(':', StringComparison.Ordinal);
        byte[] bytes = Convert.FromHexString(column[..colon]);
        for (int i = 0; i < bytes.Length && BitConverter.IsLittleEndian; i += sizeof(uint))
        {
            Array.Reverse(bytes, i, sizeof(uint));
        }

        return new IPEndPoint(new IPAddress(bytes), (int)Hex(column[(colon + 1)..]));
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
