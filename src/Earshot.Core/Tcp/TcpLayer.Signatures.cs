using System;
using System.Runtime.CompilerServices;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp;

/// <content>Signed segments: TCP_MD5SIG. Linux: tcp_inbound_hash, tcp_inbound_md5_hash.</content>
internal sealed partial class TcpLayer
{
    private const int LeastSigned = 18;

    /// <summary>Whether a segment is dropped for its signature: a missing, an unexpected or a wrong one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsForged(in SocketOptions options, in TcpSegment segment, ushort listener) =>
        (options.Others is { Keys: not null }
            || (segment.Options.Length >= LeastSigned && !TcpOptions.IsUsualSyn(segment.Options)))
            && DropForged(options, segment, listener);

    private bool DropForged(in SocketOptions options, in TcpSegment segment, ushort listener)
    {
        bool sound = SegmentSignature.TryFind(segment.Options, out ReadOnlySpan<byte> digest);
        byte[]? key = options.KeyOf(segment.Source);
        if (sound && key is null && digest.IsEmpty)
        {
            return false;
        }

        Counter counter = !sound ? Counter.None
            : key is null ? Counter.TcpExtTCPMD5Unexpected
            : digest.IsEmpty ? Counter.TcpExtTCPMD5NotFound : Counter.TcpExtTCPMD5Failure;
        if (counter == Counter.TcpExtTCPMD5Failure)
        {
            Span<byte> expected = stackalloc byte[Md5.DigestLength];
            SegmentSignature.Compute(
                segment.Source, segment.Destination, segment.Whole, segment.HeaderLength, key!, expected);
            if (expected.SequenceEqual(digest))
            {
                return false;
            }
        }

        Context.Mib.Count(counter);
        Context.Judge(segment, RuleId.SegmentSignature, listener: listener);
        return true;
    }
}
