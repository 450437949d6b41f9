using System;
using System.Collections.Generic;

namespace Earshot.Core.Sockets;

/// <summary>An event of an epoll: what is wanted or found, and what the program wants back with it.</summary>
/// <param name="Events">The bits: those of poll, EPOLLET (1 &lt;&lt; 31), EPOLLONESHOT (1 &lt;&lt; 30), EPOLLEXCLUSIVE
/// (1 &lt;&lt; 28).</param>
/// <param name="Data">Any number.</param>
public readonly record struct EpollEvent(uint Events, ulong Data);

/// <summary>A descriptor that an epoll watches. Linux: struct epitem.</summary>
internal sealed class EpollItem(Epoll epoll, OpenFile target, EpollEvent wanted)
{
    internal Epoll Epoll { get; } = epoll;

    internal OpenFile Target { get; } = target;

    internal EpollEvent Wanted { get; set; } = wanted;

    internal bool IsExclusive => (Wanted.Events & Epoll.Exclusive) != 0;

    /// <summary>Its place in the list of those that may be ready; null: it is not there.</summary>
    internal LinkedListNode<EpollItem>? Place { get; set; }

    /// <summary>Kept for the next time that it becomes ready.</summary>
    internal LinkedListNode<EpollItem>? Node { get; set; }

    /// <summary>What it is ready for of what is wanted. Linux: ep_item_poll.</summary>
    internal uint Ready => (uint)Target.Poll() & Wanted.Events;
}

/// <summary>An epoll: watched descriptors, and a list of those that may be ready, in the order in which they became so.
/// Linux: struct eventpoll.</summary>
/// <remarks>Only wake-ups put an item into the list: waiting costs what is ready, however many are idle.</remarks>
internal sealed class Epoll : OpenFile
{
    internal const uint EdgeTriggered = 1u << 31;
    internal const uint OneShot = 1u << 30;
    internal const uint WakeUp = 1u << 29;
    internal const uint Exclusive = 1u << 28;
    private const uint Private = EdgeTriggered | OneShot | WakeUp | Exclusive;
    private const uint Always = (uint)(PollMask.Err | PollMask.Hup);
    private const uint WithExclusive =
        (uint)(PollMask.In | PollMask.Out | PollMask.Err | PollMask.Hup) | WakeUp | EdgeTriggered | Exclusive;

    private readonly Dictionary<OpenFile, EpollItem> _items = [];
    private readonly LinkedList<EpollItem> _ready = new();

    // Somebody found nothing and has not been told of anything since: in Linux he would sleep.
    private bool _isAwaited;

    /// <summary>What it watches.</summary>
    internal IEnumerable<OpenFile> Targets => _items.Keys;

    /// <summary>Adds a descriptor. Linux: ep_insert.</summary>
    /// <returns>0; -EINVAL, -ELOOP, -EEXIST.</returns>
    internal int Add(OpenFile target, EpollEvent wanted)
    {
        bool exclusive = (wanted.Events & Exclusive) != 0;
        if (exclusive && (target is Epoll || (wanted.Events & ~WithExclusive) != 0))
        {
            return -Errno.EINVAL;
        }

        if (target is Epoll inner && EpollNesting.IsTooDeep(this, inner))
        {
            return -Errno.ELOOP;
        }

        if (_items.ContainsKey(target))
        {
            return -Errno.EEXIST;
        }

        var item = new EpollItem(this, target, wanted with { Events = wanted.Events | Always });
        item.Node = new LinkedListNode<EpollItem>(item);
        _items.Add(target, item);
        target.Watch(item);
        if ((target is Epoll || Watches.Count > 0) && EpollNesting.HasTooManyWays(target))
        {
            Remove(item);
            return -Errno.EINVAL;
        }

        AppendIfReady(item);
        return 0;
    }

    /// <summary>Changes what is wanted of a descriptor. Linux: ep_modify.</summary>
    /// <returns>0; -EINVAL, -ENOENT.</returns>
    internal int Modify(OpenFile target, EpollEvent wanted)
    {
        if ((wanted.Events & Exclusive) != 0)
        {
            return -Errno.EINVAL;
        }

        if (!_items.TryGetValue(target, out EpollItem? item))
        {
            return -Errno.ENOENT;
        }

        if (item.IsExclusive)
        {
            return -Errno.EINVAL;
        }

        item.Wanted = wanted with { Events = wanted.Events | Always };
        AppendIfReady(item);
        return 0;
    }

    /// <summary>Takes a descriptor out.</summary>
    /// <returns>0; -ENOENT.</returns>
    internal int Delete(OpenFile target)
    {
        if (!_items.TryGetValue(target, out EpollItem? item))
        {
            return -Errno.ENOENT;
        }

        Remove(item);
        return 0;
    }

    /// <summary>Takes an item out of everything.</summary>
    internal void Remove(EpollItem item)
    {
        _items.Remove(item.Target);
        item.Target.Unwatch(item);
        Drop(item);
    }

    /// <summary>Something happened to a watched descriptor. Linux: ep_poll_callback.</summary>
    /// <returns>Whether it is taken care of, so that nobody behind an exclusive item needs to be told.</returns>
    internal bool OnWake(EpollItem item, PollMask changed)
    {
        uint wanted = item.Wanted.Events & ~Private;
        if (wanted == 0 || (changed != PollMask.None && ((uint)changed & wanted) == 0))
        {
            return false;
        }

        Append(item);
        TellWatchers(PollMask.In);
        if (!_isAwaited)
        {
            return !item.IsExclusive;
        }

        _isAwaited = false;
        return !item.IsExclusive || (changed & (PollMask.In | PollMask.Out)) switch
        {
            PollMask.None => true,
            PollMask.In => (wanted & (uint)PollMask.In) != 0,
            PollMask.Out => (wanted & (uint)PollMask.Out) != 0,
            _ => false,
        };
    }

    /// <summary>Takes events: each item that may be ready is asked again. Linux: ep_send_events.</summary>
    internal int Wait(Span<EpollEvent> events)
    {
        int found = 0;

        // A level-triggered item goes back to the end of the list; it is not to be met twice in one call.
        for (int left = _ready.Count; left > 0 && found < events.Length; left--)
        {
            EpollItem item = _ready.First!.Value;
            Drop(item);
            uint ready = item.Ready;
            if (ready == 0)
            {
                continue;
            }

            events[found++] = new EpollEvent(ready, item.Wanted.Data);
            if ((item.Wanted.Events & OneShot) != 0)
            {
                item.Wanted = item.Wanted with { Events = item.Wanted.Events & Private };
            }
            else if ((item.Wanted.Events & EdgeTriggered) == 0)
            {
                Append(item);
            }
        }

        _isAwaited = found == 0;
        return found;
    }

    /// <inheritdoc/>
    internal override PollMask Poll()
    {
        while (_ready.First is { } first)
        {
            if (first.Value.Ready != 0)
            {
                return PollMask.In | PollMask.ReadNormal;
            }

            Drop(first.Value);
        }

        return PollMask.None;
    }

    /// <summary>The epoll's descriptor is closed.</summary>
    internal void Close()
    {
        ForgetWatchers();
        foreach (EpollItem item in _items.Values)
        {
            item.Target.Unwatch(item);
        }

        _items.Clear();
        _ready.Clear();
    }

    private void AppendIfReady(EpollItem item)
    {
        if (item.Ready != 0 && item.Place is null)
        {
            Append(item);
            TellWatchers(PollMask.In);
        }
    }

    private void Append(EpollItem item)
    {
        if (item.Place is null)
        {
            item.Place = item.Node;
            _ready.AddLast(item.Node!);
        }
    }

    private void Drop(EpollItem item)
    {
        if (item.Place is not null)
        {
            _ready.Remove(item.Node!);
            item.Place = null;
        }
    }
}
