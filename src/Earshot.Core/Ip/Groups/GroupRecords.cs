using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Ip.Groups;

/// <summary>What a record of a report says. RFC 3376 §4.2.12, RFC 3810 §5.2.12.</summary>
internal enum GroupRecordKind : byte
{
    IsInclude = 1,
    IsExclude = 2,
    ToInclude = 3,
    ToExclude = 4,
    Allow = 5,
    Block = 6,
}

/// <summary>A record of a report.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="Group">The group.</param>
/// <param name="Sources">The sources.</param>
internal readonly record struct GroupRecord(GroupRecordKind Kind, InetAddress Group, InetAddress[] Sources);

/// <summary>The records of a report, cut into as many packets as they need. Linux: add_grec.</summary>
internal sealed class GroupRecords(int addressLength)
{
    private readonly int _head = sizeof(uint) + addressLength;
    private readonly List<GroupRecord> _records = [];
    private int _at;
    private int _source;

    /// <summary>Whether all was written.</summary>
    internal bool IsOver => _at == _records.Count;

    internal void Add(GroupRecordKind kind, in InetAddress group, InetAddress[] sources) =>
        _records.Add(new GroupRecord(kind, group, sources));

    /// <summary>Plans the next packet.</summary>
    /// <param name="room">Bytes that a packet has for records.</param>
    /// <param name="records">Gets the number of its records.</param>
    /// <returns>Bytes of its records.</returns>
    internal int Measure(int room, out int records)
    {
        int at = _at, source = _source, length = 0;
        records = 0;
        while (at < _records.Count)
        {
            int taken = Fits(at, source, room - length, records == 0);
            if (taken < 0)
            {
                break;
            }

            length += _head + (taken * addressLength);
            records++;
            if (!Advance(ref at, ref source, taken))
            {
                break;
            }
        }

        return length;
    }

    /// <summary>Writes what <see cref="Measure"/> planned.</summary>
    internal void Write(Span<byte> bytes, int records)
    {
        for (; records > 0; records--)
        {
            const int CountOffset = 2;
            GroupRecord record = _records[_at];
            int taken = Fits(_at, _source, bytes.Length, isFirst: true);
            bytes[0] = (byte)record.Kind;
            BinaryPrimitives.WriteUInt16BigEndian(bytes[CountOffset..], (ushort)taken);
            Put(record.Group, bytes[sizeof(uint)..]);
            bytes = bytes[_head..];
            foreach (InetAddress source in record.Sources.AsSpan(_source, taken))
            {
                Put(source, bytes);
                bytes = bytes[addressLength..];
            }

            Advance(ref _at, ref _source, taken);
        }
    }

    // Sources of a record that fit; -1: it needs a packet of its own. What excludes is not cut but shortened, and
    // rather begins a packet than be shortened. RFC 3376 §4.2.16.
    private int Fits(int at, int source, int room, bool isFirst)
    {
        GroupRecord record = _records[at];
        if (room < _head)
        {
            return -1;
        }

        int wanted = record.Sources.Length - source;
        int most = Math.Min((room - _head) / addressLength, wanted);
        return most < wanted && !isFirst && (most == 0 || IsWhole(record)) ? -1 : most;
    }

    private static bool IsWhole(in GroupRecord record) =>
        record.Kind is GroupRecordKind.IsExclude or GroupRecordKind.ToExclude;

    // Whether the packet may go on with another record.
    private bool Advance(ref int at, ref int source, int taken)
    {
        GroupRecord record = _records[at];
        source += taken;
        bool isDone = IsWhole(record) || source == record.Sources.Length || taken == 0;
        if (isDone)
        {
            at++;
            source = 0;
        }

        return isDone;
    }

    private void Put(in InetAddress address, Span<byte> bytes)
    {
        if (addressLength == InetAddress.Length)
        {
            address.Write(bytes);
        }
        else
        {
            address.WriteIPv6(bytes);
        }
    }
}
