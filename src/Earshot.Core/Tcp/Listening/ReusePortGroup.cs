using System.Collections.Generic;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Listening;

/// <summary>Listeners that share a port by SO_REUSEPORT, and who of them gets a connection. Linux: struct
/// sock_reuseport.</summary>
/// <remarks>
/// One group has one address, family, IPV6_V6ONLY, interface and user. The order of its members can be observed: they
/// stand in the order in which they joined, and the last takes the place of one that leaves.
/// </remarks>
internal sealed class ReusePortGroup
{
    private readonly List<Listener> _members = [];
    private readonly List<Listener> _closed = [];
    private bool _usesProcessor;

    /// <summary>When a member last sent a SYN cookie. Linux: synq_overflow_ts.</summary>
    internal OverflowStamp Overflow { get; } = new();

    /// <summary>Members that listen.</summary>
    internal int Count => _members.Count;

    /// <summary>Members that have stopped, kept because what belongs to them may go over to others.</summary>
    internal int ClosedCount => _closed.Count;

    /// <summary>A program's own choice; null: by hash. Linux: SO_ATTACH_REUSEPORT_EBPF.</summary>
    internal ReusePortSelector? Selector { get; private set; }

    /// <summary>Whether the program also chooses who takes over, so that it happens without tcp_migrate_req. Linux:
    /// BPF_SK_REUSEPORT_SELECT_OR_MIGRATE.</summary>
    internal bool SelectorMigrates { get; private set; }

    internal void SetSelector(ReusePortSelector? selector, bool migrates)
    {
        Selector = selector;
        SelectorMigrates = migrates;
    }

    /// <summary>Takes a listener in, or back in. Linux: reuseport_add_sock, reuseport_resurrect.</summary>
    internal void Join(Listener listener)
    {
        _closed.Remove(listener);
        _members.Add(listener);
        listener.Group = this;
        CountProcessors();
    }

    /// <summary>A member stops listening. Linux: reuseport_stop_listen_sock.</summary>
    /// <param name="listener">The member.</param>
    /// <param name="migrates">Whether tcp_migrate_req is on: then it stays in the group.</param>
    internal void Stop(Listener listener, bool migrates)
    {
        int place = _members.IndexOf(listener);
        _members[place] = _members[^1];
        _members.RemoveAt(_members.Count - 1);

        // Stryker disable once Statement : without it processors are compared in vain, and the hash chooses as well
        CountProcessors();
        if (migrates || (Selector is not null && SelectorMigrates))
        {
            _closed.Add(listener);
        }
        else
        {
            listener.Group = null;
        }
    }

    /// <summary>A member that has stopped is gone for good.</summary>
    internal void Forget(Listener listener)
    {
        _closed.Remove(listener);
        listener.Group = null;
    }

    /// <summary>SO_INCOMING_CPU of a member has changed.</summary>
    internal void CountProcessors() => _usesProcessor = _members.Exists(
        member => member.Options.IncomingCpu >= 0);

    /// <summary>Who gets a connection. Linux: reuseport_select_sock.</summary>
    /// <param name="tuple">Both its ends.</param>
    /// <param name="hash">Their hash.</param>
    /// <param name="processor">The core that the segment came on.</param>
    internal Listener? Select(in FourTuple tuple, uint hash, int processor) =>
        Chosen(tuple, hash, isMigration: false) ?? ByHash(hash, processor);

    /// <summary>Who takes over what a stopped member leaves. Linux: reuseport_migrate_sock.</summary>
    internal Listener? Migrate(in FourTuple tuple, uint hash, bool enabled, int processor)
    {
        bool choosing = Selector is not null && SelectorMigrates;
        if (_members.Count == 0 || !(enabled || choosing))
        {
            return null;
        }

        return (choosing ? Chosen(tuple, hash, isMigration: true) : null) ?? ByHash(hash, processor);
    }

    private Listener? Chosen(in FourTuple tuple, uint hash, bool isMigration)
    {
        if (Selector is not { } selector)
        {
            return null;
        }

        int index = selector(new ReusePortQuestion(tuple, hash, _members.Count, isMigration));
        return index >= 0 && index < _members.Count ? _members[index] : null;
    }

    private Listener? ByHash(uint hash, int processor)
    {
        int count = _members.Count;
        if (count == 0)
        {
            return null;
        }

        int index = (int)(((ulong)hash * (uint)count) >> 32);
        for (int i = 0; i < count && _usesProcessor; i++)
        {
            Listener member = _members[(index + i) % count];
            if (member.Options.IncomingCpu == processor)
            {
                return member;
            }
        }

        return _members[index];
    }
}
