namespace Earshot.Core.Tcp;

/// <summary>How many challenge ACKs a stack sends in a second (RFC 5961 §7). Linux: tcp_send_challenge_ack.</summary>
internal sealed class ChallengeLimit
{
    private readonly StackContext _context;
    private readonly Chance _chance;
    private long _second = -1;
    private long _left;

    internal ChallengeLimit(StackContext context)
    {
        _context = context;
        _chance = context.Stream(ChanceStream.Limits);
    }

    /// <summary>Whether one more may be sent. Each second's quota is drawn, so that it cannot be counted from
    /// outside.</summary>
    internal bool TryTake()
    {
        int limit = _context.Sysctls.TcpChallengeAckLimit;
        if (limit == int.MaxValue)
        {
            return true;
        }

        long second = _context.Now.Nanoseconds / Time.Instant.NanosecondsPerSecond;
        if (second != _second)
        {
            _second = second;
            int half = (limit + 1) / 2;

            // Below 0 the kernel draws from all numbers: a limit of 0 limits nothing.
            _left = half + _chance.Below(limit == 0 ? uint.MaxValue : (uint)limit);
        }

        return _left > 0 && _left-- > 0;
    }
}
