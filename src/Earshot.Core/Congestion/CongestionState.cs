using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Earshot.Core.Congestion;

/// <summary>A congestion window and what an algorithm remembers about it; windows count packets.</summary>
/// <remarks>It lies inside its connection: nothing is allocated when an algorithm begins. Linux: snd_cwnd and its
/// neighbours in struct tcp_sock, icsk_ca_priv.</remarks>
public struct CongestionState
{
    /// <summary>A threshold that nothing reaches. Linux: TCP_INFINITE_SSTHRESH.</summary>
    public const int InfiniteThreshold = 0x7fffffff;

    /// <summary>The bytes that an algorithm may keep of a connection. Linux: ICSK_CA_PRIV_SIZE.</summary>
    public const int PrivateLength = 104;

    /// <summary>The window, at least 1. Linux: snd_cwnd.</summary>
    public int Window;

    /// <summary>Below it the window grows by slow start. Linux: snd_ssthresh.</summary>
    public int Threshold;

    /// <summary>Packets acknowledged since the window last grew by one. Linux: snd_cwnd_cnt.</summary>
    public int Credit;

    /// <summary>The window before the last reduction. Linux: prior_cwnd.</summary>
    public int PriorWindow;

    /// <summary>The pace in bytes a second; 0: not known yet. Linux: sk_pacing_rate.</summary>
    public long PacingRate;

    private PrivateBytes _private;

    /// <summary>What the algorithm remembers, as its own type.</summary>
    /// <typeparam name="T">A struct without references of at most <see cref="PrivateLength"/> bytes; all zeros when
    /// the algorithm begins.</typeparam>
    /// <exception cref="InvariantException">The struct is too large.</exception>
    [UnscopedRef]
    internal ref T Private<T>()
        where T : unmanaged
    {
        Invariant.Check(Unsafe.SizeOf<T>() <= PrivateLength, "what an algorithm remembers fits into a connection");
        return ref Unsafe.As<PrivateBytes, T>(ref _private);
    }

    /// <summary>Forgets what an algorithm remembered.</summary>
    internal void ClearPrivate() => _private = default;

    [InlineArray(PrivateLength / sizeof(ulong))]
    private struct PrivateBytes
    {
        private ulong _first;
    }
}
