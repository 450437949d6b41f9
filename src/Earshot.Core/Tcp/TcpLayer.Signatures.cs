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

    /// <summary>With which key a reset is signed that no socket sends: that of a listener on the segment's own source
    /// port, if it signed the segment. Linux: tcp_v4_send_reset.</summary>
    /// <returns>False when a signed segment is of no key that is known: it is not answered.</returns>
    internal bool TryFindResetKey(in TcpSegment segment, int @interface, out byte[]? key)
    {
        key = null;
        if (segment.Options.Length < LeastSigned || TcpOptions.IsUsualSyn(segment.Options)
            || !SegmentSignature.TryFind(segment.Options, out ReadOnlySpan<byte> digest) || digest.IsEmpty)
        {
            return true;
        }

        var asked = new FourTuple(segment.Tuple.Local with { Port = segment.SourcePort }, segment.Tuple.Remote);
        if (Table.Listeners.Find(asked, @interface, Table.Tag(asked)) is not { } listener)
        {
            return false;
        }

        key = listener.Options.KeyOf(segment.Source);
        return key is not null && IsSignedWith(key, segment, digest);
    }

    private static bool IsSignedWith(byte[] key, in TcpSegment segment, ReadOnlySpan<byte> digest)
    {
        Span<byte> expected = stackalloc byte[Md5.DigestLength];
        SegmentSignature.Compute(
            segment.Source, segment.Destination, segment.Whole, segment.HeaderLength, key, expected);
        return expected.SequenceEqual(digest);
    }

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
        if (counter == Counter.TcpExtTCPMD5Failure && IsSignedWith(key!, segment, digest))
        {
            return false;
        }

        Context.Mib.Count(counter);
        Context.Judge(segment, RuleId.SegmentSignature, listener: listener);
        return true;
    }
}
