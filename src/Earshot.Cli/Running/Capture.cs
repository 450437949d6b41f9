using System;
using System.IO;
using System.Text;
using Earshot.Core;
using Earshot.Core.Wire;
using Earshot.Links;

namespace Earshot.Cli.Running;

/// <summary>A capture file of every packet of a stack, each with its verdicts as its comment.</summary>
internal sealed class Capture : IDisposable
{
    private const int Loopback = 1;

    private readonly CaptureFiles _files;
    private readonly Ledger _ledger;
    private readonly long _clockZero;
    private readonly Action<string> _say;
    private readonly string _deviceName;
    private readonly byte[] _whole = new byte[PacketBatch.MaximumPacketLength];
    private PcapngWriter _writer;
    private int _loopback;
    private int _device;
    private bool _failed;

    /// <summary>Starts a capture.</summary>
    /// <param name="files">The files, the first of which is there; they belong to the capture from now on.</param>
    /// <param name="stack">The stack; only its ledger's words are used.</param>
    /// <param name="clockZero">What a wall clock showed at the zero of the stack's clock.</param>
    /// <param name="device">The name of the interface after loopback.</param>
    /// <param name="say">Told when the file cannot be written any more.</param>
    internal Capture(
        CaptureFiles files, NetworkStack stack, DateTimeOffset clockZero, string device, Action<string> say)
    {
        _files = files;
        _ledger = stack.Ledger;
        _clockZero = (clockZero - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        _say = say;
        _deviceName = device;
        _writer = Begin();
    }

    /// <summary>Writes one packet; the stack's tap.</summary>
    internal void OnPacket(in TappedPacket packet)
    {
        if (_failed)
        {
            return;
        }

        try
        {
            if (_files.IsFull)
            {
                _writer.Dispose();
                _files.Next();
                _writer = Begin();
            }

            _writer.Write(
                packet.Interface == Loopback ? _loopback : _device, _clockZero + packet.Time.Nanoseconds, Whole(packet),
                Comment(packet.Verdicts), packet.IsOutbound ? PacketDirection.Outbound : PacketDirection.Inbound);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk must not end the stack.
            _failed = true;
            _say($"the capture ends here: {e.Message}");
        }
    }

    /// <summary>Writes what is left and closes the file.</summary>
    public void Dispose()
    {
        try
        {
            _writer.Dispose();
            _files.Dispose();
        }
        catch (IOException e)
        {
            _say($"the end of the capture is lost: {e.Message}");
        }
    }

    private PcapngWriter Begin()
    {
        var writer = new PcapngWriter(_files.Current, leaveOpen: true);
        _loopback = writer.AddInterface("lo");
        _device = writer.AddInterface(_deviceName);
        return writer;
    }

    /// <summary>The packet with its checksum, also when that was left to the link.</summary>
    private ReadOnlySpan<byte> Whole(in TappedPacket packet)
    {
        if ((packet.Info.Flags & PacketFlags.ChecksumPartial) == 0)
        {
            return packet.Bytes;
        }

        Span<byte> copy = _whole.AsSpan(0, packet.Bytes.Length);
        packet.Bytes.CopyTo(copy);
        TcpFields.CompleteChecksum(copy);
        return copy;
    }

    private string? Comment(ReadOnlySpan<LedgerEntry> verdicts)
    {
        if (verdicts.IsEmpty)
        {
            return null;
        }

        var text = new StringBuilder();
        foreach (LedgerEntry entry in verdicts)
        {
            text.Append(text.Length == 0 ? "" : "; ").Append(entry.Rule).Append(": ").Append(_ledger.Explain(entry));
        }

        return text.ToString();
    }
}
