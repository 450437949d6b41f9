using Earshot.Core.Wire;

namespace Earshot.Core.Ip;

/// <summary>Identifications of IPv4 packets that no connection numbers and that may be cut: ICMP's. Linux:
/// __ip_select_ident, ip_idents_reserve (net/ipv4/route.c).</summary>
/// <remarks>
/// A counter for each way and protocol, of which several share one. It advances by one, and by a drawn number of the
/// ticks since its last use, so that nobody can count what is sent to others.
/// </remarks>
internal sealed class IpIdentifications
{
    private const int Counters = 2048;

    private readonly StackContext _context;
    private readonly Chance _chance;
    private uint[] _last = [];
    private uint[] _usedAt = [];
    private ulong _key0;
    private ulong _key1;

    internal IpIdentifications(StackContext context)
    {
        _context = context;
        _chance = context.Identifications;
    }

    /// <summary>The identification of the next packet between two addresses.</summary>
    internal ushort Next(in InetAddress from, in InetAddress to, byte protocol)
    {
        if (_last.Length == 0)
        {
            Begin();
        }

        ulong hash = SipHash.Hash(_key0, _key1, ((ulong)to.Bits << 32) | from.Bits, protocol);
        int place = (int)(hash % Counters);
        uint now = (uint)_context.Jiffies;
        uint elapsed = now - _usedAt[place];
        uint drawn = elapsed == 0 ? 0 : _chance.Below(elapsed);
        _usedAt[place] = now;
        uint identification = _last[place] + drawn;
        _last[place] = identification + 1;
        return (ushort)identification;
    }

    // Many stacks never send ICMP: the table is made when it is first needed.
    private void Begin()
    {
        _key0 = _chance.Next();
        _key1 = _chance.Next();
        _usedAt = new uint[Counters];
        _last = new uint[Counters];
        for (int i = 0; i < Counters; i++)
        {
            _last[i] = _chance.NextUInt32();
        }
    }
}
