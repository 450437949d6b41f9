using System;
using System.Buffers;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Earshot.Lab.Experiments;

/// <summary>Writes a run as one JSON document; times are seconds.</summary>
public static class RunResultJson
{
    // The document is read by people and programs, never put into a web page as it is: "->" stays "->".
    private static readonly JsonWriterOptions Options = new()
    {
        Indented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes one run.</summary>
    /// <param name="result">The run.</param>
    /// <returns>The document, indented, ending without a newline.</returns>
    public static string Write(RunResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return Document(json => WriteRun(json, result));
    }

    /// <summary>Writes several runs as one array.</summary>
    /// <param name="results">The runs.</param>
    /// <returns>The document, indented, ending without a newline.</returns>
    public static string Write(IEnumerable<RunResult> results)
    {
        ArgumentNullException.ThrowIfNull(results);
        return Document(json =>
        {
            json.WriteStartArray();
            foreach (RunResult result in results)
            {
                WriteRun(json, result);
            }

            json.WriteEndArray();
        });
    }

    internal static string Document(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            write(json);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>Writes seconds with up to six decimals and at least one, so that a time looks like a time.</summary>
    internal static void WriteSeconds(Utf8JsonWriter json, string name, TimeSpan time)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(time.TotalSeconds.ToString("0.0#####", CultureInfo.InvariantCulture));
    }

    private static void WriteRun(Utf8JsonWriter json, RunResult result)
    {
        json.WriteStartObject();
        json.WriteNumber("schema", RunResult.Schema);
        json.WriteString("plan", result.Plan.Name);
        json.WriteString("target", result.Target);
        json.WriteNumber("seed", result.Seed);
        WriteArray(json, "samples", result.Samples, WriteSample);
        WriteArray(json, "connects", result.Connects, WriteConnect);
        WriteStrings(json, "why", result.Why);
        WriteStrings(json, "logs", result.Logs);
        WriteStrings(json, "notes", result.Notes);
        WriteArray(json, "packets", result.Packets, WritePacket);
        json.WriteEndObject();
    }

    private static void WriteSample(Utf8JsonWriter json, Sample sample)
    {
        json.WriteStartObject();
        WriteSeconds(json, "at", sample.At);
        WriteStates(json, "server", sample.Server);
        WriteStates(json, "client", sample.Client);
        WriteArray(json, "queues", sample.Queues, static (j, queue) =>
        {
            j.WriteStartObject();
            j.WriteNumber("port", queue.Port);
            j.WriteNumber("accept", queue.Accept);
            j.WriteNumber("limit", queue.Limit);
            j.WriteNumber("synRecv", queue.SynReceived);
            j.WriteEndObject();
        });
        json.WriteStartObject("counters");
        foreach ((string name, long value) in sample.Counters.OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            json.WriteNumber(name, value);
        }

        json.WriteEndObject();
        WriteArray(json, "table", sample.Table, WriteRow);
        json.WriteEndObject();
    }

    private static void WriteStates(Utf8JsonWriter json, string name, IReadOnlyDictionary<string, int> states)
    {
        json.WriteStartObject(name);
        foreach ((string state, int count) in states.OrderBy(s => TcpStates.Rank(s.Key)))
        {
            json.WriteNumber(state, count);
        }

        json.WriteEndObject();
    }

    private static void WriteRow(Utf8JsonWriter json, TableRow row)
    {
        json.WriteStartObject();
        json.WriteNumber("recvQ", row.ReceiveQueue);
        json.WriteNumber("sendQ", row.SendQueue);
        json.WriteString("local", row.Local);
        json.WriteString("remote", row.Remote);
        json.WriteString("state", row.State);
        json.WriteString("side", row.IsServer ? "server" : "client");
        json.WriteEndObject();
    }

    private static void WriteConnect(Utf8JsonWriter json, ConnectResult connect)
    {
        json.WriteStartObject();
        json.WriteNumber("client", connect.Client);
        WriteSeconds(json, "at", connect.At);
        if (connect.Returned is { } returned)
        {
            WriteSeconds(json, "returned", returned);
        }
        else
        {
            json.WriteNull("returned");
        }

        json.WriteString("errno", connect.Errno);
        json.WriteEndObject();
    }

    private static void WritePacket(Utf8JsonWriter json, PacketRecord packet)
    {
        json.WriteStartObject();
        WriteSeconds(json, "time", packet.Time);
        json.WriteNumber("connection", packet.Connection);
        json.WriteString("from", packet.From);
        json.WriteString("to", packet.To);
        json.WriteString("flags", packet.Flags);
        json.WriteNumber("seq", packet.Seq);
        json.WriteNumber("ack", packet.Ack);
        json.WriteNumber("length", packet.Length);
        json.WriteNumber("window", packet.Window);
        if (packet.Verdict is not null)
        {
            json.WriteString("verdict", packet.Verdict);
        }

        json.WriteEndObject();
    }

    private static void WriteStrings(Utf8JsonWriter json, string name, IReadOnlyList<string> texts) =>
        WriteArray(json, name, texts, static (j, text) => j.WriteStringValue(text));

    private static void WriteArray<T>(
        Utf8JsonWriter json, string name, IReadOnlyList<T> items, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartArray(name);
        foreach (T item in items)
        {
            write(json, item);
        }

        json.WriteEndArray();
    }
}
