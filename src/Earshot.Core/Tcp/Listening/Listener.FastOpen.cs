using System;
using System.Buffers.Binary;
using Earshot.Core.Ip;
using Earshot.Core.Tcp.Established;
using Earshot.Core.Wire;

namespace Earshot.Core.Tcp.Listening;

/// <content>TCP Fast Open, the server's side: a connection from a SYN.</content>
internal sealed partial class Listener
{
    private const int CookieLength = 8;

    /// <summary>Fast Open connections that wait for their third ACK.</summary>
    internal FastOpenQueue FastOpenQueue { get; }

    /// <summary>At the first listen(): the sysctl may give every listener a Fast Open queue. Linux:
    /// inet_listen.</summary>
    internal void StartFastOpen()
    {
        FastOpenQueue.ForgetResets();
        const int Both = (int)(FastOpenBits.EveryListener | FastOpenBits.Server);
        if ((_context.Sysctls.TcpFastopen & Both) == Both && Options.FastOpenLimit == 0)
        {
            ChangeOptions().FastOpenLimit = Backlog;
            _tcp.EnsureFastOpenKey();
        }
    }

    /// <summary>Asks whether a SYN opens fast. Linux: tcp_try_fastopen.</summary>
    private FastOpenDecision AskFastOpen(in TcpSegment syn, in TcpOptions asked)
    {
        ref readonly SocketOptions options = ref Options;
        bool has = asked.FastOpen != FastOpenOption.None;
        bool sends = has && asked.FastOpenLength > 0;
        FastOpenMatch match = sends && (_context.Sysctls.TcpFastopen & (int)FastOpenBits.Server) != 0
            ? Match(syn, asked) : FastOpenMatch.None;
        FastOpenDecision decision = FastOpenRules.Decide(new FastOpenQuestion(
            _context.Sysctls.TcpFastopen, syn.PayloadLength > 0, has ? asked.FastOpenLength : -1,
            FastOpenQueue.Count, options.FastOpenLimit, FastOpenQueue.OldestResetIsOver, options.FastOpenNoCookie,
            match));
        _context.Mib.Count(decision.First);
        _context.Mib.Count(decision.Second);
        if (decision.ForgetsReset)
        {
            FastOpenQueue.Recycle();
        }

        if (decision.Rule is not (RuleId.None or RuleId.FastOpenChild))
        {
            _context.Judge(
                syn, decision.Rule, (uint)FastOpenQueue.Count, options.FastOpenLimit, listener: Id);
        }

        return decision;
    }

    private FastOpenMatch Match(in TcpSegment syn, in TcpOptions asked)
    {
        if (asked.FastOpenLength != CookieLength)
        {
            return FastOpenMatch.None;
        }

        ulong cookie = BinaryPrimitives.ReadUInt64LittleEndian(syn.Options[asked.FastOpenOffset..]);
        ReadOnlySpan<byte> keys = _tcp.FastOpenKeys(Options);
        if (cookie == FastOpenKey.Cookie(keys, syn.Source, syn.Destination))
        {
            return FastOpenMatch.Primary;
        }

        return keys.Length > FastOpenKey.Length
            && cookie == FastOpenKey.Cookie(keys[FastOpenKey.Length..], syn.Source, syn.Destination)
                ? FastOpenMatch.Backup : FastOpenMatch.None;
    }

    /// <summary>The cookie that a SYN-ACK brings, in the kind of option that the SYN had.</summary>
    private FastOpenOffer Offer(in TcpSegment syn, in TcpOptions asked, in FastOpenDecision decision) =>
        decision.OffersCookie
            ? new FastOpenOffer(
                asked.FastOpen,
                FastOpenKey.Cookie(_tcp.FastOpenKeys(Options), syn.Source, syn.Destination))
            : default;

    /// <summary>Makes a connection of a SYN. Linux: tcp_fastopen_create_child.</summary>
    private void OpenFast(
        int place, ref ConnectionRequest request, in TcpSegment syn, in Route route, uint tag, FastOpenOffer offer)
    {
        request.Flags |= RequestFlags.FastOpen;

        // It would have to know what its SYN-ACK's ACK says of marks, which comes after data of its own may have left.
        request.HasAccurateEcn = false;
        _context.Mib.Count(Counter.TcpPassiveOpens);
        Connection child = _tcp.NewConnection();
        child.OpenFromRequest(request, this, syn, route, tag);
        child.StartFastOpen(place, ref request, syn);
        _tcp.Table.Add(tag, child.Handle);
        FastOpenQueue.Add();
        if (Options.SaveSyn != 0)
        {
            child.SavedSyn = syn.Headers.ToArray();
        }

        _context.Judge(
            syn, RuleId.FastOpenChild, (uint)syn.PayloadLength, (uint)FastOpenQueue.Count,
            Options.FastOpenLimit, Id);
        _tcp.Output.SynAck(ref request, syn.Tuple, route, Options, _context.TimestampClock, offer);
        AcceptQueue.Add(child, _context.Now);
        Owner.OnReadiness(PollMask.In | PollMask.ReadNormal);
    }
}

/// <summary>A Fast Open cookie for a SYN-ACK.</summary>
/// <param name="Option">The kind of option; none: no cookie.</param>
/// <param name="Cookie">The cookie.</param>
internal readonly record struct FastOpenOffer(FastOpenOption Option, ulong Cookie);
