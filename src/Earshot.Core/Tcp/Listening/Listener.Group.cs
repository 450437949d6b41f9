using Earshot.Core.Memory;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Listening;

/// <content>A listener among others of its port: its place in a SO_REUSEPORT group, and what happens to its queues when
/// it stops.</content>
internal sealed partial class Listener
{
    private bool _isAbandoned;

    /// <summary>The group that it is in, also as a member that has stopped; null: none.</summary>
    internal ReusePortGroup? Group { get; set; }

    /// <summary>The next listener of the same address and port, in the order in which they are asked.</summary>
    internal Listener? NextOfPort { get; set; }

    /// <summary>Whether it may be forgotten once its requests are gone: its socket is closed.</summary>
    internal bool IsAbandoned => _isAbandoned;

    /// <summary>Starts to fetch what a SYN touches of the listener itself.</summary>
    internal void Prefetch()
    {
        const int Lines = 4;
        CacheLines.Prefetch(this, Lines);
    }

    /// <summary>Starts to fetch where it is counted that the SYN was queued; the listener itself is there.</summary>
    internal void PrefetchTally()
    {
        const int TallyLines = 2;
        if (_queued is not null)
        {
            CacheLines.Prefetch(_queued, TallyLines);
        }
    }

    /// <summary>Starts to fetch where that will be written; the tally is there.</summary>
    internal void PrefetchVerdict() => _queued?.Prefetch();

    /// <summary>Listens again after a stop; requests that are still there are its own again. Linux:
    /// inet_csk_listen_start.</summary>
    internal void Restart(InetEndpoint local, int place)
    {
        Local = local;
        Place = place;
        IsListening = true;
    }

    /// <summary>Its socket is closed: it will not listen again.</summary>
    internal void Abandon()
    {
        _isAbandoned = true;
        _tcp.ForgetIfUnused(this);
    }

    /// <summary>Who takes over what belongs to this listener, which has stopped. Linux:
    /// reuseport_migrate_sock.</summary>
    /// <param name="tuple">Whose request or connection it is.</param>
    /// <returns>Another member of the group; null when there is no group, or none that may take it.</returns>
    internal Listener? Heir(in FourTuple tuple)
    {
        if (Group is not { } group)
        {
            return null;
        }

        Listener? heir = group.Migrate(
            tuple, _tcp.Table.Tag(tuple), _context.Sysctls.TcpMigrateReq != 0, _context.Options.Processor);
        if (heir is null)
        {
            _context.Mib.Count(Counter.TcpExtTCPMigrateReqFailure);
        }

        return heir;
    }

    /// <summary>Hands a connection that waits for accept() to another member, whose backlog is not asked.</summary>
    private bool TryMigrate(Connection connection)
    {
        if (Heir(connection.Tuple) is not { } heir)
        {
            return false;
        }

        connection.Migrate(heir);
        heir.AcceptQueue.Add(connection, _context.Now);
        _context.Mib.Count(Counter.TcpExtTCPMigrateReqSuccess);
        _context.Judge(
            connection.Tuple, new Verdict(RuleId.ChildMigrated, (uint)heir.AcceptQueue.Count, heir.Backlog), heir.Id);
        heir.Owner.OnReadiness(PollMask.In | PollMask.ReadNormal);
        return true;
    }
}
