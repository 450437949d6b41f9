using System;
using Earshot.Monitor.Native;

namespace Earshot.Monitor.Reading;

/// <summary>Takes one row of a dump.</summary>
internal delegate void RowTaker(ReadOnlySpan<byte> row);

/// <summary>How a dump went.</summary>
/// <param name="Error">0, or the errno with which the kernel refused.</param>
/// <param name="IsComplete">Whether nothing is known to be missing. A dump of a table that changes can miss a socket
/// and not say so.</param>
internal readonly record struct DumpOutcome(int Error, bool IsComplete)
{
    public bool Answered => Error == 0;
}

/// <summary>Asks the kernel of one network namespace for its sockets.</summary>
/// <remarks>More than one socket: the kernel refuses a request beside a dump that runs (EBUSY), and peaks are sampled
/// by another thread.</remarks>
internal sealed class SockDiag : IDisposable
{
    private const int MostAttempts = 3;
    private const int ErrorBusy = 16;

    private readonly NetlinkSocket _dumps;
    private readonly byte[] _request = new byte[DiagProtocol.LongestRequest];

    /// <summary>Makes one of sockets that are open.</summary>
    /// <param name="dumps">For dumps.</param>
    /// <param name="gets">For exact queries.</param>
    /// <param name="peaks">For exact queries of the thread that samples peaks.</param>
    internal SockDiag(NetlinkSocket dumps, NetlinkSocket gets, NetlinkSocket peaks)
    {
        _dumps = dumps;
        Gets = gets;
        Peaks = peaks;
    }

    /// <summary>The socket for exact queries.</summary>
    public NetlinkSocket Gets { get; }

    /// <summary>The socket for exact queries of the thread that samples peaks.</summary>
    public NetlinkSocket Peaks { get; }

    /// <summary>The namespace's number, unique as long as the machine runs; null before Linux 5.14.</summary>
    public ulong? NamespaceCookie => _dumps.NamespaceCookie();

    /// <summary>Opens the sockets in the calling thread's namespace.</summary>
    /// <param name="problem">The errno when there are none.</param>
    public static SockDiag? TryOpen(out int problem)
    {
        NetlinkSocket? dumps = NetlinkSocket.TryOpen(out problem);
        NetlinkSocket? gets = dumps is null ? null : NetlinkSocket.TryOpen(out problem);
        NetlinkSocket? peaks = gets is null ? null : NetlinkSocket.TryOpen(out problem);
        if (peaks is not null)
        {
            return new SockDiag(dumps!, gets!, peaks); // The last is open only after the others.
        }

        dumps?.Dispose();
        gets?.Dispose();
        return null;
    }

    /// <summary>Gives every TCP (or MPTCP) socket of a family in some states, once or, when the table changes
    /// meanwhile, more than once: know them by their cookie.</summary>
    public DumpOutcome Dump(
        byte family, int protocol, uint states, RowTaker take, ReadOnlySpan<ushort> ports = default,
        byte extensions = 0)
    {
        int length = DiagProtocol.WriteDump(_request, family, protocol, states, extensions, ports);
        return Dump(_request.AsSpan(0, length), take);
    }

    /// <summary>Gives every unix listener.</summary>
    public DumpOutcome DumpUnix(RowTaker take)
    {
        int length = DiagProtocol.WriteUnix(_request, 0, 0);
        return Dump(_request.AsSpan(0, length), take);
    }

    public void Dispose()
    {
        _dumps.Dispose();
        Gets.Dispose();
        Peaks.Dispose();
    }

    private DumpOutcome Dump(ReadOnlySpan<byte> request, RowTaker take)
    {
        int error = 0;
        for (int attempt = 0; attempt < MostAttempts; attempt++)
        {
            error = _dumps.Send(request);
            if (error != 0)
            {
                _dumps.Drain();
                continue;
            }

            error = _dumps.ReceiveDump(DiagProtocol.EndsDump, out ReadOnlySpan<byte> answers);
            if (error != 0)
            {
                // ENOBUFS: some answers are lost, and the rest may still come.
                _dumps.Drain();
                continue;
            }

            bool interrupted = Take(answers, take, out error);
            if (error == 0 && !interrupted)
            {
                return new DumpOutcome(0, true);
            }

            if (error is not (0 or ErrorBusy or Libc.ErrorNoBuffers))
            {
                return new DumpOutcome(error, false);
            }
        }

        return new DumpOutcome(error, false);
    }

    private static bool Take(ReadOnlySpan<byte> answers, RowTaker take, out int error)
    {
        bool interrupted = false;
        while (DiagProtocol.TryNext(ref answers, out DiagMessage kind, out ReadOnlySpan<byte> row, out error))
        {
            switch (kind)
            {
                case DiagMessage.InterruptedRow:
                    interrupted = true;
                    take(row);
                    break;
                case DiagMessage.Row:
                    take(row);
                    break;
                case DiagMessage.Done or DiagMessage.Error:
                    return interrupted;
                case DiagMessage.Malformed:
                    return true;
            }
        }

        return interrupted;
    }
}
