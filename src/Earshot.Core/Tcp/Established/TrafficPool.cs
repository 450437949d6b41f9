using System;
using Earshot.Core.Memory;

namespace Earshot.Core.Tcp.Established;

/// <summary>Where connections rent what they need while something moves on them, and where it is written down in short
/// while nothing does.</summary>
/// <remarks>At most <see cref="Limit"/> are kept ready for connections on which nothing is queued, in flight or unread:
/// beyond that the one that was rented first is written down and given to the next connection that needs one.</remarks>
internal sealed class TrafficPool : IDisposable
{
    // How many are looked at for one that can be written down: with more than the limit at work, there may be none.
    private const int Looks = 4;

    private readonly CellStore _forms = new();
    private readonly byte[] _form = new byte[TrafficCode.LongestForm];

    // Those that are rented, and behind them those that are free.
    private Traffic?[] _all = new Traffic?[16];
    private int _count;
    private int _hand;

    internal TrafficPool(int limit) => Limit = limit;

    /// <summary>How many are kept ready.</summary>
    internal int Limit { get; }

    /// <summary>How many are rented.</summary>
    internal int Rented => _count;

    /// <summary>How many are written down.</summary>
    internal int WrittenDown => _forms.Count;

    /// <summary>Bytes of memory for those that are written down.</summary>
    internal long BytesWrittenDown => _forms.Bytes;

    /// <summary>Rents one: what was written down, or all zeros.</summary>
    /// <param name="user">Whose it is.</param>
    /// <param name="form">The number of what was written down, which is -1 then; -1: nothing was.</param>
    internal Traffic Rent(Connection user, ref int form)
    {
        if (_count >= Limit)
        {
            MakeRoom();
        }

        Traffic? free = _count < _all.Length ? _all[_count] : null;
        Traffic traffic = free ?? Add();
        _count++;
        traffic.User = user;
        if (form >= 0)
        {
            TrafficCode.Read(_forms[form], ref traffic.State);
            Forget(ref form);
        }

        return traffic;
    }

    /// <summary>Takes one back that nothing is queued in any more.</summary>
    internal void Return(Traffic traffic)
    {
        Traffic last = _all[--_count]!;
        _all[traffic.Place] = last;
        last.Place = traffic.Place;
        traffic.Place = _count;
        traffic.User = null;
        traffic.Loss = null;
        traffic.Marks = null;
        traffic.Urgent = null;
        traffic.Accurate = null;
        traffic.LastLook = 0;
        traffic.State = default;
        _all[_count] = _count < Limit ? traffic : null;
    }

    /// <summary>Writes one down and takes it back.</summary>
    /// <returns>The number of the short form.</returns>
    internal int WriteDown(Traffic traffic)
    {
        int form = _forms.Add(_form.AsSpan(0, TrafficCode.Write(ref traffic.State, _form)));
        Return(traffic);
        return form;
    }

    /// <summary>Forgets what was written down, if anything was.</summary>
    internal void Forget(ref int form)
    {
        if (form >= 0)
        {
            _forms.Remove(form);
            form = -1;
        }
    }

    /// <summary>Writes down all that can be: with a limit of 0 after each event.</summary>
    internal void WriteAllDown()
    {
        for (int i = _count - 1; i >= 0; i--)
        {
            _all[i]!.User!.TryRest();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _forms.Dispose();

    private Traffic Add()
    {
        if (_count == _all.Length)
        {
            Array.Resize(ref _all, _all.Length * 2);
        }

        return _all[_count] = new Traffic { Place = _count };
    }

    private void MakeRoom()
    {
        // Beyond the limit two go for each that comes, until it is kept again.
        int wanted = _count > Limit ? 2 : 1;
        for (int i = 0; i < Looks && wanted > 0 && _count > 0; i++)
        {
            _hand = _hand + 1 < _count ? _hand + 1 : 0;
            wanted -= _all[_hand]!.User!.TryRest() ? 1 : 0;
        }
    }
}
