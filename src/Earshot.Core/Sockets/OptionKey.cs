namespace Earshot.Core.Sockets;

/// <summary>Linux's numbers of socket options: levels, names, and the keys under which plain values are kept.</summary>
internal static class OptionKey
{
    internal const int LevelIp = 0;
    internal const int LevelSocket = 1;
    internal const int LevelTcp = 6;
    internal const int LevelUdp = 17;
    internal const int LevelIPv6 = 41;

    internal const int FreeBind = LevelIp << 16 | 15;
    internal const int Transparent = LevelIp << 16 | 19;
    internal const int BindAddressNoPort = LevelIp << 16 | 24;
    internal const int LocalPortRange = LevelIp << 16 | 51;
    internal const int LingerSeconds = LevelSocket << 16 | 13;

    internal const int PeekOffset = LevelSocket << 16 | 42;
    internal const int InputQueueLength = LevelTcp << 16 | 36;

    internal static int Of(int level, int name) => level << 16 | name;
}
