using System.Collections.Generic;
using Earshot.Core.Profiles;
using Earshot.Core.Tcp.Listening;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <content>Listeners, their rules and their requests.</content>
internal sealed partial class TcpLayer
{
    private readonly List<Listener?> _listeners = [];
    private readonly Queue<int> _freeListeners = new();
    private readonly List<ListenRules> _rules = [];
    private ushort _lastListenerId;
    private long _listened;

    /// <summary>Makes a socket listen. The caller has checked that the address is free.</summary>
    /// <param name="local">The address and port.</param>
    /// <param name="backlog">The argument of listen().</param>
    /// <param name="owner">The socket.</param>
    /// <param name="options">Its options, which are the listener's from now on.</param>
    /// <param name="profile">Whose listener it is to be; null: the stack's own.</param>
    internal Listener Listen(
        InetEndpoint local, int backlog, ITcpOwner owner, SharedOptions options, KernelProfile? profile = null)
    {
        if (!_freeListeners.TryDequeue(out int place))
        {
            place = _listeners.Count;
            _listeners.Add(null);
        }

        // 0 means none; after 65535 listeners the ids come round.
        _lastListenerId = _lastListenerId == ushort.MaxValue ? (ushort)1 : (ushort)(_lastListenerId + 1);
        var listener = new Listener(
            this, place, _lastListenerId, local, owner, options, RulesOf(profile ?? Context.Profile))
        {
            Sequence = _listened++,
        };
        _listeners[place] = listener;
        Context.Ledger.NameListener(listener.Id, local);
        listener.SetBacklog(backlog);
        listener.StartFastOpen();
        Table.Listeners.Add(listener);
        if (Context.Observer is not null)
        {
            Context.Observe(new FourTuple(local, default), TcpState.Close, TcpState.Listen, listener.Id);
        }

        return listener;
    }

    /// <summary>Makes a listener that has stopped listen again, maybe elsewhere.</summary>
    internal void ListenAgain(Listener listener, InetEndpoint local, int backlog)
    {
        int place = listener.Place;
        if (_listeners[place] != listener && !_freeListeners.TryDequeue(out place))
        {
            place = _listeners.Count;
            _listeners.Add(null);
        }

        listener.Restart(local, place);
        _listeners[place] = listener;
        Context.Ledger.NameListener(listener.Id, local);
        listener.SetBacklog(backlog);
        listener.StartFastOpen();
        Table.Listeners.Add(listener);
    }

    /// <summary>The rules of a profile, made when a listener first wants them.</summary>
    internal ListenRules RulesOf(KernelProfile profile)
    {
        foreach (ListenRules known in _rules)
        {
            if (ReferenceEquals(known.Profile, profile))
            {
                return known;
            }
        }

        var rules = new ListenRules(this, profile);
        _rules.Add(rules);
        return rules;
    }

    /// <summary>A number by which a timer knows rules.</summary>
    internal int NumberOf(ListenRules rules) => _rules.IndexOf(rules);

    internal ListenRules RulesAt(int number) => _rules[number];

    internal Listener? ListenerAt(int place) => _listeners[place];

    /// <summary>Forgets a listener that has stopped and whose requests are gone.</summary>
    internal void ForgetIfUnused(Listener listener)
    {
        if (listener.IsListening || listener.SynQueue.Count > 0 || listener.FastOpenQueue.Unfinished > 0)
        {
            return;
        }

        if (_listeners[listener.Place] == listener)
        {
            Timers.FreeNode(ref listener.SweepNode);
            _listeners[listener.Place] = null;
            _freeListeners.Enqueue(listener.Place);
        }

        if (listener.IsAbandoned)
        {
            listener.Group?.Forget(listener);
        }
    }

    /// <summary>Removes a request from everywhere.</summary>
    internal void RemoveRequest(int place, ref ConnectionRequest request)
    {
        Listener listener = _listeners[request.Listener]!;
        FourTuple tuple = Table.Tuple(request);
        if (Context.Observer is not null)
        {
            Context.Observe(tuple, TcpState.SynRecv, TcpState.Close, listener.Id);
        }

        Table.Remove(Table.Tag(tuple), Handle.Of(HandleKind.Request, place));
        ForgetRequest(listener, place, ref request);
    }

    /// <summary>Takes a request out of its queue and its slab; its place in the table is another's by now.</summary>
    internal void ForgetRequest(Listener listener, int place, ref ConnectionRequest request)
    {
        if (Output.HasIpOptions)
        {
            Output.ForgetIpOptions(Table.Tuple(request));
        }

        listener.SynQueue.Remove(place, ref request, Table.Requests);
        listener.Rules.Timer.Stop(listener, place);
        Table.FreeRequest(place);
        if (_savedSyns.Count > 0)
        {
            _savedSyns.Remove(place);
        }

        ForgetIfUnused(listener);
    }
}
