using System;

namespace Earshot.Core.Tcp.Listening;

/// <content>Timers of coarse ticks: the one that all requests of 2.2 share, and the slow clock of the BSDs.</content>
internal sealed partial class SynAckTimer
{
    private int _tickNode = -1;
    private int _tickUsers;

    /// <summary>A third ACK was ignored: under 2.2.1 the shared timer then believes to have lost a user.</summary>
    internal void OnIgnoredAck()
    {
        if (_profile.OverflowLosesTimerUser == true)
        {
            LeaveTicking();
        }
    }

    /// <summary>The shared timer's turn: every request of every listener that is due is served. Linux:
    /// tcp_syn_recv_timer of 2.2.</summary>
    internal void OnTick()
    {
        for (int i = 0; i < _tcp.Listeners.Count; i++)
        {
            Listener? listener = _tcp.Listeners[i];
            if (listener is not { IsListening: true } || listener.Rules != _rules || listener.SynQueue.BucketCount == 0)
            {
                continue;
            }

            int retries = Retries(listener, pressure: false);
            int place = listener.SynQueue.FirstInBucket(0);
            while (place >= 0)
            {
                ref ConnectionRequest request = ref _tcp.Table.Requests[place];
                int next = request.NextInBucket - 1;
                if ((int)(request.Timer.Expires - (uint)_context.Jiffies) <= 0)
                {
                    Serve(listener, place, ref request, retries, bucket: 0);
                }

                place = next;
            }
        }

        if (_tickUsers > 0)
        {
            _tcp.Timers.Arm(_tickNode, _context.Clock.From(Tick));
        }
    }

    private void StartTicking()
    {
        _tickUsers++;
        if (_tickNode < 0)
        {
            _tickNode = _tcp.Timers.NewNode(TimerKind.SynAckTick, _tcp.NumberOf(_rules));
        }

        if (!_tcp.Timers.IsArmed(_tickNode))
        {
            _tcp.Timers.Arm(_tickNode, _context.Clock.From(Tick));
        }
    }

    private void LeaveTicking()
    {
        _tickUsers = Math.Max(0, _tickUsers - 1);
        if (_tickUsers == 0)
        {
            _tcp.Timers.Stop(_tickNode);
        }
    }

    /// <summary>The jiffy of the tick at which a wait of so many jiffies ends: so many whole ticks after the last
    /// one.</summary>
    private long OnTick(long jiffies)
    {
        long tick = _context.Clock.From(Tick);
        return ((_context.Jiffies / tick) + Math.Max(1, jiffies / tick)) * tick;
    }

    /// <summary>Jiffies of its lifetime that a request still has.</summary>
    private long Rest(in ConnectionRequest request)
    {
        long age = (uint)((uint)_context.NowMicroseconds - request.FirstSentMicroseconds);
        long rest = _lifetime - age;
        return rest <= 0 ? 0 : _context.Clock.FromMicroseconds(rest);
    }

    /// <summary>Whether a request's lifetime is over, to within a tick.</summary>
    private bool IsTooOld(in ConnectionRequest request) =>
        _lifetime > 0 && Rest(request) < _context.Clock.From(Tick);
}
