using System;
using System.Buffers.Binary;
using System.Text;

namespace Earshot.Monitor.Reading;

/// <summary>A unix listener as the kernel's unix_diag tells of it. What it did not tell is null.</summary>
internal readonly struct UnixRow
{
    private const int Length = 16;
    private const int InodeOffset = 4;
    private const int CookieOffset = 8;
    private const int AttributeName = 0;
    private const int AttributeFile = 1;
    private const int AttributeQueue = 4;
    private const int AttributeUid = 7;
    private const int ListenState = 10;
    private const int AttributeTypeMask = 0x3fff;

    private UnixRow(ReadOnlySpan<byte> message)
    {
        Inode = BinaryPrimitives.ReadUInt32LittleEndian(message[InodeOffset..]);
        Cookie = BinaryPrimitives.ReadUInt64LittleEndian(message[CookieOffset..]);
        for (ReadOnlySpan<byte> rest = message[Length..]; rest.Length >= 4;)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(rest);
            if (length < 4 || length > rest.Length)
            {
                break;
            }

            ReadOnlySpan<byte> value = rest[4..length];
            switch (BinaryPrimitives.ReadUInt16LittleEndian(rest[2..]) & AttributeTypeMask)
            {
                case AttributeName:
                    Name = NameText(value);
                    break;
                case AttributeFile when value.Length >= 4:
                    FileInode = BinaryPrimitives.ReadUInt32LittleEndian(value);
                    break;
                case AttributeQueue when value.Length >= 8:
                    Queue = BinaryPrimitives.ReadUInt32LittleEndian(value);
                    Limit = BinaryPrimitives.ReadUInt32LittleEndian(value[4..]);
                    break;
                case AttributeUid when value.Length >= 4:
                    Uid = BinaryPrimitives.ReadUInt32LittleEndian(value);
                    break;
            }

            rest = rest[Math.Min((length + 3) & ~3, rest.Length)..];
        }
    }

    public uint Inode { get; }

    public ulong Cookie { get; }

    /// <summary>The path it is bound to, or <c>@name</c> of the abstract kind; null for none.</summary>
    public string? Name { get; }

    /// <summary>The inode of the file it is bound to.</summary>
    public uint? FileInode { get; }

    public uint? Queue { get; }

    public uint? Limit { get; }

    public uint? Uid { get; }

    /// <summary>Reads a row; false for another state or a message too short.</summary>
    public static bool TryParse(ReadOnlySpan<byte> message, out UnixRow row)
    {
        bool good = message.Length >= Length && message[2] == ListenState;
        row = good ? new UnixRow(message) : default;
        return good;
    }

    private static string? NameText(ReadOnlySpan<byte> name)
    {
        if (name.Length == 0)
        {
            return null;
        }

        return name[0] == 0
            ? "@" + Encoding.UTF8.GetString(name[1..]).TrimEnd('\0')
            : Encoding.UTF8.GetString(name).TrimEnd('\0');
    }
}
