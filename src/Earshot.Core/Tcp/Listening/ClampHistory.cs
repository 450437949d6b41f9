using System.Collections.Generic;

namespace Earshot.Core.Tcp.Listening;

/// <summary>The bounds that a listener's windows had when its requests came. Linux: rsk_window_clamp, which each
/// request
/// keeps.</summary>
/// <remarks>
/// A request is 72 bytes and has no room for it. But it knows when its first SYN-ACK left, and a listener's bound
/// changes hardly ever: what it was before is kept here, with the moment at which a SYN first saw another.
/// </remarks>
internal struct ClampHistory
{
    // A program that goes on changing it while a peer goes on sending SYNs shall not fill the memory.
    private const int MostChanges = 256;

    private int _present;
    private List<(long UntilMicroseconds, int Clamp)>? _past;

    // Of requests that came over from another listener, by our initial sequence number.
    private Dictionary<uint, int>? _adopted;

    /// <summary>A SYN came while this was the bound.</summary>
    /// <param name="clamp">The bound, in bytes; more than 0.</param>
    /// <param name="nowMicroseconds">The present.</param>
    /// <param name="hasRequests">Whether requests exist that came before.</param>
    internal void Note(int clamp, long nowMicroseconds, bool hasRequests)
    {
        if (clamp != _present)
        {
            Change(clamp, nowMicroseconds, hasRequests);
        }
        else if (_adopted is not null && !hasRequests)
        {
            _adopted = null;
        }
    }

    /// <summary>What the bound was for a request.</summary>
    /// <param name="clamp">The present one, for a listener that has seen no SYN.</param>
    /// <param name="request">The request.</param>
    internal readonly int Of(int clamp, in ConnectionRequest request)
    {
        if (_adopted is not null && _adopted.TryGetValue(request.Isn, out int adopted))
        {
            return adopted;
        }

        if (_present == 0)
        {
            return clamp;
        }

        int found = _present;
        for (int index = (_past?.Count ?? 0) - 1; index >= 0; index--)
        {
            (long until, int past) = _past![index];
            if ((int)(request.FirstSentMicroseconds - (uint)until) >= 0)
            {
                break;
            }

            found = past;
        }

        return found;
    }

    /// <summary>A request came over from another listener, where the bound was another.</summary>
    internal void Adopt(in ConnectionRequest request, int clamp) => (_adopted ??= [])[request.Isn] = clamp;

    private void Change(int clamp, long nowMicroseconds, bool hasRequests)
    {
        if (!hasRequests)
        {
            _past = null;
            _adopted = null;
        }
        else if (_present != 0)
        {
            _past ??= [];
            if (_past.Count == MostChanges)
            {
                _past.RemoveAt(0);
            }

            _past.Add((nowMicroseconds, _present));
        }

        _present = clamp;
    }
}
