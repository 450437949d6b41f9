using System.Collections.Generic;

namespace Earshot.Core.Sockets;

/// <summary>What a descriptor names: a socket or an epoll. Its counterpart is struct file.</summary>
internal abstract class OpenFile
{
    // What epolls want to be told; null while none watches: nearly all sockets of nearly all programs.
    private List<EpollItem>? _watches;

    internal int Descriptor { get; set; }

    /// <summary>The flags that fcntl(F_SETFL) may change.</summary>
    internal int StatusFlags { get; set; }

    /// <summary>The epolls that watch it.</summary>
    internal IReadOnlyList<EpollItem> Watches => _watches ?? [];

    /// <summary>What it is ready for now.</summary>
    internal abstract PollMask Poll();

    /// <summary>Adds an epoll's item: a plain one before all others, an exclusive one behind them. Linux:
    /// add_wait_queue, add_wait_queue_exclusive.</summary>
    internal void Watch(EpollItem item)
    {
        _watches ??= [];
        if (item.IsExclusive)
        {
            _watches.Add(item);
        }
        else
        {
            _watches.Insert(0, item);
        }
    }

    /// <summary>Takes an epoll's item away.</summary>
    internal void Unwatch(EpollItem item)
    {
        _watches?.Remove(item);
        if (_watches is { Count: 0 })
        {
            _watches = null;
        }
    }

    /// <summary>Tells the epolls that watch: all plain items, and of the exclusive ones the first whose epoll somebody
    /// waits at.</summary>
    /// <param name="changed">What has happened; nothing: anything.</param>
    private protected void TellWatchers(PollMask changed)
    {
        if (_watches is null)
        {
            return;
        }

        foreach (EpollItem item in _watches)
        {
            if (item.Epoll.OnWake(item, changed) && item.IsExclusive)
            {
                break;
            }
        }
    }

    /// <summary>The descriptor is closed: no epoll watches any more. Linux: eventpoll_release_file.</summary>
    private protected void ForgetWatchers()
    {
        while (_watches is { Count: > 0 })
        {
            EpollItem item = _watches[^1];
            item.Epoll.Remove(item);
        }
    }
}
