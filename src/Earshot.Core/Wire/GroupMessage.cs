namespace Earshot.Core.Wire;

/// <summary>Messages of IGMP: RFC 1112, RFC 2236, RFC 3376 §4.</summary>
internal static class GroupMessage
{
    internal const byte Protocol = 2;
    internal const int Version1 = 1;
    internal const int Version2 = 2;
    internal const int Version3 = 3;

    /// <summary>Bytes of a message of version 1 and 2, and of a report's head.</summary>
    internal const int Length = 8;

    /// <summary>Bytes of a question of version 3 without sources.</summary>
    internal const int QueryLength = 12;

    internal const byte Query = 0x11;
    internal const byte Report1 = 0x12;
    internal const byte Report2 = 0x16;
    internal const byte Leave = 0x17;
    internal const byte Report3 = 0x22;

    /// <summary>Records of a report: all sources are listened to; from now on; none is any more.</summary>
    internal const byte IsExclude = 2;
    internal const byte ToExclude = 4;
    internal const byte ToInclude = 3;

    /// <summary>Internetwork control.</summary>
    internal const byte TypeOfService = 0xc0;

    /// <summary>Routers look at the packet though it is not for them. RFC 2113.</summary>
    internal static byte[] RouterAlert { get; } = [0x94, 4, 0, 0];

    /// <summary>A time or interval: itself up to 127, then a number of four bits and an exponent of three. RFC 3376
    /// §4.1.1.</summary>
    internal static int Value(int code) => code < 0x80 ? code : ((code & 0xf) | 0x10) << (((code >> 4) & 7) + 3);
}
