using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Threading;
using Earshot.Core;
using Earshot.Core.Wire;

namespace Earshot.Lab.Views;

/// <summary>Writes every change of a socket's state as a line of JSON.</summary>
/// <remarks>
/// <code>{"time":0.000041,"local":"127.0.0.1:6666","remote":"127.0.0.1:40000","old":"SYN_RECV","new":"ESTABLISHED",
/// "listener":"127.0.0.1:6666","rule":"RequestPromoted"}</code> A request begins as NONE to SYN_RECV; what ends goes to
/// CLOSE. Listener and rule are there when there is one. The stack's thread writes into memory; a file gets it with
/// <see cref="Flush"/>, when much has gathered, and at the end.
/// </remarks>
public sealed class StateLog : IDisposable
{
    private const int FlushLength = 1 << 16;

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Stream _stream;
    private readonly Action<string>? _say;
    private readonly ArrayBufferWriter<byte> _gathered = new(FlushLength);
    private readonly Dictionary<ushort, InetEndpoint> _listeners = [];
    private readonly Utf8JsonWriter _json;
    private readonly Lock _lock = new();
    private bool _failed;

    /// <summary>Starts a log.</summary>
    /// <param name="stream">Where it goes; disposed at the end.</param>
    /// <param name="say">Told once when it cannot be written any more; null to throw.</param>
    public StateLog(Stream stream, Action<string>? say = null)
    {
        _stream = stream;
        _say = say;
        _json = new Utf8JsonWriter(_gathered, Options);
    }

    /// <summary>Takes one change: the stack's <see cref="NetworkStack.Observer"/>.</summary>
    public void OnChange(in StateChange change)
    {
        lock (_lock)
        {
            if (change.New == TcpState.Listen)
            {
                _listeners[change.Listener] = change.Local;
            }

            Write(change);
            if (_gathered.WrittenCount >= FlushLength)
            {
                FlushGathered();
            }
        }
    }

    /// <summary>Writes what has gathered.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            FlushGathered();
        }
    }

    /// <summary>Writes what is left and closes the stream.</summary>
    public void Dispose()
    {
        Flush();
        lock (_lock)
        {
            _json.Dispose();
            _stream.Dispose();
        }
    }

    private void Write(in StateChange change)
    {
        _json.Reset();
        _json.WriteStartObject();
        _json.WriteNumber("time", (decimal)change.Time.Nanoseconds / 1_000_000_000);
        _json.WriteString("local", change.Local.ToString());
        _json.WriteString("remote", change.Remote.ToString());
        _json.WriteString("old", Name(change.Old));
        _json.WriteString("new", Name(change.New));
        if (_listeners.TryGetValue(change.Listener, out InetEndpoint listener))
        {
            _json.WriteString("listener", listener.ToString());
        }

        if (change.Rule != RuleId.None)
        {
            _json.WriteString("rule", change.Rule.ToString());
        }

        _json.WriteEndObject();
        _json.Flush();
        _gathered.Write("\n"u8);
    }

    private static string Name(TcpState state) => state == TcpState.None ? "NONE" : NetstatView.StateName(state);

    private void FlushGathered()
    {
        try
        {
            if (!_failed)
            {
                _stream.Write(_gathered.WrittenSpan);
                _stream.Flush();
            }
        }
        catch (IOException e) when (_say is not null)
        {
            // A full disk must not end the stack.
            _failed = true;
            _say($"the record of states ends here: {e.Message}");
        }

        _gathered.ResetWrittenCount();
    }
}
