using System;
using System.Collections.Concurrent;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using Earshot.Core;
using Earshot.Core.Time;

namespace Earshot.Native;

/// <content>Sysctls, counters and the two logs.</content>
internal sealed unsafe partial class Engine
{
    private const int LongestCounterName = 64;

    // A name that was handed out stays where it is: it may outlive its stack. There are some hundred of them.
    private static readonly ConcurrentDictionary<string, nint> StaticNames = new(StringComparer.Ordinal);

    /// <summary>A text that never goes away, NUL-terminated.</summary>
    internal static byte* StaticText(string text) =>
        (byte*)StaticNames.GetOrAdd(text, static text => Marshal.StringToCoTaskMemUTF8(text));

    /// <summary>es_sysctl_get.</summary>
    internal int GetSysctl(byte* name, byte* buffer, nuint capacity)
    {
        if (name == null || (buffer == null && capacity > 0))
        {
            return -Errno.EFAULT;
        }

        if (!_stack.Sysctls.TryGet(Text(name), out string value))
        {
            return -Errno.ENOENT;
        }

        if (capacity > 0)
        {
            var room = new Span<byte>(buffer, (int)Math.Min(capacity, int.MaxValue));
            int fits = Math.Min(value.Length, room.Length - 1);
            Encoding.ASCII.GetBytes(value.AsSpan(0, fits), room);
            room[fits] = 0;
        }

        return value.Length;
    }

    /// <summary>es_sysctl_set.</summary>
    internal int SetSysctl(byte* name, byte* value) =>
        name == null || value == null ? -Errno.EFAULT : _stack.Sysctls.Set(Text(name), Text(value));

    /// <summary>es_sysctl_name.</summary>
    internal byte* SysctlName(int index) =>
        (uint)index < (uint)_sysctlNames.Count ? StaticText(_sysctlNames[index]) : null;

    /// <summary>es_counter.</summary>
    internal int GetCounter(byte* name, long* value)
    {
        if (name == null || value == null)
        {
            return -Errno.EFAULT;
        }

        Span<char> text = stackalloc char[LongestCounterName];
        ReadOnlySpan<byte> bytes = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name);
        if (bytes.Length > text.Length
            || !_stack.Mib.TryGet(text[..Encoding.ASCII.GetChars(bytes, text)], out long count))
        {
            return -Errno.ENOENT;
        }

        *value = count;
        return 0;
    }

    /// <summary>es_counter_name.</summary>
    internal byte* CounterName(int index) =>
        (uint)index < (uint)_counterNames.Count ? StaticText(_counterNames[index]) : null;

    /// <summary>es_why: the verdicts that are still in the ledger's ring.</summary>
    internal int Why(ulong* cursor, byte* buffer, nuint capacity)
    {
        if (!TryRoom(cursor, buffer, capacity, out Span<byte> room, out int refusal))
        {
            return refusal;
        }

        var lines = new TextLines(room);
        Ledger ledger = _stack.Ledger;
        long at = lines.Begin(*cursor, ledger.Count, Math.Min(ledger.Count, Ledger.RingSize));
        while (at < ledger.Count)
        {
            ref readonly LedgerEntry entry = ref ledger.At(at);
            if (!lines.TryAdd(entry.Time, ledger.Explain(entry)))
            {
                break;
            }

            at++;
        }

        return lines.End(cursor, at, ledger.Count);
    }

    /// <summary>es_klog: the lines that are still in the kernel's log. Of a broken stack too.</summary>
    internal int KernelLog(ulong* cursor, byte* buffer, nuint capacity)
    {
        if (!TryRoom(cursor, buffer, capacity, out Span<byte> room, out int refusal))
        {
            return refusal;
        }

        var lines = new TextLines(room);
        KernelLog log = _stack.Log;
        long at = lines.Begin(*cursor, log.Count, log.Lines.Count);
        foreach (KernelLogLine line in log.Lines.Skip((int)(at - (log.Count - log.Lines.Count))))
        {
            if (!lines.TryAdd(line.Time, line.Text))
            {
                break;
            }

            at++;
        }

        return lines.End(cursor, at, log.Count);
    }

    private static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text)!;

    private static bool TryRoom(
        ulong* cursor, byte* buffer, nuint capacity, out Span<byte> room, out int refusal)
    {
        refusal = cursor == null || (buffer == null && capacity > 0) ? -Errno.EFAULT : 0;
        room = refusal == 0 ? new Span<byte>(buffer, (int)Math.Min(capacity, int.MaxValue)) : default;
        return refusal == 0;
    }
}

/// <summary>Whole lines of a log for a reader with a cursor, in the room that the reader has.</summary>
internal ref struct TextLines
{
    private readonly Span<byte> _room;
    private int _used;
    private long _lost;
    private bool _isFull;

    internal TextLines(Span<byte> room)
    {
        _room = room;
        _used = 0;
        _lost = 0;
    }

    /// <summary>Where the reader goes on: at its cursor, or, if it fell behind, at the oldest line, after one that says
    /// how many are lost.</summary>
    /// <param name="cursor">Lines that the reader has behind it.</param>
    /// <param name="count">Lines that were ever written.</param>
    /// <param name="kept">Lines that are still there.</param>
    internal long Begin(ulong cursor, long count, long kept)
    {
        long oldest = count - kept;
        long at = (long)Math.Min(cursor, (ulong)count);
        if (at < oldest)
        {
            _lost = oldest - at;
            _isFull = !TryPut(string.Create(CultureInfo.InvariantCulture, $"... {_lost} lost\n"));
            at = oldest;
        }

        return at;
    }

    /// <summary>Adds a line, unless it does not fit.</summary>
    internal bool TryAdd(Instant time, string text)
    {
        const long NanosecondsPerMicrosecond = 1000;
        long seconds = time.Nanoseconds / Instant.NanosecondsPerSecond;
        long micros = time.Nanoseconds % Instant.NanosecondsPerSecond / NanosecondsPerMicrosecond;
        _isFull = _isFull
            || !TryPut(string.Create(CultureInfo.InvariantCulture, $"{seconds}.{micros:D6} {text}\n"));
        return !_isFull;
    }

    /// <summary>Terminates the text and moves the reader's cursor.</summary>
    /// <returns>Bytes of text; 0: there was nothing; -ENOSPC: not even one line fitted, and the cursor
    /// stays.</returns>
    internal readonly unsafe int End(ulong* cursor, long at, long count)
    {
        if (_used == 0 && (at < count || _lost > 0))
        {
            return -Errno.ENOSPC;
        }

        if (_room.Length > 0)
        {
            _room[_used] = 0;
        }

        *cursor = (ulong)at;
        return _used;
    }

    private bool TryPut(string line)
    {
        int length = Encoding.UTF8.GetByteCount(line);
        if (length + 1 > _room.Length - _used)
        {
            return false;
        }

        _used += Encoding.UTF8.GetBytes(line, _room[_used..]);
        return true;
    }
}
