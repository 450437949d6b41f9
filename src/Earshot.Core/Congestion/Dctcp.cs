using System;

namespace Earshot.Core.Congestion;

/// <summary>DCTCP (RFC 8257): the window shrinks by the share of packets that met congestion. Linux:
/// dctcp_update_alpha.</summary>
/// <remarks>For networks whose switches mark early. Written from the RFC.</remarks>
internal sealed class Dctcp : ICongestionControl
{
    internal static readonly Dctcp Instance = new();

    // The share in 1024ths, and how much of it a round changes. RFC 8257 §4.2: g = 1/16.
    private const int Whole = 1024;
    private const int WholeBits = 10;
    private const int GainBits = 4;
    private const int LeastThreshold = 2;

    /// <inheritdoc/>
    public string Name => "dctcp";

    /// <inheritdoc/>
    public CongestionTraits Traits => CongestionTraits.NeedsEcn;

    /// <inheritdoc/>
    public void Initialize(in CongestionContext connection)
    {
        ref State state = ref connection.State<State>();
        state.Share = Whole;
        StartRound(connection, ref state);
    }

    /// <inheritdoc/>
    public int Threshold(in CongestionContext connection)
    {
        ref State state = ref connection.State<State>();
        int window = connection.Congestion.Window;
        state.WindowBeforeLoss = window;
        return Math.Max(window - (int)((long)window * state.Share >> (WholeBits + 1)), LeastThreshold);
    }

    /// <inheritdoc/>
    public void Grow(in CongestionContext connection, int acknowledged) =>
        Reno.Instance.Grow(connection, acknowledged);

    /// <inheritdoc/>
    public int Undo(in CongestionContext connection) =>
        Math.Max(connection.Congestion.Window, connection.State<State>().WindowBeforeLoss);

    /// <inheritdoc/>
    public void OnAck(in CongestionContext connection, AckEvent kind)
    {
        ref State state = ref connection.State<State>();
        if ((int)(connection.Unacknowledged.Value - state.RoundEnd) < 0)
        {
            return;
        }

        uint delivered = connection.Delivered - state.Delivered;
        ulong marked = connection.DeliveredWithCe - state.DeliveredWithCe;
        uint less = state.Share >> GainBits;
        state.Share -= less == 0 ? state.Share : Math.Min(less, state.Share);
        if (marked > 0)
        {
            uint more = (uint)((marked << (WholeBits - GainBits)) / Math.Max(1, delivered));
            state.Share = Math.Min(state.Share + more, Whole);
        }

        StartRound(connection, ref state);
    }

    /// <inheritdoc/>
    public void OnState(in CongestionContext connection, RecoveryState recovery)
    {
        // A lost packet counts as for everybody else. RFC 8257 §3.5.
        if (recovery == RecoveryState.Recovery && connection.Recovery != RecoveryState.Recovery)
        {
            connection.State<State>().WindowBeforeLoss = connection.Congestion.Window;
            connection.Congestion.Threshold = Reno.HalfOf(connection.Congestion.Window);
        }
    }

    private static void StartRound(in CongestionContext connection, ref State state)
    {
        state.RoundEnd = connection.Next.Value;
        state.Delivered = connection.Delivered;
        state.DeliveredWithCe = connection.DeliveredWithCe;
    }

    private struct State
    {
        internal uint Share;
        internal uint RoundEnd;
        internal uint Delivered;
        internal uint DeliveredWithCe;
        internal int WindowBeforeLoss;
    }
}
